"""Where the digit is in a picture: its ink, apart from the paper's and everything else's.

Photos have shadows, vignettes, noise and tables at their edge; screenshots have frames; some
digits are light on dark, or of the paper's own brightness in another colour.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mnist_edge.errors import ImageError
from mnist_edge.runtime.preprocess.numeric import Bools, Floats, gram, median, resize, solve
from mnist_edge.runtime.preprocess.parts import Box, choose, find_parts, gap, is_sheet

VIEW = 192  # pixels a side in which ink is found
FAINT = 0.03  # the least contrast that is called ink, as a distance in RGB: black to white is 1.73
RING = 0.08  # the outer part of a view, of its shorter side, taken for paper
SIGMA = 1.4826  # standard deviations of a normal distribution in one median of absolute deviations


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where the digit is in a view.

    Attributes:
        ink: (h, w) from 0 up.
        own: (h, w), the pixels that are the digit's.
        box: Around them.
        parts: How many pieces there are that could be a digit each.
        sheet: Whether it is no digit but a sheet of paper or a canvas, seen with what lies around.
    """

    ink: Floats
    own: Bools
    box: Box
    parts: int
    sheet: bool


def locate(picture: Floats) -> Found:
    """Find the digit, and look again closer: inside a sheet of paper, or where it is small.

    Args:
        picture: (h, w, 3) float64 from 0 to 1.

    Raises:
        ImageError: Nothing stands out from the paper.
    """
    found = _find(_view(picture))
    for _ in range(2):
        longest = max(found.ink.shape)
        top, bottom, left, right = found.box
        size = max(bottom - top, right - left)
        if not found.sheet and (size >= 0.55 * longest or longest <= 40):
            break
        factor = max(picture.shape[:2]) / longest
        closer = _cut(picture, found.box, factor, -0.04 if found.sheet else 0.3)
        try:
            again = _find(_view(closer))
        except ImageError:  # an empty sheet: then the sheet is the digit, such as a thick bar
            break
        # A second digit lies outside the closer view.
        found = again if found.sheet else replace(again, parts=max(found.parts, again.parts))
        picture = closer
    return found


