"""The paper everywhere, and the axis along which ink leaves it."""

import numpy as np
import pytest

from mnist_edge.runtime.preprocess.paper import fit_paper, sample_of


def lit(height: int, width: int) -> np.ndarray:
    """(height, width) from 0 to 255: lighter to the right and in the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return 255 * (0.7 + 0.1 * x - 0.05 * y - 0.1 * (x * x + y * y) + 0.02 * x * y)


@pytest.mark.parametrize("size", [(28, 28), (32, 20), (160, 120), (97, 182)])
def test_lit_paper_is_found_below_ink(size: tuple[int, int]) -> None:
    paper = lit(*size)
    view = paper.copy()
    view[size[0] // 4 : size[0] // 2, size[1] // 2 : size[1] // 2 + 3] = 20
    sample = sample_of(*size)
    fitted = fit_paper(sample.take(view.astype(np.float32)), sample)
    everywhere = np.asarray(fitted.everywhere(*size)) / fitted.axis[0] * 255
    assert np.abs(everywhere - paper).max() < 3


def test_even_paper_is_one_number() -> None:
    view = np.full((60, 60), 200, np.uint8)
    view[20:40, 28:32] = 0
    sample = sample_of(60, 60)
    paper = fit_paper(sample.take(view), sample)
    assert paper.everywhere(60, 60) == pytest.approx(3**0.5 * 200 / 255)


def test_the_axis_is_the_inks_colour() -> None:
    view = np.full((60, 60, 3), (200, 100, 100), np.uint8)
    view[20:40, 20:40] = (200, 100, 200)
    sample = sample_of(60, 60)
    axis = fit_paper(sample.take(view), sample).axis
    assert np.abs(axis) == pytest.approx([0, 0, 1], abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (3, 160), (160, 2), (49, 49)])
def test_every_size_has_a_ring(size: tuple[int, int]) -> None:
    sample = sample_of(*size)
    assert sample.ring.any()
    assert len(sample.ring_of(np.zeros(size, np.float32))) == sample.ring.sum()
