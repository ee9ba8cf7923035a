"""Rows of digits in a picture: which ink may be digits, and what stands in one row."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.runtime.preprocess.ink import (
    CROP,
    closer_part,
    deviation,
    is_uneven,
    leaving,
    otsu,
    peak_of,
    smooth,
    usual_level,
)
from mnist_edge.runtime.preprocess.numeric import Floats, median
from mnist_edge.runtime.preprocess.paper import Sample, fit_paper, sample_of
from mnist_edge.runtime.preprocess.parts import (
    Box,
    Labels,
    Part,
    at_border,
    find_parts,
    is_band,
    is_sheet,
    mask_of,
    without,
)
from mnist_edge.runtime.preprocess.printed import (
    usual_height,
    without_dividers,
    without_fine,
    without_print,
)
from mnist_edge.runtime.preprocess.raster import WHOLE, Raster
from mnist_edge.runtime.preprocess.raster import Part as Seen
from mnist_edge.runtime.preprocess.shadows import beside_shadows

FIRST = 480  # pixels on the longer side in which rows are found
MOST = 1024  # pixels on the longer side, at most, to look closer at small digits
FINE = 36  # pixels of a digit's height that are enough
WANTED = 48  # pixels of it that are asked for where there are fewer
EVEN_HEIGHT = 28  # pixels of it below which noise is not smoothed away, nor strokes
SHADES = 160  # pixels a side in which shadows are found

MOST_PARTS = 400  # of ink; more are a texture, and would take seconds
MOST_DIGITS = 200  # what may be digits, and what lies between them

TALL = 0.5  # height of what may be a digit, of the row's


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What stands side by side.

    Attributes:
        parts: Connected parts, from left to right.
        height: Of its digits, in pixels.
    """

    parts: tuple[Part, ...]
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of digits in a view.

    Attributes:
        ink: (h, w) from 0 up.
        labels: (h, w), the number of each pixel's part; 0 for what is in no row.
        rows: From top to bottom.
        seen: The part of the picture that is viewed.
        size: Width and height of the whole picture in its own pixels.
    """

    ink: Floats
    labels: Labels
    rows: tuple[Row, ...]
    seen: Seen
    size: tuple[int, int]

    def in_picture(self, box: Box) -> tuple[int, int, int, int]:
        """Return x, y, width and height in the picture's own pixels of a box in the view."""
        height, width = self.ink.shape
        down = (self.seen.bottom - self.seen.top) / height * self.size[1]
        across = (self.seen.right - self.seen.left) / width * self.size[0]
        top = round(self.seen.top * self.size[1] + box[0] * down)
        left = round(self.seen.left * self.size[0] + box[2] * across)
        return (
            left,
            top,
            max(1, round(box[3] * across - box[2] * across)),
            max(1, round((box[1] - box[0]) * down)),
        )


def find_rows(picture: Raster) -> Rows | None:
    """Find rows of what may be digits; None if nothing stands out from the paper."""
    seen = WHOLE
    side = FIRST
    found = _look(picture, seen, side)
    for _ in range(2):  # a sheet within a picture
        if found is None or found.sheet is None:
            break
        seen = closer_part(seen, found.ink.shape, found.sheet, -0.04)
        again = _look(picture, seen, side)
        if again is None or not again.rows:
            break
        found = again
    if found is None or not found.rows:
        return None
    height = median(np.array([row.height for row in found.rows], np.float32))
    whole = max(picture.size)
    ratio = max(found.ink.shape) / (
        max((seen.bottom - seen.top) * picture.size[1], (seen.right - seen.left) * picture.size[0])
    )
    if height < FINE and ratio < 0.95 and whole > FIRST:
        box = _around(found.rows)
        more = 0.8 * height / max(box[1] - box[0], box[3] - box[2])
        closer = closer_part(seen, found.ink.shape, box, more)
        scale = WANTED / height
        side = round(min(MOST, scale * (max(box[1] - box[0], box[3] - box[2]) + 1.6 * height)))
        again = _look(picture, closer, side)
        if again is not None and again.rows:
            found, seen = again, closer
    return Rows(found.ink, found.labels, found.rows, seen, picture.size)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    ink: Floats
    labels: Labels
    rows: tuple[Row, ...]
    sheet: Box | None