def _view(picture: Floats) -> Floats:
    height, width = picture.shape[:2]
    factor = VIEW / max(height, width)
    if factor >= 1:
        return picture
    return resize(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def _cut(picture: Floats, box: Box, factor: float, margin: float) -> Floats:
    """Return the part of a picture that a box in its view shows, with a margin around it."""
    top, bottom, left, right = (side * factor for side in box)
    height, width = picture.shape[:2]
    more = margin * max(bottom - top, right - left)
    rows = slice(max(0, int(top - more)), min(height, int(bottom + more) + 1))
    columns = slice(max(0, int(left - more)), min(width, int(right + more) + 1))
    return picture[rows, columns]


def _find(view: Floats) -> Found:
    """Find what differs from the paper, on the side with more energy.

    The sides are darker and lighter, or one colour and its opposite.
    """
    off = view - _paper(view)
    axis = direction(off)
    signed = _smooth(_along(off, axis))
    if (signed * np.abs(signed)).sum() < 0:
        signed = -signed
        axis = -axis
    ring = _ring(*signed.shape)
    found = _pick(np.maximum(signed, 0), _deviation(signed[ring]))
    if _is_uneven(signed, ring) and not (found and found.sheet):
        # The edge of a shadow, a table: no smooth paper. Both are broader than any stroke.
        found = _pick(*_beside_shadows(_smooth(_along(view, axis)), signed, ring))
    if found is None:
        raise ImageError(
            "expected a picture of a digit, received a blank one or one without enough contrast: "
            "send one in which the ink differs from the paper"
        )
    return found


def _is_uneven(signed: Floats, ring: Bools) -> bool:
    """Return whether more than a tenth of the ring is no smooth paper."""
    peak = np.abs(signed).max()
    if peak <= FAINT or min(signed.shape) <= 12:
        return False
    return bool((np.abs(signed[ring]) > 0.15 * peak).mean() > 0.1)


def _ring(height: int, width: int) -> Bools:
    k = max(1, round(RING * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[k : height - k, k : width - k] = False
    return ring


def _paper(view: Floats) -> Floats:
    """Return the paper's colour everywhere.

    A quadratic through the ring, then through all that agrees with it: iterated least squares
    without the pixels beyond three deviations (by their median). The slight penalty keeps it flat
    where too few pixels hold it.
    """
    height, width = view.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y]).reshape(6, -1)
    pixels = np.ascontiguousarray(view.reshape(-1, 3).T)
    ring = _ring(height, width).ravel()
    some_terms = terms[:, ring]
    some_pixels = pixels[:, ring]
    factors = median(some_pixels.T)[None]
    rounds = ((3, False), (3, False), (6, False), (6, False), (6, True), (6, True))
    for count, everywhere in rounds:
        if everywhere:
            some_terms = terms
            some_pixels = pixels
        off = np.abs(some_pixels - _quadratic(factors, some_terms)).max(axis=0)
        near = off <= 3 * SIGMA * median(off[ring] if everywhere else off) + 0.01
        # Those that are off count 0 times: quicker than to pick the columns that are near.
        kept = some_terms[:count] * near
        penalty = 1e-4 * near.sum() * np.diag(np.arange(count) > 0)
        factors = solve(gram(kept, some_terms[:count]) + penalty, gram(kept, some_pixels))
    return np.asarray(_quadratic(factors, terms).T.reshape(view.shape))


def _quadratic(factors: Floats, terms: Floats) -> Floats:
    """Return the colours (3, n) that factors (count, 3) give for the first of the terms (6, n)."""
    return np.asarray(np.einsum("ic,in->cn", factors, terms[: len(factors)]))


def direction(off: Floats) -> Floats:
    """Return the unit colour (3,) along which pixels leave the paper with most energy.

    Args:
        off: (h, w, 3), each pixel's difference from the paper.
    """
    flat = np.ascontiguousarray(off.reshape(-1, 3).T)
    energy = gram(flat, flat)
    axis = energy[:, np.argmax(np.diag(energy))] + 1e-12
    # The first principal axis by power iteration: a few lines in any language.
    for _ in range(50):
        axis = axis / np.sqrt((axis * axis).sum())
        axis = (energy * axis).sum(axis=1) + 1e-12
    return np.asarray(axis / np.sqrt((axis * axis).sum()))


def _along(colours: Floats, axis: Floats) -> Floats:
    """Return how far colours (h, w, 3) reach along an axis (3,): (h, w)."""
    red, green, blue = axis
    return np.asarray(colours[..., 0] * red + colours[..., 1] * green + colours[..., 2] * blue)


def _smooth(a: Floats) -> Floats:
    """Return 3x3 means; a small picture has no noise to spare detail for."""
    height, width = a.shape
    if max(height, width) <= 64:
        return a
    p = np.pad(a, 1, mode="edge")
    total = np.zeros_like(a)
    for i in range(3):
        for j in range(3):
            total += p[i : i + height, j : j + width]
    return np.asarray(total / 9)


def _beside_shadows(grey: Floats, signed: Floats, ring: Bools) -> tuple[Floats, float]:
    """Return ink that is narrow, and its noise, where the paper is not smooth: a top-hat.

    It lies on the side that the smooth paper also calls ink.
    """
    most = -1.0
    for sign in (1, -1):
        side = sign * grey
        broad = _broad(side)
        energy = float((np.minimum(side - broad, np.maximum(sign * signed, 0)) ** 2).sum())
        if energy > most:
            most = energy
            ink = side - broad
            paper = -broad
    typical = median(paper.ravel())
    if typical > 0.2:
        # The ink is darker: a shadow takes the same share of the light from it as from the paper.
        ink = ink * np.clip(typical / np.maximum(paper, 1e-6), 1 / 3, 3)
    return np.maximum(ink - median(ink[ring]), 0), _deviation(ink[ring])


def _broad(a: Floats) -> Floats:
    """Return what is no narrower than a quarter of the view, without anything lighter on it."""
    k = round(max(a.shape) / 4) | 1
    # A grey opening.
    return _extreme(_extreme(a, k, np.minimum, np.inf), k, np.maximum, -np.inf)


def _extreme(a: Floats, k: int, of: Callable[[Floats, Floats], Floats], outside: float) -> Floats:
    """Return the minimum or maximum over k x k windows, k odd."""
    for _ in range(2):
        p = np.pad(a, ((k // 2, k // 2), (0, 0)), constant_values=outside)
        out = p[: len(a)]
        for i in range(1, k):
            out = of(out, p[i : i + len(a)])
        a = out.T
    return a


def _deviation(a: Floats) -> float:
    return float(SIGMA * median(np.abs(a - median(a))))


def _pick(ink: Floats, noise: float) -> Found | None:
    """Return the parts of the ink that are the digit; None if nothing stands out."""
    peak = ink.max()
    if peak < max(FAINT, 4 * noise):
        return None
    some = ink[ink > max(0.1 * peak, 4 * noise)]
    # What most of the ink has: a thin line's crossings reach further.
    level = (some**2).sum() / some.sum()
    mask = ink > max(0.35 * level, 3 * noise)
    if not mask.any():
        return None
    labels, parts = find_parts(ink, mask)
    main, rest = choose(parts, min(ink.shape))
    kept = [p for p in rest if p.mass >= 0.06 * main.mass and gap(p, main) <= 0.35 * main.side]
    digits = [p for p in rest if p.mass >= 0.25 * main.mass and p.height >= 0.5 * main.height]
    tops, bottoms, lefts, rights = zip(*(part.box for part in kept), strict=True)
    return Found(
        ink=ink,
        own=np.isin(labels, [part.number for part in kept]),
        box=(min(tops), max(bottoms), min(lefts), max(rights)),
        parts=len(digits),
        sheet=is_sheet(main, labels == main.number),
    )
