"""Which ink of a picture is printed, frames and ruled lines, and how high the rest is."""

from itertools import pairwise

import numpy as np

from mnist_edge.runtime.preprocess.lines import without_frame, without_lines, without_rules
from mnist_edge.runtime.preprocess.numeric import Floats, median
from mnist_edge.runtime.preprocess.parts import Box, Labels, Part, find_parts, mask_of, stroke_of

THIN = 0.12  # width over height of a whole line between two cells of a form
BROKEN = 0.25  # that of a broken one
LONG = 1.2  # height of a whole one over that of what stands in the cells
LINES = 3  # how many there are at least
FINE = 0.6  # thickness over that of the digits' strokes, at most, that tells a line by itself
OVER = 0.15  # by which one of them lies above or below the digit beside it, over its height
SAME = 0.12  # by which their ends may be off, over their height

FLAT = 0.25  # height over width, at most, of a piece of a ruled line
LEAST_HEIGHT = 5  # pixels of a digit's height, at least
LEAST_MASS = 0.06  # of what counts for the height of digits, of the largest part's


def without_print(ink: Floats, labels: Labels, parts: list[Part]) -> tuple[Labels, list[Part]]:
    """Take frames and ruled lines out of the ink."""
    labels, parts = _without_broken_rules(ink, labels, parts)
    height, width = labels.shape
    changed = False
    mask = labels > 0
    suspects = [part for part in parts if _may_be_print(part, parts, height, width)]
    if not suspects:
        return labels, parts
    # Neither a piece of a line nor a speck tells how high digits are.
    others = [part for part in parts if part not in suspects and not _is_flat(part)]
    digit = usual_height([part for part in others if part.height >= LEAST_HEIGHT])
    for part in suspects:
        top, bottom, left, right = part.box
        own = labels[top:bottom, left:right] == part.number
        inside = without_frame(own)
        if inside is None:
            across = 1.8 * digit if digit else 0.85 * width
            upright = 1.8 * digit if digit else 0.85 * height
            if not digit and part.width < 0.5 * width:
                upright = np.inf
            inside = without_lines(own, max(across, 20), max(upright, 20))
        if inside.sum() < own.sum():
            changed = True
            mask[top:bottom, left:right] &= ~own | inside
    if not changed:
        return labels, parts
    return find_parts(ink, mask)


def _without_broken_rules(
    ink: Floats, labels: Labels, parts: list[Part]
) -> tuple[Labels, list[Part]]:
    """Take broken ruled lines out of the ink: flat pieces, specks, and what joins digits."""
    mask = labels > 0
    digits = mask_of(labels, [part for part in parts if not _is_flat(part)])
    left = without_rules(mask, mask & ~digits)
    if left.sum() == mask.sum():
        return labels, parts
    return find_parts(ink, left)


def without_dividers(parts: list[Part]) -> list[Part]:
    """Leave out the upright lines of a form whose frame is broken.

    They are thin, longer than what stands between them, and start or end at the same height.
    """
    thin, others = _thin_and_others(parts)
    if not others:
        return parts
    long = LONG * median(np.array([part.height for part in others], np.float32))
    whole = [part for part in thin if part.width <= THIN * part.height and part.height >= long]
    if len(whole) < 2:
        return parts
    lines = [part for part in thin if _is_beside(part, whole)]
    rest = [part for part in parts if part not in lines]
    # Something stands in each cell: these are no digits 1.
    cells = pairwise(sorted(line.middle for line in lines))
    filled = all(
        b - a <= SAME * long or any(a < other.middle < b for other in rest) for a, b in cells
    )
    return rest if len(lines) >= LINES and filled else parts


def without_fine(parts: list[Part], labels: Labels) -> list[Part]:
    """Leave out straight upright lines that are far thinner than the strokes of digits.

    One of them at least begins above the digit beside it or ends below: else they may be ones.
    """
    thin, others = _thin_and_others(parts)
    if not (thin and others):
        return parts
    finest = FINE * stroke_of(mask_of(labels, others))
    fine = [part for part in thin if _is_fine(part, finest)]
    if not any(_overhangs(part, others) for part in fine):
        return parts
    return [part for part in parts if part not in fine]


def _thin_and_others(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Return what may be an upright line, and what else counts for the height of digits."""
    thin = [part for part in parts if part.width <= BROKEN * part.height]
    return thin, [part for part in _counting(parts) if part not in thin]


def _is_fine(part: Part, finest: float) -> bool:
    thickness = part.pixels / part.height
    return thickness <= finest and part.width <= 1.5 * thickness + 1


def _overhangs(part: Part, others: list[Part]) -> bool:
    near = min(others, key=lambda other: abs(other.middle - part.middle))
    over = max(near.box[0] - part.box[0], part.box[1] - near.box[1])
    return over > OVER * near.height


def _is_beside(part: Part, lines: list[Part]) -> bool:
    """Return whether a part starts or ends at the height of the nearest line."""
    line = min(lines, key=lambda other: abs(other.box[2] - part.box[2]))
    off = min(abs(line.box[0] - part.box[0]), abs(line.box[1] - part.box[1]))
    return off <= SAME * line.height


def _may_be_print(part: Part, parts: list[Part], height: int, width: int) -> bool:
    """Return whether a part is long, or hollow with others in it."""
    if part.pixels > 0.6 * part.height * part.width:
        return False
    if part.width > 0.5 * width or part.height > 0.5 * height:
        return True
    return any(_inside(other.box, part.box) for other in parts if other.mass > 0.02 * part.mass)


def _is_flat(part: Part) -> bool:
    return part.height <= FLAT * part.width


def _inside(box: Box, other: Box) -> bool:
    return box[0] > other[0] and box[1] < other[1] and box[2] > other[2] and box[3] < other[3]


def _counting(parts: list[Part]) -> list[Part]:
    """Return the parts that count for the height of digits."""
    most = max((part.mass for part in parts), default=0.0)
    return [part for part in parts if part.mass >= LEAST_MASS * most]


def usual_height(parts: list[Part]) -> float:
    """Return the height of most ink: the median by mass; 0 without parts."""
    if not parts:
        return 0.0
    counted = sorted((part.height, part.mass) for part in _counting(parts))
    half = sum(mass for _, mass in counted) / 2
    for height, mass in counted:
        half -= mass
        if half <= 0:
            return float(height)
    return float(counted[-1][0])
