"""What is taken for the digit, and what is left out."""

import contextlib

import numpy as np
import pytest

from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.ink import Found
from mnist_edge.runtime.preprocess.ink import locate as located
from mnist_edge.runtime.preprocess.paper import direction
from mnist_edge.runtime.preprocess.parts import label


def locate(picture: Picture) -> Found:
    return located(decode(picture))


def page(height: int = 200, width: int = 200) -> np.ndarray:
    """White, with a thick L from (50, 60) to (150, 140)."""
    a = np.ones((height, width, 3))
    a[50:150, 60:72] = 0
    a[138:150, 60:140] = 0
    return a


def is_the_l(found: Found, tolerance: int = 3) -> bool:
    top, bottom, left, right = found.box
    height, width = bottom - top, right - left
    return (
        abs(height * 0.8 - width) <= tolerance
        and found.ink[found.own].min() > 0.2 * found.ink.max()
    )


def test_the_digit_alone() -> None:
    found = locate(page())
    assert is_the_l(found)
    assert (found.parts, found.sheet) == (1, False)


def test_specks_and_distant_marks_are_left_out() -> None:
    picture = page()
    picture[20:24, 100:104] = 0
    picture[100, 180:183] = 0
    assert is_the_l(locate(picture))


def test_a_stroke_close_by_belongs_to_the_digit() -> None:
    picture = page()
    picture[50:60, 80:140] = 0
    found = locate(picture)
    assert found.parts == 1  # as the bar of a five: too flat for a second digit
    assert len(np.unique(label(found.own))) == 3


@pytest.mark.parametrize("thick", [1, 4, 12])
def test_frames_and_edges_are_left_out(thick: int) -> None:
    framed, edged = page(), page()
    framed[:thick], framed[-thick:], framed[:, :thick], framed[:, -thick:] = 0.1, 0.1, 0.1, 0.1
    edged[:, -thick:] = 0.3
    assert is_the_l(locate(framed))
    assert is_the_l(locate(edged))


@pytest.mark.parametrize("edge", ["bottom", "right", "both"])
def test_a_thin_digit_is_no_speck_beside_a_table(edge: str) -> None:
    photo = np.full((480, 640, 3), 0.8) * np.linspace(1, 0.7, 640)[:, None]
    photo[150:250, 300:305] *= 0.6
    photo[245:250, 300:380] *= 0.6
    if edge != "right":
        photo[420:] *= 0.1
    if edge != "bottom":
        photo[:, 570:] *= 0.1
    found = locate(photo)
    top, bottom, left, right = found.box
    assert right - left == pytest.approx(0.8 * (bottom - top), abs=4)
    assert found.parts == 1


def test_a_canvas_on_a_page_is_looked_into() -> None:
    screen = np.full((500, 700, 3), 0.95)
    screen[100:300, 200:400] = 1 - page()
    assert is_the_l(locate(screen))


def test_a_solid_bar_is_a_digit_and_no_sheet() -> None:
    picture = np.ones((100, 100, 3))
    picture[10:90, 40:60] = 0
    found = locate(picture)
    assert found.box[1] - found.box[0] == pytest.approx(4 * (found.box[3] - found.box[2]), rel=0.15)


def test_a_small_digit_is_looked_at_closer() -> None:
    wide = np.ones((1000, 1000, 3))
    wide[700:900, 100:300] = page()
    assert locate(wide).ink.shape[0] > 100
    assert is_the_l(locate(wide))


def test_the_side_with_more_energy_is_ink() -> None:
    for picture in (page(), 1 - page(), 0.4 + 0.2 * page(), page() * (1.0, 0.9, 0.3)):
        assert is_the_l(locate(picture))


def test_colours_of_one_brightness() -> None:
    ink = 1 - page()[..., :1]
    assert is_the_l(locate(ink * (0.8, 0.2, 0.2) + (1 - ink) * (0.2, 0.506, 0.2)))


def test_direction_is_the_first_principal_axis() -> None:
    rng = np.random.default_rng(0)
    off = rng.normal(size=(30, 30, 3)) * (1, 3, 2) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    flat = off.reshape(-1, 3)
    wanted = np.linalg.eigh(flat.T @ flat)[1][:, -1]
    assert abs(np.array(direction(flat.T)) @ wanted) == pytest.approx(1, abs=1e-6)


def test_labels_are_the_connected_pieces() -> None:
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 1]], bool)
    labels = label(mask)
    assert labels[0, 0] == labels[0, 1] == labels[1, 2]
    assert len({labels[0, 0], labels[3, 0], labels[3, 2], 0}) == 4
    spiral = np.zeros((41, 41), bool)
    for i in range(0, 20, 2):
        spiral[i, i : 41 - i] = spiral[i : 41 - i, 40 - i] = spiral[40 - i, i : 41 - i] = True
        spiral[i + 2 : 41 - i, i] = True
        spiral[i + 2, i : i + 3] = True
    assert label(spiral).max() == 1
    assert label(np.ones((3, 3), bool)).min() == 1


@pytest.mark.parametrize("contrast", [0.0, 0.005, 0.015])
def test_too_little_contrast_is_blank(contrast: float) -> None:
    with pytest.raises(ImageError, match="blank"):
        locate(1 - contrast * (1 - page()))


@pytest.mark.parametrize("sides", [(1, 1), (1, 90), (90, 1), (2, 2), (3, 200)])
def test_tiny_pictures_end_in_an_answer_or_our_error(sides: tuple[int, int]) -> None:
    for seed in range(20):
        with contextlib.suppress(ImageError):
            locate(np.random.default_rng(seed).random((*sides, 3)))


def test_weak_ink_that_touches_sure_ink_is_kept_in_a_small_picture() -> None:
    picture = np.full((32, 32), 200, np.uint8)
    picture[6:26, 9:12] = 60
    picture[23:26, 12:22] = 160  # the foot of an L, faint
    picture[6:9, 20:26] = 160  # as faint, apart from it
    assert locate(picture).box == (6, 26, 9, 22)
