"""Where the digit is in a picture: its ink, apart from the paper's and everything else's.

Photos have shadows, vignettes, noise and tables at their edge; screenshots have frames; some
digits are light on dark, or of the paper's own brightness in another colour.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.model_spec import PIXEL_MAX
from mnist_edge.runtime.preprocess.numeric import Bools, Floats, Numbers, median
from mnist_edge.runtime.preprocess.paper import Paper, Sample, fit_paper, sample_of
from mnist_edge.runtime.preprocess.parts import (
    Box,
    at_border,
    choose,
    find_parts,
    is_band,
    is_sheet,
    joined,
    without,
)
from mnist_edge.runtime.preprocess.raster import WHOLE, Part, Raster
from mnist_edge.runtime.preprocess.shadows import beside_shadows

VIEW = 160  # pixels a side in which ink is found
FAINT = 0.03  # the least contrast that is called ink, as a distance in RGB: black to white is 1.73
SIGMA = 1.4826  # standard deviations of a normal distribution in one median of absolute deviations

SMALL = 64  # pixels a side up to which a picture has no noise to spare detail for
CROP = 96  # pixels a side below which a whole picture is no photo, which may show a shadow's edge
NEAR = 40  # pixels a side below which a part is none, and there is nothing to look closer at
CLEAR = 72  # pixels on its longer side that are enough of a digit
TWO = 0.8  # of the variance lies between two levels that are distinct
CERTAIN = 0.9  # of it, where there is another answer


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where the digit is in a view.

    Attributes:
        ink: (h, w) from 0 up.
        own: (h, w), the pixels that are the digit's.
        box: Around them.
        pieces: How many connected pieces they are.
        parts: How many pieces there are that could be a digit each.
        sheet: Whether it is no digit but a sheet of paper or a canvas, seen with what lies around.
    """

    ink: Floats
    own: Bools
    box: Box
    pieces: int
    parts: int
    sheet: bool


def locate(picture: Raster) -> Found:
    """Find the digit, and look again closer: inside a sheet of paper, or where it is small.

    Raises:
        ImageError: Nothing stands out from the paper.
    """
    seen = WHOLE
    found = _find(picture.view(seen, VIEW), CROP)
    for _ in range(2):
        longest = max(found.ink.shape)
        top, bottom, left, right = found.box
        size = max(bottom - top, right - left)
        if not found.sheet and (size >= min(0.55 * longest, CLEAR) or longest <= NEAR):
            break
        margin = -0.04 if found.sheet else 0.3
        closer = closer_part(seen, found.ink.shape, found.box, margin)
        try:
            again = _find(picture.view(closer, VIEW), NEAR)
        except ImageError:  # an empty sheet: then the sheet is the digit, such as a thick bar
            break
        # A second digit lies outside the closer view.
        found = again if found.sheet else replace(again, parts=max(found.parts, again.parts))
        seen = closer
    return found


def closer_part(seen: Part, shape: tuple[int, ...], box: Box, margin: float) -> Part:
    """Return the part of a picture that a box in its view shows, with a margin around it.

    Args:
        seen: The part that is viewed.
        shape: Of the view, in pixels.
        box: In the view.
        margin: On each side, as a share of the longer side of the box.
    """
    height, width = shape
    top, bottom, left, right = box
    more = margin * max(bottom - top, right - left)
    down = (seen.bottom - seen.top) / height
    across = (seen.right - seen.left) / width
    return Part(
        top=max(seen.top, seen.top + (top - more) * down),
        bottom=min(seen.bottom, seen.top + (bottom + more) * down),
        left=max(seen.left, seen.left + (left - more) * across),
        right=min(seen.right, seen.left + (right + more) * across),
    )


def _find(view: NDArray[Any], crop: int) -> Found:
    """Find what differs from the paper, on the side with more energy.

    The sides are darker and lighter, or one colour and its opposite.

    Args:
        view: (h, w) or (h, w, 3), from 0 to 255.
        crop: Pixels a side below which it is no photo, whose shadows could have an edge.
    """
    sample = sample_of(*view.shape[:2])
    paper = fit_paper(sample.take(view), sample)
    signed = smooth(leaving(view, paper))
    if (signed * np.abs(signed)).sum() < 0:
        signed = -signed
        paper = -paper
    ring = sample.ring_of(signed)
    found = _pick(np.maximum(signed, 0), deviation(ring))
    uneven = is_uneven(signed, ring)
    if uneven and max(signed.shape) < crop:
        found = _pick_of_two(signed, sample, TWO if found is None else CERTAIN) or found
    elif uneven and not (found and found.sheet):
        # The edge of a shadow, a table: no smooth paper. Both are broader than any stroke.
        ink = beside_shadows(signed, paper.everywhere(*signed.shape))
        ring = sample.ring_of(ink)
        found = _pick(np.maximum(ink - median(ring), 0), deviation(ring), share=0.4)
    if found is None:
        raise ImageError(
            "expected a picture of a digit, received a blank one or one without enough contrast: "
            "send one in which the ink differs from the paper"
        )
    return found


def leaving(view: NDArray[Any], paper: Paper) -> Floats:
    """Return how far pixels leave the paper: (h, w), along the axis in which they do most."""
    scaled = [np.float32(share / PIXEL_MAX) for share in paper.axis]
    if view.ndim == 2:
        along = view * scaled[0]
    else:
        along = view[..., 0] * scaled[0]
        along += view[..., 1] * scaled[1]
        along += view[..., 2] * scaled[2]
    along -= paper.everywhere(*along.shape)
    return along


