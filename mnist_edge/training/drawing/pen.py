"""A pen on paper: strokes through control points become images as MNIST has them.

A stroke is a smooth curve through its control points; a pen is a disc that is moved along it, so
that its ends are round and its width may change on the way. All strokes of a batch of drawings have
the same number of points, so that numpy draws the batch at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import PIXEL_MAX, SIDE
from mnist_edge.runtime.preprocess.strokes import LONGER
from mnist_edge.training.augment import CENTRE

Floats = NDArray[np.float32]

STEP = 0.6
"""Distance of two discs along a stroke, px: closer, nothing changes that can be seen."""

_NO_INK = np.float32(-1e4)

_CHUNK = 8  # stays in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One stroke of each of n drawings.

    Attributes:
        points: float (n, k, 2), what it goes through: x to the right, y down, about 0..1.
        corners: Which of the points are corners; at the others it goes on smoothly.
    """

    points: NDArray[np.floating]
    corners: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Where the pen was, for each of n drawings.

    Attributes:
        places: float32 (n, points, 2), x and y.
        starts: Index of each stroke's first point, and after them the number of points.
    """

    places: Floats
    starts: tuple[int, ...]


def trace(strokes: list[Stroke], scale: float) -> Trace:
    """Follow the strokes of n drawings.

    Args:
        strokes: In the order in which they are drawn.
        scale: Pixels a unit, about: decides how many points a stroke gets.
    """
    parts = []
    starts = [0]
    for stroke in strokes:
        lengths = np.linalg.norm(np.diff(stroke.points, axis=1), axis=2).mean(axis=0)
        counts = np.ceil(1.25 * lengths * scale / STEP).astype(int).clip(1)
        basis = _spline(counts, stroke.corners)
        parts.append(np.einsum("tk,nkc->ntc", basis, stroke.points.astype(np.float32)))
        starts.append(starts[-1] + len(basis))
    return Trace(np.concatenate(parts, axis=1), tuple(starts))


def _spline(counts: NDArray[np.int64], corners: tuple[int, ...]) -> Floats:
    """Return what a Catmull-Rom spline's points are made of, float32 (points, k).

    Args:
        counts: Points between each control point and the next; the last one is added.
        corners: Control points where the curve stops for a moment, and so may turn.
    """
    size = len(counts) + 1
    places = np.eye(size)
    tangents = np.zeros((size, size))
    tangents[1:-1] = (places[2:] - places[:-2]) / 2
    tangents[0] = places[1] - places[0]
    tangents[-1] = places[-1] - places[-2]
    tangents[list(corners)] = 0
    rows = []
    for number, count in enumerate(counts):
        t = (np.arange(count) / count)[:, None]
        rows.append(
            (2 * t**3 - 3 * t**2 + 1) * places[number]
            + (t**3 - 2 * t**2 + t) * tangents[number]
            + (3 * t**2 - 2 * t**3) * places[number + 1]
            + (t**3 - t**2) * tangents[number + 1]
        )
    rows.append(places[-1:])
    return np.concatenate(rows).astype(np.float32)


def scale_to_mnist(places: Floats, widths: Floats) -> tuple[Floats, Floats]:
    """Scale drawings to MNIST's size, the pen's width included.

    Args:
        places: float32 (n, points, 2).
        widths: float32 (n,), the pen's, px.

    Returns:
        The places in px, and float32 (n,) the length of each drawing's shorter side, px.
    """
    low = places.min(axis=1, keepdims=True)
    extent = places.max(axis=1, keepdims=True) - low
    longer = np.maximum(extent.max(axis=2, keepdims=True), 1e-3)
    factor = (LONGER - widths)[:, None, None] / longer
    shorter = extent.min(axis=(1, 2)) * factor[:, 0, 0] + widths
    return (places - low) * factor, shorter


def centre(places: Floats, radii: Floats, starts: tuple[int, ...]) -> Floats:
    """Move drawings so that their centre of mass is where MNIST's digits have it.

    Args:
        places: float32 (n, points, 2), px.
        radii: float32 (n, points), of the pen at each.
        starts: As in ``Trace``.
    """
    weights = np.linalg.norm(np.diff(places, axis=1, prepend=places[:, :1]), axis=2)
    weights[:, list(starts[:-1])] = 0  # the way from one stroke to the next is no ink
    weights *= np.maximum(radii, 0)
    total = np.maximum(weights.sum(axis=1), 1e-6)
    middle = np.einsum("nt,ntc->nc", weights, places) / total[:, None]
    return np.asarray(places + (CENTRE - middle)[:, None], np.float32)


def rasterize(places: Floats, radii: Floats) -> NDArray[np.uint8]:
    """Draw discs at all places: what a pen leaves that moves from one to the next.

    Args:
        places: float32 (n, points, 2), x and y in px; index 0 is the first pixel's middle.
        radii: float32 (n, points); below 0 where the pen is off the paper.

    Returns:
        uint8 (n, 28, 28), light ink on black, soft by one px at the edge.
    """
    line = np.arange(SIDE, dtype=np.float32)
    squares = np.where(radii > 0, radii**2, _NO_INK).astype(np.float32)
    drawn = np.empty((len(places), SIDE, SIDE), np.float32)
    for start in range(0, len(places), _CHUNK):
        part = slice(start, start + _CHUNK)
        across = (line[:, None] - places[part, None, :, 0]) ** 2
        down = squares[part, None] - (line[:, None] - places[part, None, :, 1]) ** 2
        # Squared radius less squared distance: 0 on the edge of the union of all discs.
        for number in range(len(across)):
            drawn[start + number] = (down[number, :, None] - across[number, None]).max(axis=2)
    on_paper = radii > 0
    mean = (radii * on_paper).sum(axis=1) / np.maximum(on_paper.sum(axis=1), 1)
    mean = np.maximum(mean, 0.5)[:, None, None]
    depth = mean - np.sqrt(np.maximum(mean**2 - drawn, 0))
    ink = (depth + np.float32(0.5)).clip(0, 1) * PIXEL_MAX
    return np.asarray(ink + np.float32(0.5), np.uint8)
