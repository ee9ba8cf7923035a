"""Any picture of one digit -> the 28x28 pixels that MNIST's makers would have made of it.

MNIST's digits are white on black, 20 pixels on their longer side, with their centre of mass in the
middle of the frame (LeCun et al., "Gradient-based learning applied to document recognition", 1998,
section III.A; the exact steps in Yadav and Bottou, "Cold case: the lost MNIST digits", 2019). A
network trained on them reads other pictures only if those are made the same way. The steps here:

    decode    file, Pillow image or array  ->  colours on paper   (decode, pillow, pixels, raster)
    locate    paper, ink, parts            ->  which pixels are the digit   (ink, paper, shadows,
                                                                             parts)
    compose   crop, stroke width, centre   ->  28x28                                (here, widths)

Everything after decoding is plain array arithmetic, so that another language can repeat it:
mnist_edge/web/picture.js does.
"""

from dataclasses import dataclass

import numpy as np

from mnist_edge.model_spec import MAX_PIXELS, MNIST_SHAPE, PIXEL_MAX, SIDE
from mnist_edge.runtime.preprocess.decode import Picture, decode
from mnist_edge.runtime.preprocess.ink import VIEW, Found, locate
from mnist_edge.runtime.preprocess.numeric import Bools, Bytes, Floats, means, quantile, some_of
from mnist_edge.runtime.preprocess.parts import grown
from mnist_edge.runtime.preprocess.widths import UNIT, even_strokes, stroke_width

LONGER = 20  # pixels on the longer side of each of MNIST's digits
CANVAS = UNIT * LONGER  # pixels on the digit's longer side while strokes are measured
ROOM = 8  # pixels around it, for strokes to grow
CENTRE = 14.5  # where MNIST has the centre of mass: shifts by whole pixels put it in 14.0 to 15.0
OFF_CENTRE = 0.75  # how far from there MNIST's own digits may lie

MOST_COVERED = 0.75  # share of its box that a digit's ink fills; 99 % of MNIST's stay below 0.61
NARROW = 0.4  # width over height of a box up to which ink that fills it is a stroke: a 1, no blot
BLOT = 8.0  # stroke width in MNIST pixels above which ink is no stroke
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
        filled = self.coverage > MOST_COVERED or self.stroke > BLOT
        blot = filled and self.aspect > NARROW
        return self.parts > 1 or blot or self.aspect > WIDEST


def prepare(picture: Picture, *, max_pixels: int = MAX_PIXELS) -> Bytes:
    """Make of any picture of one digit what MNIST's makers would have made of it.

    Args:
        picture: A path, a file's bytes, a Pillow image, or an array of shape (H, W), (H, W, 1),
            (H, W, 2: grey and opacity), (H, W, 3) or (H, W, 4); uint8, uint16, bool, or float from
            0 to 1.
        max_pixels: That it may have; one with more is refused before it is decoded.

    Returns:
        (28, 28) uint8, white ink (255) on black (0).

    Raises:
        ImageError: Nothing readable, nothing drawn, too large, or of a shape, dtype or range not
            listed above.
        OptionError: ``max_pixels`` is not a whole number from 1.
    """
    return examine(picture, max_pixels=max_pixels).pixels


def examine(picture: Picture, *, max_pixels: int = MAX_PIXELS) -> Preparation:
    """Prepare a picture as ``prepare`` does, and return what was noticed about the digit too.

    Same arguments and errors.
    """
    found = locate(decode(picture, max_pixels=max_pixels, longest=VIEW))
    return _as_mnist_made(found) or compose(found)


def _as_mnist_made(found: Found) -> Preparation | None:
    """Return a picture that is MNIST's own work already as it is, whatever its colours."""
    if found.ink.shape != MNIST_SHAPE:
        return None
    ink = found.ink / found.ink.max()
    top, bottom, left, right = extent(ink > 0.5 / PIXEL_MAX)
    y, x = _centre(ink)
    off = max(abs(y - CENTRE), abs(x - CENTRE))
    if max(bottom - top, right - left) != LONGER or off > OFF_CENTRE:
        return None
    levels = _levels(PIXEL_MAX * ink)
    return _preparation(levels, found, levels[slice(*found.box[:2]), slice(*found.box[2:])], 1)