def _around(rows: tuple[Row, ...]) -> Box:
    tops, bottoms, lefts, rights = zip(*(p.box for row in rows for p in row.parts), strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _look(picture: Raster, seen: Seen, side: int) -> _View | None:
    view = picture.view(seen, side)
    found = _stand_out(view, max(view.shape[:2]) >= 2 * SHADES)
    labels, parts = _without_bands(found)
    if not parts:
        return None
    if is_sheet(parts[0], labels):
        return _View(found.ink, labels, (), parts[0].box)
    if len(parts) <= MOST_PARTS:
        labels, parts = without_print(found.ink, labels, parts)
    rows = _rows(parts, labels) if len(parts) <= MOST_PARTS else ()
    if sum(len(row.parts) for row in rows) > MOST_DIGITS:
        rows = ()
    kept = mask_of(labels, [part for row in rows for part in row.parts])
    return _View(found.ink, np.where(kept, labels, 0), rows, None)


# -- ink ------------------------------------------------------------------------------------------


class _StandingOut(NamedTuple):
    """How far pixels stand out from the paper.

    Attributes:
        ink: (h, w) from 0 up.
        noise: The paper's.
        share: Of the ink's usual level, from where on a pixel is ink.
    """

    ink: Floats
    noise: float
    share: float

    def parts(self) -> tuple[Labels, list[Part]]:
        """Return the connected parts of the ink, and their labels."""
        level = usual_level(self.ink, self.noise)
        if not level:
            return np.zeros(self.ink.shape, np.int64), []
        return find_parts(self.ink, self.ink > max(self.share * level, 3 * self.noise))


def _stand_out(view: NDArray[Any], smoothed: bool) -> _StandingOut:
    sample = sample_of(*view.shape[:2])
    paper = fit_paper(sample.take(view), sample)
    signed = leaving(view, paper)
    if smoothed:
        signed = smooth(signed)
    if (signed * np.abs(signed)).sum() < 0:
        signed = -signed
        paper = -paper
    ring = sample.ring_of(signed)
    if not is_uneven(signed, ring):
        found = _StandingOut(np.maximum(signed, 0), deviation(ring), 0.35)
        if peak_of(found.ink, found.noise):
            return found
    elif max(signed.shape) < CROP:
        level, distinct = otsu(signed)
        if distinct > 0.8:
            light = signed > level
            corners = light[[0, 0, -1, -1], [0, -1, 0, -1]]
            is_light = float(light.mean()) + float(corners.mean()) > 1
            base = median(signed[light if is_light else ~light])
            ink = np.maximum((base - signed) if is_light else (signed - base), 0)
            return _StandingOut(ink.astype(np.float32), 0.0, 0.35)
    ink = beside_shadows(signed, paper.everywhere(*signed.shape))
    around = _beside_ink(ink, sample)
    return _StandingOut(np.maximum(ink - np.float32(median(around)), 0), deviation(around), 0.4)


def _beside_ink(ink: Floats, sample: Sample) -> Floats:
    """Return the ring's pixels; all of the sample's where a table lies in the ring."""
    ring = sample.ring_of(ink)
    everywhere = sample.pixels_of(ink)
    return everywhere if deviation(ring) > 2 * deviation(everywhere) else ring


def _without_bands(found: _StandingOut) -> tuple[Labels, list[Part]]:
    """Return the parts of the ink without a table along an edge of the picture.

    It has so much ink that digits are specks beside it.
    """
    labels, parts = found.parts()
    for _ in range(4):  # edges
        bands = [part.number for part in parts if is_band(part, labels.shape)]
        if not bands:
            break
        found = found._replace(ink=without(found.ink, labels, bands))
        others, rest = found.parts()
        outer = sum(part.mass for part in rest if at_border(part.box, labels.shape))
        # In a tight crop, 1s lie along its edges.
        if outer >= 0.5 * sum(part.mass for part in rest):
            break
        labels, parts = others, rest
    return labels, parts


# -- rows -----------------------------------------------------------------------------------------


def _rows(parts: list[Part], labels: Labels) -> tuple[Row, ...]:
    """Return the rows of what may be digits, and of what lies between them."""
    shape = labels.shape
    parts = without_fine(without_dividers(parts), labels)
    usual = usual_height([part for part in parts if not _is_margin(part, shape)])
    if usual < 5:
        return ()
    tall = [
        part for part in parts if part.height >= TALL * usual and not _is_margin(part, shape, usual)
    ]
    chains = _chains(tall)
    rows = []
    small = [part for part in parts if part not in tall and not _is_margin(part, shape, usual)]
    for chain in chains:
        height = usual_height(chain)
        own = [part for part in small if _belongs(part, chain, height)]
        small = [part for part in small if part not in own]
        rows.append(Row(tuple(sorted(chain + own, key=lambda part: part.middle)), height))
    # What is left of a table or a shadow touches the border, but for specks beside it.
    inner = [row for row in rows if not _is_outer(row, shape)]
    return tuple(sorted(inner or rows, key=_level))


def _is_outer(row: Row, shape: tuple[int, ...]) -> bool:
    """Return whether all that may be a digit touches the border."""
    tall = [part for part in row.parts if part.height >= TALL * row.height]
    return all(at_border(part.box, shape) for part in tall)


def _level(row: Row) -> float:
    return sum(part.box[0] + part.box[1] for part in row.parts) / len(row.parts)


def _is_margin(part: Part, shape: tuple[int, ...], usual: float = 0.0) -> bool:
    """Return whether a part lies along the border: a table, a shadow, a frame."""
    if not at_border(part.box, shape):
        return False
    along = part.width > 0.6 * shape[1] or part.height > 0.9 * shape[0]
    if not usual:
        return along and part.depth < 0.1
    return part.height > 1.5 * usual or part.height < TALL * usual or (along and part.depth < 0.03)


def _chains(parts: list[Part]) -> list[list[Part]]:
    """Return parts that follow each other from left to right at about the same height."""
    chains: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.middle):
        best: tuple[float, list[Part]] | None = None
        for chain in chains:
            share = max(_overlap(part.box, other.box) for other in chain[-2:])
            if share >= 0.4 and (best is None or share > best[0]):
                best = (share, chain)
        if best is None:
            chains.append([part])
        else:
            best[1].append(part)
    return chains


def _overlap(box: Box, other: Box) -> float:
    """Return how much two boxes overlap up and down, as a share of the lower one."""
    common = min(box[1], other[1]) - max(box[0], other[0])
    return common / min(box[1] - box[0], other[1] - other[0])


def _belongs(part: Part, chain: list[Part], height: float) -> bool:
    """Return whether a small part lies in a row: a piece of a digit, a point, a dash."""
    near = min(chain, key=lambda other: abs(other.middle - part.middle))
    away = max(near.box[2] - part.box[3], part.box[2] - near.box[3], 0)
    centre = (part.box[0] + part.box[1]) / 2
    in_band = near.box[0] - 0.3 * height <= centre <= near.box[1] + 0.3 * height
    return away <= 1.2 * height and in_band and part.side >= 0.08 * height
