"""Any picture of one digit -> the 28x28 pixels that MNIST's makers would have made of it.

MNIST's digits are white on black, 20 pixels on their longer side, with their centre of mass in the
middle of the frame (LeCun et al., "Gradient-based learning applied to document recognition", 1998,
section III.A; the exact steps in Yadav and Bottou, "Cold case: the lost MNIST digits", 2019). A
network trained on them reads other pictures only if those are made the same way. The steps here:

    decode    file, Pillow image or array  ->  colours, at most 1,024 pixels a side      (decode.py)
    locate    paper, ink, parts            ->  which pixels are the digit               (ink.py)
    compose   crop, stroke width, centre   ->  28x28                                    (here)

Everything after decoding is plain array arithmetic, so that another language can repeat it.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import MNIST_SHAPE, PIXEL_MAX, SIDE
from mnist_edge.runtime.picture.decode import Bools, Picture, decode
from mnist_edge.runtime.picture.ink import Found, locate
from mnist_edge.runtime.picture.numeric import Floats, means, quantile, resize

Bytes: TypeAlias = NDArray[np.uint8]

CANVAS = 80  # pixels on the digit's longer side while its strokes are measured: 4 for each of MNIST's 20
STROKE = 2.8  # width given to all strokes, in MNIST pixels; MNIST's own median is 2.4, 90 % lie in 1.8 to 3.4
MOST_COVERED = 0.75  # share of its box that a digit's ink fills at most; 99 % of MNIST's stay below 0.61
NARROW = 0.4  # width of a box over its height up to which ink that fills it is a stroke: a 1, no blot
WIDEST = 1.6  # width of a digit's box over its height, at most; 99 % of MNIST's stay below 1.24
CENTRE = 14.5  # where MNIST has the centre of mass, from the edge: whole-pixel shifts put it in 14.0 to 15.0


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """A digit as the network sees it, and what was noticed on the way.

    Attributes:
        pixels: (28, 28) uint8, white ink on black.
        parts: pieces of ink at least a quarter as large and half as high as the digit's largest; 1 for most digits.
        aspect: width of the digit's box over its height.
        coverage: share of the digit's box that is ink, 0 to 1.
        stroke: width of the strokes before they were evened out, for a digit 20 pixels long.
    """

    pixels: Bytes
    parts: int
    aspect: float
    coverage: float
    stroke: float

    @property
    def doubtful(self) -> bool:
        """Whether this looks like two digits, a blot or something lying down rather than one digit."""
        blot = self.coverage > MOST_COVERED and self.aspect > NARROW
        return self.parts > 1 or blot or self.aspect > WIDEST


def prepare(picture: Picture) -> Bytes:
    """Makes of any picture of one digit what MNIST's makers would have made of it.

    Args:
        picture: a path, a file's bytes, a Pillow image, or an array of shape (H, W), (H, W, 1), (H, W, 2: grey and
            opacity), (H, W, 3) or (H, W, 4); uint8, uint16, bool, or float from 0 to 1.

    Returns:
        (28, 28) uint8, white ink (255) on black (0).

    Raises:
        ImageError: nothing readable, nothing drawn, too large, or of a shape, dtype or range not listed above.
    """
    return examine(picture).pixels


def examine(picture: Picture) -> Preparation:
    """As `prepare`, with what was noticed about the digit: see `Preparation`. Same arguments and errors."""
    found = locate(decode(picture))
    return _as_mnist_made(found) or _compose(found)


def _preparation(pixels: Floats, found: Found, own: Floats, stroke: float) -> Preparation:
    top, bottom, left, right = found.box
    return Preparation(
        pixels=np.rint(PIXEL_MAX * np.clip(pixels, 0, 1)).astype(np.uint8),
        parts=found.parts,
        aspect=(right - left) / (bottom - top),
        coverage=float(own[top:bottom, left:right].mean()),
        stroke=stroke,
    )


def _centre(a: Floats) -> tuple[float, float]:
    """Centre of mass, in pixels from the top and left edges."""
    mass = a.sum()
    y, x = np.arange(a.shape[0]) + 0.5, np.arange(a.shape[1]) + 0.5
    return float((a.sum(axis=1) * y).sum() / mass), float((a.sum(axis=0) * x).sum() / mass)


def _extent(mask: Bools) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _as_mnist_made(found: Found) -> Preparation | None:
    """A picture that is MNIST's own work already, whatever its colours, stays as it is."""
    ink = found.ink / found.ink.max()
    if ink.shape != MNIST_SHAPE:
        return None
    top, bottom, left, right = _extent(ink > 0.5 / PIXEL_MAX)
    y, x = _centre(ink)
    if max(bottom - top, right - left) != 20 or max(abs(y - CENTRE), abs(x - CENTRE)) > 0.75:
        return None
    return _preparation(ink, found, ink, _stroke_width(ink))


