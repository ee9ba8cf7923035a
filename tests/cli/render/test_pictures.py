from pathlib import Path

import numpy as np
import pytest

from mnist_edge.cli.render import charts, pictures
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.training.history import History


def test_terminal_keeps_within_its_width(sample: Dataset) -> None:
    drawn = pictures.in_terminal(sample.test_images[:5], list("01234"), columns=60)
    lines = drawn.split("\n")
    assert max(map(len, lines)) <= 60
    assert len(lines) == 3 * 15
    assert "@" in drawn


def test_contact_sheet_holds_every_digit(sample: Dataset) -> None:
    sheet = pictures.contact_sheet(sample.test_images[:7], ["7"] * 7)
    pixels = np.asarray(sheet)
    assert sheet.size == (3 * 64, 3 * 80)
    assert (pixels[160:, :64] < 128).any()
    assert not (pixels[160:, 64:] < 128).any()


@pytest.mark.parametrize("shape", [(7, 5), (9, 6, 1), (8, 8, 3), (8, 8, 4), (300, 301, 3)], ids=str)
def test_images_of_any_shape_are_drawn(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    captions = ["a", "a name that is much longer than the image is wide", "line\nbreak"]
    drawn = pictures.in_terminal(images, ["a", "b", "c"], columns=60)
    assert max(map(len, drawn.split("\n"))) <= 60
    sheet = pictures.contact_sheet(images, captions)
    assert sheet.mode == ("RGB" if shape[-1] in (3, 4) else "L")
    assert max(sheet.size) <= 2 * (301 + 8 + 16)


def test_colours_are_drawn_as_they_are(sample: Dataset) -> None:
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert pictures.contact_sheet(red, ["r"]).getpixel((6, 6)) == (255, 0, 0)
    # Ink is drawn dark on white.
    assert pictures.contact_sheet(sample.test_images[:1], ["7"]).getpixel((5, 5)) == 255


@pytest.mark.parametrize(
    ("distilled", "labels"),
    [
        (False, ["training", "validation"]),
        (True, ["training: distance from the teacher", "validation: cross-entropy"]),
    ],
)
def test_curve_is_drawn_and_saved(tmp_path: Path, distilled: bool, labels: list[str]) -> None:
    history = History(
        loss=(1.0, 0.5), accuracy=(0.7, 0.9), val_loss=(1.1, 0.6), val_accuracy=(0.6, 0.8)
    )
    figure = charts.training_curve(history, "title", distilled=distilled)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == labels
    charts.save_figure(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_unknown_plot_format() -> None:
    with pytest.raises(OptionError, match=r"\.png, \.svg, \.pdf, received curve\.docx"):
        charts.require_plot(Path("curve.docx"))
