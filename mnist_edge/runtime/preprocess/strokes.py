"""Any picture of one digit -> the 28x28 pixels that MNIST's makers would have made of it.

MNIST's digits are white on black, 20 pixels on their longer side, with their centre of mass in the
middle of the frame (LeCun et al., "Gradient-based learning applied to document recognition", 1998,
section III.A; the exact steps in Yadav and Bottou, "Cold case: the lost MNIST digits", 2019). A
network trained on them reads other pictures only if those are made the same way. The steps here:

    decode    file, Pillow image or array  ->  colours on paper           (decode, pillow, pixels)
    locate    paper, ink, parts            ->  which pixels are the digit             (ink, parts)
    compose   crop, stroke width, centre   ->  28x28                                        (here)

Everything after decoding is plain array arithmetic, so that another language can repeat it.
"""

from dataclasses import dataclass

import numpy as np

from mnist_edge.model_spec import MNIST_SHAPE, PIXEL_MAX, SIDE
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.ink import Found, locate
from mnist_edge.runtime.preprocess.numeric import Bools, Bytes, Floats, means, quantile, resize

LONGER = 20  # pixels on the longer side of each of MNIST's digits
UNIT = 4  # pixels for each of MNIST's while strokes are measured
CANVAS = UNIT * LONGER  # pixels on the digit's longer side meanwhile
STROKE = 2.8  # width given to all strokes, in MNIST pixels; MNIST's median is 2.4, 90 % in 1.8..3.4
CENTRE = 14.5  # where MNIST has the centre of mass: shifts by whole pixels put it in 14.0 to 15.0
OFF_CENTRE = 0.75  # how far from there MNIST's own digits may lie

MOST_COVERED = 0.75  # share of its box that a digit's ink fills; 99 % of MNIST's stay below 0.61
NARROW = 0.4  # width over height of a box up to which ink that fills it is a stroke: a 1, no blot
WIDEST = 1.6  # width over height of a digit's box, at most; 99 % of MNIST's stay below 1.24


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """A digit as the network sees it, and what was noticed on the way.

    Attributes:
        pixels: (28, 28) uint8, white ink on black.
        parts: Pieces of ink at least a quarter as large and half as high as the digit's largest; 1
            for most digits.
        aspect: Width of the digit's box over its height.
        coverage: Share of the digit's box that is ink, 0 to 1.
        stroke: Width of the strokes before they were evened out, for a digit 20 pixels long.
    """

    pixels: Bytes
    parts: int
    aspect: float
    coverage: float
    stroke: float

    @property
    def doubtful(self) -> bool:
        """Whether this looks like two digits, a blot or something lying down."""
        blot = self.coverage > MOST_COVERED and self.aspect > NARROW
        return self.parts > 1 or blot or self.aspect > WIDEST


def prepare(picture: Picture) -> Bytes:
    """Make of any picture of one digit what MNIST's makers would have made of it.

    Args:
        picture: A path, a file's bytes, a Pillow image, or an array of shape (H, W), (H, W, 1),
            (H, W, 2: grey and opacity), (H, W, 3) or (H, W, 4); uint8, uint16, bool, or float from
            0 to 1.

    Returns:
        (28, 28) uint8, white ink (255) on black (0).

    Raises:
        ImageError: Nothing readable, nothing drawn, too large, or of a shape, dtype or range not
            listed above.
    """
    return examine(picture).pixels


def examine(picture: Picture) -> Preparation:
    """Prepare a picture as ``prepare`` does, and return what was noticed about the digit too.

    Same arguments and errors.
    """
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


def _as_mnist_made(found: Found) -> Preparation | None:
    """Return a picture that is MNIST's own work already as it is, whatever its colours."""
    ink = found.ink / found.ink.max()
    if ink.shape != MNIST_SHAPE:
        return None
    top, bottom, left, right = _extent(ink > 0.5 / PIXEL_MAX)
    y, x = _centre(ink)
    off = max(abs(y - CENTRE), abs(x - CENTRE))
    if max(bottom - top, right - left) != LONGER or off > OFF_CENTRE:
        return None
    return _preparation(ink, found, ink, _stroke_width(ink))


