import numpy as np
import pytest

from mnist_edge.training.drawing.pen import Stroke, centre, rasterize, scale_to_mnist, trace


def line(*points: tuple[float, float], corners: tuple[int, ...] = ()) -> Stroke:
    return Stroke(np.array([points]), corners)


def test_a_curve_goes_through_its_points_and_turns_at_its_corners() -> None:
    points = ((0.0, 0.0), (0.5, 0.4), (1.0, 0.0))
    smooth = trace([line(*points)], 20).places[0]
    sharp = trace([line(*points, corners=(0, 1, 2))], 20).places[0]
    for point in points:
        assert np.abs(smooth - point).max(axis=1).min() < 1e-6
    # Between corners it is straight; a curve is somewhere else there.
    left = sharp[sharp[:, 0] <= 0.5]
    np.testing.assert_allclose(left[:, 1], 0.8 * left[:, 0], atol=1e-6)
    left = smooth[smooth[:, 0] <= 0.5]
    assert np.abs(left[:, 1] - 0.8 * left[:, 0]).max() > 0.02


def test_each_stroke_begins_where_it_should() -> None:
    drawn = trace([line((0, 0), (0, 1)), line((1, 1), (0, 1))], 20)
    first, second, end = drawn.starts
    assert (first, end) == (0, drawn.places.shape[1])
    np.testing.assert_array_equal(drawn.places[0, [first, second]], [[0, 0], [1, 1]])


@pytest.mark.parametrize("width", [1.6, 4.0])
def test_a_pen_is_as_wide_as_it_says(width: float) -> None:
    places = trace([line((4, 14), (24, 14))], 1).places
    ink = rasterize(places, np.full(places.shape[:2], width / 2, np.float32)) / 255
    assert ink[0, :, 14].sum() == pytest.approx(width, abs=0.15)
    # Its ends are round, and half a width beyond the stroke's own.
    assert ink[0, 14].sum() == pytest.approx(21 - 1 + width, abs=0.3)


def test_a_lifted_pen_leaves_a_gap() -> None:
    places = trace([line((4, 14), (24, 14))], 1).places
    radii = np.ones(places.shape[:2], np.float32)
    radii[:, 12:24] = -1
    row = rasterize(places, radii)[0, 14]
    assert row[[6, 22]].tolist() == [255, 255]
    assert row.min() == row[12] == 0


def test_a_drawing_is_made_as_large_as_mnists_and_its_ink_is_in_the_middle() -> None:
    drawn = trace([line((0, 0), (0, 1)), line((0, 1), (0.5, 1))], 20)
    widths = np.array([2.0], np.float32)
    places, shorter = scale_to_mnist(drawn.places, widths)
    assert np.ptp(places[0], axis=0).max() + 2 == pytest.approx(20)
    assert shorter[0] == pytest.approx(9 + 2)
    radii = np.ones(places.shape[:2], np.float32)
    ink = rasterize(centre(places, radii, drawn.starts), radii)[0].astype(float)
    pixels = np.arange(28)
    middle = (ink.sum(axis=1) @ pixels / ink.sum(), ink.sum(axis=0) @ pixels / ink.sum())
    np.testing.assert_allclose(middle, (14, 14), atol=0.5)