def is_uneven(signed: Floats, ring: Floats) -> bool:
    """Return whether more than a tenth of the ring is no smooth paper."""
    if min(signed.shape) <= 12:
        return False
    distance = np.abs(ring)
    if float(distance.max()) <= 0.15 * FAINT:  # as on the paper of a drawing
        return False
    peak = max(float(signed.max()), -float(signed.min()))
    strong = int(np.count_nonzero(distance > 0.15 * peak))
    return peak > FAINT and strong / len(ring) > 0.1


def _pick_of_two(signed: Floats, sample: Sample, least: float) -> Found | None:
    """Return the digit that fills a small picture, where of two levels one is ink.

    Paper is what most of the picture has, of its ring and of its corners, each with one vote.
    """
    threshold, distinct = otsu(signed)
    if distinct < least:
        return None
    light = signed > threshold
    corners = light[[0, 0, -1, -1], [0, -1, 0, -1]]
    votes = float(light.mean()) + float(sample.ring_of(light).mean()) + float(corners.mean())
    side = light if votes > 1.5 else ~light
    ink = signed - np.float32(median(signed[side]))
    return _pick(np.maximum(-ink if votes > 1.5 else ink, 0), deviation(signed[side]))


def otsu(a: Floats) -> tuple[float, float]:
    """Return the level that parts numbers in two, and how distinct the two are.

    Otsu's: the most of the variance lies between the two. That share of it is returned: 0.64 for
    one normal distribution, 1 for two values.
    """
    low = float(a.min())
    width = (float(a.max()) - low) / 64
    bins = np.minimum(((a.ravel() - np.float32(low)) * np.float32(1 / width)).astype(np.intp), 63)
    count = np.bincount(bins, minlength=64) / a.size
    share = np.cumsum(count)[:-1]
    totals = np.cumsum(count * np.arange(64))
    mean = float(totals[-1])
    between = (mean * share - totals[:-1]) ** 2 / np.maximum(share * (1 - share), 1e-9)
    place = int(between.argmax())
    variance = float((count * np.arange(64) ** 2).sum()) - mean * mean
    return low + width * (place + 1), float(between[place]) / max(variance, 1e-9)


def smooth(a: Floats) -> Floats:
    """Return 3x3 means; a small picture has no noise to spare detail for."""
    if max(a.shape) <= SMALL:
        return a
    down = a.copy()
    down[1:] += a[:-1]
    down[:-1] += a[1:]
    down[0] += a[0]
    down[-1] += a[-1]
    both = down.copy()
    both[:, 1:] += down[:, :-1]
    both[:, :-1] += down[:, 1:]
    both[:, 0] += down[:, 0]
    both[:, -1] += down[:, -1]
    both *= np.float32(1 / 9)
    return both


def deviation(a: Numbers) -> float:
    """Return the standard deviation of (n,) numbers by the median of their absolute deviations."""
    return SIGMA * median(np.abs(a - np.float32(median(a))))


def peak_of(ink: Floats, noise: float) -> float:
    """Return what stands out most, 0 if that is noise."""
    peak = float(ink.max())
    return peak if peak >= max(FAINT, 4 * noise) else 0.0


def usual_level(ink: Floats, noise: float) -> float:
    """Return what most of the ink has, 0 if it is noise; a thin line's crossings reach further."""
    peak = peak_of(ink, noise)
    if not peak:
        return 0.0
    some = ink[ink > max(0.1 * peak, 4 * noise)]
    return float((some * some).sum() / some.sum())


def _pick(ink: Floats, noise: float, share: float = 0.35) -> Found | None:
    """Return the parts of the ink that are the digit; None if nothing stands out."""
    level = usual_level(ink, noise)
    if not level:
        return None
    least = max(share * level, 3 * noise)
    # In a small picture a thin stroke is a shade: it counts where it touches what is sure.
    weak = max(0.25 * level, 2 * noise) if max(ink.shape) <= SMALL else least
    mask = ink > weak
    labels, parts = find_parts(ink, mask)
    if weak < least and parts:
        count = max(part.number for part in parts) + 1
        sure = np.bincount(labels[ink > least], minlength=count)
        parts = [part for part in parts if sure[part.number]]
    if not parts:
        return None
    bands = [part.number for part in parts if is_band(part, labels.shape)]
    if bands:  # the largest of what is left may be a speck beside them
        inside = _pick(without(ink, labels, bands), noise, share)
        if inside is not None and not at_border(inside.box, labels.shape):
            return inside
    main, rest = choose(parts, min(ink.shape))
    kept = joined(main, [part for part in rest if part.mass >= 0.06 * main.mass])
    digits = [p for p in rest if p.mass >= 0.25 * main.mass and p.height >= 0.5 * main.height]
    own = labels == main.number
    for part in kept[1:]:
        own |= labels == part.number
    tops, bottoms, lefts, rights = zip(*(part.box for part in kept), strict=True)
    return Found(
        ink=ink,
        own=own,
        box=(min(tops), max(bottoms), min(lefts), max(rights)),
        pieces=len(kept),
        parts=len(digits),
        sheet=is_sheet(main, labels),
    )
