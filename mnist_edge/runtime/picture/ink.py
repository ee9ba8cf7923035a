"""Where the digit is in a picture: paper told from ink, and the digit's ink from everything else's.

Photos have shadows, vignettes, noise and tables at their edge; screenshots have frames; some
digits are light on dark, or of the paper's own brightness in another colour.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ImageError
from mnist_edge.runtime.picture.decode import Bools
from mnist_edge.runtime.picture.numeric import Floats, gram, median, resize, solve

VIEW = 192  # pixels a side in which paper and ink are told apart
FAINT = 0.03  # the least contrast that is called ink, as a distance in RGB: black to white is 1.73
RING = 0.08  # the outer part of a view, of its shorter side, taken for paper


class _Part(NamedTuple):
    """One connected piece of ink.

    Pixels and mass count its pixels and its ink; depth and rim are its mean distance to the picture's border and to
    its own box's, as a share of the shorter side.
    """

    number: int
    box: tuple[int, int, int, int]  # top, bottom, left, right; bottom and right exclusive
    pixels: int
    mass: float
    depth: float
    rim: float

    @property
    def height(self) -> int:
        return self.box[1] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[2]

    @property
    def side(self) -> int:
        return max(self.height, self.width)


class Found(NamedTuple):
    """Where the digit is in a view: ink (h, w) from 0 up, the pixels that are its, and the box around them."""

    ink: Floats
    own: Bools
    box: tuple[int, int, int, int]
    parts: int
    sheet: bool  # it is no digit but a sheet of paper or a canvas, seen with what lies around it


def locate(picture: Floats) -> Found:
    """Finds the digit, and looks again closer: inside a sheet of paper, or where the digit is small.

    Args:
        picture: (h, w, 3) float64 from 0 to 1.

    Raises:
        ImageError: nothing stands out from the paper.
    """
    found = _find(_view(picture))
    for _ in range(2):
        longest = max(found.ink.shape)
        factor = max(picture.shape[:2]) / longest
        size = max(found.box[1] - found.box[0], found.box[3] - found.box[2])
        if not found.sheet and (size >= 0.55 * longest or longest <= 40):
            break
        closer = _cut(picture, found.box, factor, -0.04 if found.sheet else 0.3)
        try:
            again = _find(_view(closer))
        except ImageError:  # an empty sheet: then the sheet is the digit, such as a thick bar
            break
        # A second digit lies outside the closer view.
        found = again if found.sheet else again._replace(parts=max(found.parts, again.parts))
        picture = closer
    return found


def _view(picture: Floats) -> Floats:
    height, width = picture.shape[:2]
    factor = VIEW / max(height, width)
    return picture if factor >= 1 else resize(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def _ring(height: int, width: int) -> Bools:
    k = max(1, round(RING * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[k : height - k, k : width - k] = False
    return ring


def _paper(view: Floats) -> Floats:
    """The paper's colour everywhere: a quadratic through the ring, then through all that agrees with it.

    Iterated least squares without the pixels beyond three deviations (by their median); the slight
    penalty keeps the quadratic flat where too few pixels hold it.
    """
    height, width = view.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y]).reshape(6, -1)
    pixels, ring = np.ascontiguousarray(view.reshape(-1, 3).T), _ring(height, width).ravel()
    some_terms, some_pixels = terms[:, ring], pixels[:, ring]
    factors = median(some_pixels.T)[None]
    for count, everywhere in ((3, False), (3, False), (6, False), (6, False), (6, True), (6, True)):
        if everywhere:
            some_terms, some_pixels = terms, pixels
        off = np.abs(some_pixels - _quadratic(factors, some_terms)).max(axis=0)
        near = off <= 3 * 1.4826 * median(off[ring] if everywhere else off) + 0.01
        # Those that are off count 0 times: quicker than to pick the columns that are near.
        kept = some_terms[:count] * near
        penalty = 1e-4 * near.sum() * np.diag(np.arange(count) > 0)
        factors = solve(gram(kept, some_terms[:count]) + penalty, gram(kept, some_pixels))
    return np.asarray(_quadratic(factors, terms).T.reshape(view.shape))


def _quadratic(factors: Floats, terms: Floats) -> Floats:
    """The colours (3, n) that factors (count, 3) give for the first of the terms (6, n)."""
    return np.asarray(np.einsum("ic,in->cn", factors, terms[: len(factors)]))


def _smooth(a: Floats) -> Floats:
    """3x3 means; a small picture has no noise to spare detail for."""
    height, width = a.shape
    if max(height, width) <= 64:
        return a
    p = np.pad(a, 1, mode="edge")
    return np.asarray(sum(p[i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9)


def _direction(off: Floats) -> Floats:
    """The unit colour (3,) along which pixels leave the paper with most energy: the first principal axis."""
    flat = np.ascontiguousarray(off.reshape(-1, 3).T)
    energy = gram(flat, flat)
    axis = energy[:, np.argmax(np.diag(energy))] + 1e-12
    for _ in range(50):  # power iteration: a few lines in any language
        axis = axis / np.sqrt((axis * axis).sum())
        axis = (energy * axis).sum(axis=1) + 1e-12
    return np.asarray(axis / np.sqrt((axis * axis).sum()))


def _along(colours: Floats, axis: Floats) -> Floats:
    """How far colours (h, w, 3) reach along an axis (3,): (h, w)."""
    return np.asarray(colours[..., 0] * axis[0] + colours[..., 1] * axis[1] + colours[..., 2] * axis[2])


def _extreme(a: Floats, k: int, of: Callable[[Floats, Floats], Floats], outside: float) -> Floats:
    """The minimum or maximum over k x k windows, k odd."""
    for _ in range(2):
        p = np.pad(a, ((k // 2, k // 2), (0, 0)), constant_values=outside)
        out = p[: len(a)]
        for i in range(1, k):
            out = of(out, p[i : i + len(a)])
        a = out.T
    return a


def _broad(a: Floats) -> Floats:
    """What is no narrower than a quarter of the view, without anything lighter on it: a grey opening."""
    k = round(max(a.shape) / 4) | 1
    return _extreme(_extreme(a, k, np.minimum, np.inf), k, np.maximum, -np.inf)


def _deviation(a: Floats) -> float:
    return float(1.4826 * median(np.abs(a - median(a))))


def _find(view: Floats) -> Found:
    """Ink is what differs from the paper, on the side (darker, lighter, another colour) with more energy."""
    off = view - _paper(view)
    axis = _direction(off)
    signed = _smooth(_along(off, axis))
    if (signed * np.abs(signed)).sum() < 0:
        signed, axis = -signed, -axis
    ring = _ring(*signed.shape)
    peak = np.abs(signed).max()
    uneven = peak > FAINT and min(signed.shape) > 12 and (np.abs(signed[ring]) > 0.15 * peak).mean() > 0.1
    found = _pick(np.maximum(signed, 0), _deviation(signed[ring]))
    if uneven and not (found and found.sheet):
        # The edge of a shadow, a table: no smooth paper. Both are broader than any stroke.
        found = _pick(*_beside_shadows(_smooth(_along(view, axis)), signed, ring))
    if found is None:
        raise ImageError(
            "expected a picture of a digit, received a blank one or one without enough contrast: "
            "send one in which the ink differs from the paper"
        )
    return found


def _beside_shadows(grey: Floats, signed: Floats, ring: Bools) -> tuple[Floats, float]:
    """Ink and its noise from what is narrow, on the side that the smooth paper also calls ink: a top-hat."""
    sides = []
    for g, s in ((grey, signed), (-grey, -signed)):
        paper = _broad(g)
        sides.append((float((np.minimum(g - paper, np.maximum(s, 0)) ** 2).sum()), g - paper, -paper))
    _, ink, paper = max(sides, key=lambda side: side[0])
    typical = median(paper.ravel())
    if typical > 0.2:  # the ink is darker: a shadow takes the same share of the light from it as from the paper
        ink = ink * np.clip(typical / np.maximum(paper, 1e-6), 1 / 3, 3)
    return np.maximum(ink - median(ink[ring]), 0), _deviation(ink[ring])


def _pick(ink: Floats, noise: float) -> Found | None:
    """The parts of the ink that are the digit; None if nothing stands out."""
    peak = ink.max()
    if peak < max(FAINT, 4 * noise):
        return None
    some = ink[ink > max(0.1 * peak, 4 * noise)]
    level = (some**2).sum() / some.sum()  # what most of the ink has: a thin line's crossings reach further
    mask = ink > max(0.35 * level, 3 * noise)
    if not mask.any():
        return None
    labels, parts = _parts(ink, mask)
    main, rest = _choose(parts, min(ink.shape))
    kept = [p for p in rest if p.mass >= 0.06 * main.mass and _gap(p, main) <= 0.35 * main.side]
    box = np.array([p.box for p in kept])
    return Found(
        ink=ink,
        own=np.isin(labels, [p.number for p in kept]),
        box=(int(box[:, 0].min()), int(box[:, 1].max()), int(box[:, 2].min()), int(box[:, 3].max())),
        parts=sum(p.mass >= 0.25 * main.mass and p.height >= 0.5 * main.height for p in rest),
        sheet=_is_sheet(main, labels == main.number),
    )


def _label(mask: Bools) -> NDArray[np.int64]:
    """Numbers the 8-connected pieces, 0 outside: each pixel takes the highest index it can reach."""
    height, width = mask.shape
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        p = np.pad(labels, 1)
        best = labels
        for i in range(3):
            for j in range(3):
                best = np.maximum(best, p[i : i + height, j : j + width])
        best = np.where(mask, best, 0)
        best = np.append(0, best)[best]  # and what that one has reached: long strokes take few rounds
        if np.array_equal(best, labels):
            return np.unique(labels, return_inverse=True)[1].reshape(mask.shape) + int(mask.all())
        labels = best


def _parts(ink: Floats, mask: Bools) -> tuple[NDArray[np.int64], list[_Part]]:
    """The labels (h, w), and the parts of the mask from the largest down to a hundredth of it."""
    labels = _label(mask)
    height, width = mask.shape
    y, x = np.nonzero(mask)
    order = np.argsort(labels[y, x], kind="stable")
    y, x = y[order], x[order]
    number, weight = labels[y, x], ink[y, x]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    top, left = np.minimum.reduceat(y, starts), np.minimum.reduceat(x, starts)
    bottom, right = np.maximum.reduceat(y, starts) + 1, np.maximum.reduceat(x, starts) + 1
    pixels, mass = np.diff(np.append(starts, len(y))), np.add.reduceat(weight, starts)
    to_border = np.minimum.reduce([y, height - 1 - y, x, width - 1 - x])
    depth = np.add.reduceat(weight * to_border, starts) / mass / min(height, width)
    own = np.repeat(np.arange(len(starts)), pixels)
    to_box = np.minimum.reduce([y - top[own], bottom[own] - 1 - y, x - left[own], right[own] - 1 - x])
    rim = np.add.reduceat(weight * to_box, starts) / mass / np.minimum(bottom - top, right - left)
    parts = [
        _Part(
            number=int(number[starts[i]]),
            box=(int(top[i]), int(bottom[i]), int(left[i]), int(right[i])),
            pixels=int(pixels[i]),
            mass=float(mass[i]),
            depth=float(depth[i]),
            rim=float(rim[i]),
        )
        for i in np.argsort(-mass, kind="stable")
        if mass[i] >= 0.01 * mass.max()
    ]
    return labels, parts


def _choose(parts: list[_Part], side: int) -> tuple[_Part, list[_Part]]:
    """The largest part and those beside it.

    Without what lies along the border or is drawn around the rest, if something of a digit's size is left then.
    """
    inner = [p for p in parts if p.depth >= 0.07 and not (p.rim < 0.03 and min(p.height, p.width) >= 0.4 * side)]
    digits = [p for p in inner if p.side >= 0.15 * side]
    return (digits[0], inner) if digits else (parts[0], parts)


def _gap(a: _Part, b: _Part) -> int:
    return max(a.box[0] - b.box[1], b.box[0] - a.box[1], a.box[2] - b.box[3], b.box[2] - a.box[3], 0)


def _is_sheet(part: _Part, mask: Bools) -> bool:
    """A filled rectangle with a margin around it is no stroke: filled all over, or half and along all four edges."""
    shape, (top, bottom, left, right) = mask.shape, part.box
    own = mask[top:bottom, left:right]
    edges = min(own[0].mean(), own[-1].mean(), own[:, 0].mean(), own[:, -1].mean())
    area, margin = part.height * part.width, min(top, left, shape[0] - bottom, shape[1] - right)
    filled = part.pixels >= (0.5 if edges > 0.9 else 0.72) * area and part.side < 2.2 * min(part.height, part.width)
    return filled and area > 0.08 * shape[0] * shape[1] and max(shape) > 40 and margin > 0


def _cut(picture: Floats, box: tuple[int, int, int, int], factor: float, margin: float) -> Floats:
    top, bottom, left, right = (side * factor for side in box)
    more = margin * max(bottom - top, right - left)
    height, width = picture.shape[:2]
    first, left = max(0, int(top - more)), max(0, int(left - more))
    return picture[first : min(height, int(bottom + more) + 1), left : min(width, int(right + more) + 1)]