def _compose(found: Found) -> Preparation:
    """Crop the digit, even its strokes, and sample it as MNIST's makers did."""
    ink = _soft_ink(found)
    top, bottom, left, right = _extent(ink > 0.3)
    scale = CANVAS / max(bottom - top, right - left)
    crop = np.pad(ink, 1)[top : bottom + 2, left : right + 2]
    height = max(2, round(crop.shape[0] * scale))
    width = max(2, round(crop.shape[1] * scale))
    large = np.pad(resize(crop, height, width), CANVAS // 4)  # room for strokes to grow
    stroke = _stroke_width(large) / UNIT
    large = _even_strokes(large)

    # The longer side becomes 20 pixels, and the mass lies in the middle.
    top, bottom, left, right = _extent(large > 0.5)
    pixel = max(bottom - top, right - left) / LONGER
    y, x = _centre(large)
    down = means(large, SIDE, y - CENTRE * pixel, y + (SIDE - CENTRE) * pixel)
    small = means(down.T, SIDE, x - CENTRE * pixel, x + (SIDE - CENTRE) * pixel).T
    return _preparation(small / small.max(), found, ink, stroke)


def _soft_ink(found: Found) -> Floats:
    """Return the digit alone: 0 on paper, 1 inside strokes, between them at their edges."""
    full = quantile(found.ink[found.own], 0.75)
    near = _grown(found.own, max(1, round(0.015 * max(found.ink.shape))))
    return np.clip((found.ink / full - 0.15) / 0.7, 0, 1) * near


def _grown(mask: Bools, rounds: int) -> Bools:
    """Return a mask with its neighbours up, down, left and right, some times over."""
    for _ in range(rounds):
        p = np.pad(mask, 1)
        mask = p[1:-1, 1:-1] | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]
    return mask


def _even_strokes(a: Floats) -> Floats:
    """Return ink with strokes of one width.

    Pens and brushes differ far more than the pencils of MNIST's writers did.
    """
    for _ in range(2):  # the second time for what corners and crossings hid
        radius = (STROKE * UNIT - _stroke_width(a)) / 2
        if radius > 0.2:
            a = _thicken(a, radius)
        elif radius < -0.2:
            thinner = 1 - _thicken(1 - a, min(-radius, 1.2 * UNIT))
            a = thinner if thinner.max() > 0.5 else a
    return a


def _thicken(a: Floats, radius: float) -> Floats:
    """Return ink grown by a radius in pixels: the maximum under a disk with a soft edge."""
    height, width = a.shape
    k = int(np.ceil(radius))
    p = np.pad(a, k)
    out = a
    for i in range(-k, k + 1):
        for j in range(-k, k + 1):
            weight = min(max(radius + 0.5 - (i * i + j * j) ** 0.5, 0.0), 1.0)
            if weight > 0:
                shifted = p[k + i : k + i + height, k + j : k + j + width]
                out = np.maximum(out, weight * shifted)
    return out


def _stroke_width(a: Floats) -> float:
    """Return the mean width of strokes in pixels: twice their area over their outline's length."""
    p = np.pad(a, 1)
    outline = np.hypot(np.diff(p, axis=0)[:, :-1], np.diff(p, axis=1)[:-1]).sum()  # total variation
    return float(2 * a.sum() / outline)


def _centre(a: Floats) -> tuple[float, float]:
    """Return the centre of mass, in pixels from the top and left edges."""
    mass = a.sum()
    y = np.arange(a.shape[0]) + 0.5
    x = np.arange(a.shape[1]) + 0.5
    return float((a.sum(axis=1) * y).sum() / mass), float((a.sum(axis=0) * x).sum() / mass)


def _extent(mask: Bools) -> tuple[int, int, int, int]:
    """Return the box around what is set: top, bottom, left, right; bottom and right exclusive."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