def _preparation(pixels: Bytes, found: Found, own: Bytes, unit: float) -> Preparation:
    """Return what the network sees, and what is noticed.

    Args:
        pixels: (28, 28), what it sees.
        found: Where the digit is.
        own: Its ink in its box.
        unit: Pixels of ``own`` for each of MNIST's.
    """
    top, bottom, left, right = found.box
    return Preparation(
        pixels=pixels,
        parts=found.parts,
        aspect=(right - left) / (bottom - top),
        coverage=int(own.sum()) / own.size / PIXEL_MAX,
        stroke=stroke_width(own) / unit,
    )


def compose(found: Found) -> Preparation:
    """Crop the digit, even its strokes, and sample it as MNIST's makers did."""
    ink, box = _soft_ink(found)
    top, bottom, left, right = extent(ink > 0.3 * PIXEL_MAX)
    size = max(bottom - top, right - left)
    framed = np.zeros((bottom - top + 2, right - left + 2), np.uint8)
    framed[1:-1, 1:-1] = ink[top:bottom, left:right]
    height, width = (max(2, round(side * CANVAS / size)) for side in framed.shape)
    large = np.zeros((height + 2 * ROOM, width + 2 * ROOM), np.uint8)
    large[ROOM:-ROOM, ROOM:-ROOM] = _resized(framed, height, width)
    large = even_strokes(large, found.pieces)
    return _preparation(_sampled(large), found, ink[box], size / LONGER)


def _sampled(large: Bytes) -> Bytes:
    """Return ink (h, w) as MNIST has it: 20 pixels long, its mass in the middle of 28x28."""
    top, bottom, left, right = extent(large > PIXEL_MAX / 2)
    pixel = max(bottom - top, right - left) / LONGER
    y, x = _centre(large)
    down = means(large, SIDE, y - CENTRE * pixel, y + (SIDE - CENTRE) * pixel)
    small = means(down.T, SIDE, x - CENTRE * pixel, x + (SIDE - CENTRE) * pixel).T
    return _levels(small * np.float32(PIXEL_MAX / small.max()))


def _resized(a: Bytes, height: int, width: int) -> Bytes:
    """Return means over areas to make it smaller, linear interpolation to make it larger."""
    if height < len(a):
        down = means(a, height, 0, len(a))
        return _levels(means(down.T, width, 0, a.shape[1]).T)
    from PIL import Image

    return np.asarray(Image.fromarray(a).resize((width, height), Image.Resampling.BILINEAR))


def _levels(a: Floats) -> Bytes:
    levels: Bytes = np.rint(np.clip(a, 0, PIXEL_MAX)).astype(np.uint8)
    return levels


def _soft_ink(found: Found) -> tuple[Bytes, tuple[slice, slice]]:
    """Return the digit alone, and its box in that.

    0 on paper, 255 inside strokes, between them at their edges.
    """
    rounds = max(1, round(0.015 * max(found.ink.shape)))
    top, bottom, left, right = found.box
    height, width = found.ink.shape
    rows = slice(max(0, top - rounds), min(height, bottom + rounds))
    columns = slice(max(0, left - rounds), min(width, right + rounds))
    ink = found.ink[rows, columns]
    own = found.own[rows, columns]
    full = quantile(some_of(ink[own]), 0.75)
    soft = np.clip(ink * np.float32(1 / (0.7 * full)) - np.float32(0.15 / 0.7), 0, 1)
    soft *= grown(own, rounds)
    box = (
        slice(top - rows.start, bottom - rows.start),
        slice(left - columns.start, right - columns.start),
    )
    return _levels(PIXEL_MAX * soft), box


def _centre(a: Bytes | Floats) -> tuple[float, float]:
    """Return the centre of mass, in pixels from the top and left edges."""
    down = a.sum(axis=1, dtype=np.float64)
    across = a.sum(axis=0, dtype=np.float64)
    mass = down.sum()
    y = (down * np.arange(0.5, len(down))).sum() / mass
    x = (across * np.arange(0.5, len(across))).sum() / mass
    return float(y), float(x)


def extent(mask: Bools) -> tuple[int, int, int, int]:
    """Return the box around what is set: top, bottom, left, right; bottom and right exclusive."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