def _stroke_width(a: Floats) -> float:
    """Mean width of strokes in pixels: twice their area over the length of their outline (total variation)."""
    p = np.pad(a, 1)
    outline = np.hypot(np.diff(p, axis=0)[:, :-1], np.diff(p, axis=1)[:-1]).sum()
    return float(2 * a.sum() / outline)


def _thicken(a: Floats, radius: float) -> Floats:
    """Grows ink by a radius in pixels: the maximum under a disk with a soft edge."""
    k = int(np.ceil(radius))
    p = np.pad(a, k)
    out = a
    for i in range(-k, k + 1):
        for j in range(-k, k + 1):
            weight = min(max(radius + 0.5 - (i * i + j * j) ** 0.5, 0.0), 1.0)
            if weight > 0:
                out = np.maximum(out, weight * p[k + i : k + i + a.shape[0], k + j : k + j + a.shape[1]])
    return out


def _even_strokes(a: Floats) -> Floats:
    """Strokes of one width: pens and brushes differ far more than the pencils of MNIST's writers did."""
    unit = CANVAS / 20
    for _ in range(2):  # the second time for what corners and crossings hid
        radius = (STROKE * unit - _stroke_width(a)) / 2
        if radius > 0.2:
            a = _thicken(a, radius)
        elif radius < -0.2:
            thinner = 1 - _thicken(1 - a, min(-radius, 1.2 * unit))
            a = thinner if thinner.max() > 0.5 else a
    return a


def _grown(mask: Bools, rounds: int) -> Bools:
    for _ in range(rounds):
        p = np.pad(mask, 1)
        mask = p[1:-1, 1:-1] | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]
    return mask


def _soft_ink(found: Found) -> Floats:
    """The digit alone: 0 on paper, 1 inside strokes, between them at their edges."""
    full = quantile(found.ink[found.own], 0.75)
    near = _grown(found.own, max(1, round(0.015 * max(found.ink.shape))))
    return np.clip((found.ink / full - 0.15) / 0.7, 0, 1) * near


def _compose(found: Found) -> Preparation:
    """Crops, evens the strokes, and samples so that the longer side is 20 pixels and the mass is in the middle."""
    ink = _soft_ink(found)
    top, bottom, left, right = _extent(ink > 0.3)
    scale = CANVAS / max(bottom - top, right - left)
    crop = np.pad(ink, 1)[top : bottom + 2, left : right + 2]
    large = resize(crop, max(2, round(crop.shape[0] * scale)), max(2, round(crop.shape[1] * scale)))
    large = np.pad(large, CANVAS // 4)
    stroke = _stroke_width(large) / (CANVAS / 20)
    large = _even_strokes(large)
    top, bottom, left, right = _extent(large > 0.5)
    pixel = max(bottom - top, right - left) / 20
    y, x = _centre(large)
    down = means(large, SIDE, y - CENTRE * pixel, y + (SIDE - CENTRE) * pixel)
    small = means(down.T, SIDE, x - CENTRE * pixel, x + (SIDE - CENTRE) * pixel).T
    return _preparation(small / small.max(), found, ink, stroke)
