"""Pictures of whole numbers, as people write them: what tests.measurements.numbers reads, and the
tests of the runtime.

Rows of digits, MNIST's or drawn here, at gaps from wide to touching, on papers of made_pictures
and in the boxes of a form; and pictures without a number.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.measurements.made_pictures import blurred, compressed, light_on, shadow_on

Paper: TypeAlias = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(h, w) ink from 0 to 1 -> (h, w) or (h, w, 3) from 0 to 1."""

GAPS: dict[str, tuple[float, float] | None] = {
    "wide": (0.35, 0.9),
    "clear": (0.12, 0.3),
    "narrow": (0.04, 0.1),
    "touching": None,
}
"""Between two digits, in heights of a digit; None where the second is pushed on to the first."""


class Made(NamedTuple):
    """A picture of a number.

    Attributes:
        picture: (h, w) or (h, w, 3) uint8.
        text: What it reads, rows joined by a line break.
        boxes: Left, top, width and height of each digit, in reading order.
        alone: Pictures of each digit alone, cut out of the same paper.
    """

    picture: np.ndarray
    text: str
    boxes: list[tuple[int, int, int, int]]
    alone: list[np.ndarray]


class Style(NamedTuple):
    """How a number is written.

    Attributes:
        gap: One of GAPS.
        height: Of its digits, pixels.
        slant: Shift to the right for each pixel up, of all digits.
        grow: By how much the pen is thicker, in pixels of a digit 200 high.
        uneven: By how much digits differ in height, and in place, as shares of their height.
        boxed: Whether each stands in a box of a form.
    """

    gap: str
    height: int = 80
    slant: float = 0.0
    grow: int = 0
    uneven: float = 0.08
    boxed: bool = False


def style(gap: str, rng: np.random.Generator, boxed: bool = False) -> Style:
    """Return a way of writing, drawn at random."""
    return Style(
        gap,
        int(np.exp(rng.uniform(np.log(32), np.log(140)))),
        float(rng.normal(0.05, 0.1)),
        int(rng.integers(-5, 6)),
        0.08,
        boxed,
    )


# -- digits ---------------------------------------------------------------------------------------

_TURN = np.linspace(0, 2 * np.pi, 30)


def _arc(x: float, y: float, wide: float, high: float, start: float, stop: float) -> np.ndarray:
    """Return points on an ellipse, angles in turns from the top, clockwise."""
    angle = 2 * np.pi * np.linspace(start, stop, 24)
    return np.stack([x + wide * np.sin(angle), y - high * np.cos(angle)], axis=1)


def _lines(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)


TEMPLATES: dict[int, list[np.ndarray]] = {
    0: [_arc(0.5, 0.5, 0.32, 0.5, 0.03, 1.02)],
    1: [_lines((0.36, 0.2), (0.55, 0), (0.52, 1))],
    2: [
        np.concatenate([_arc(0.5, 0.27, 0.32, 0.27, -0.25, 0.35), _lines((0.15, 1), (0.88, 0.98))])
    ],
    3: [
        np.concatenate(
            [_arc(0.48, 0.25, 0.28, 0.25, -0.2, 0.45), _arc(0.46, 0.72, 0.34, 0.28, 0.05, 0.68)]
        )
    ],
    4: [_lines((0.4, 0), (0.12, 0.62), (0.92, 0.6)), _lines((0.7, 0.25), (0.66, 1))],
    5: [
        np.concatenate([_lines((0.3, 0.02), (0.24, 0.45)), _arc(0.44, 0.7, 0.34, 0.3, -0.08, 0.7)]),
        _lines((0.3, 0.02), (0.82, 0)),
    ],
    6: [
        np.concatenate(
            [_arc(0.85, 0.62, 0.65, 0.62, -0.02, -0.25), _arc(0.5, 0.72, 0.31, 0.28, -0.25, 0.75)]
        )
    ],
    7: [_lines((0.12, 0.03), (0.86, 0), (0.4, 1))],
    8: [
        np.concatenate(
            [
                _arc(0.5, 0.25, 0.26, 0.25, 0.1, -0.5),
                _arc(0.5, 0.74, 0.32, 0.26, 0, 1.0),
                _arc(0.5, 0.25, 0.26, 0.25, 0.5, 0.08),
            ]
        )
    ],
    9: [np.concatenate([_arc(0.48, 0.28, 0.28, 0.28, 0.2, 1.25), _lines((0.72, 0.6), (0.64, 1))])],
}
"""Strokes of each digit, in heights of it: points (n, 2), right and down."""


def drawn_digit(digit: int, rng: np.random.Generator) -> np.ndarray:
    """Return a digit in strokes drawn here: (200, w) from 0 to 1."""
    side, pen = 200, int(rng.integers(14, 30))
    image = Image.new("L", (side + 2 * pen, side + 2 * pen))
    draw = ImageDraw.Draw(image)
    wide = rng.uniform(0.75, 1.05)
    for stroke in TEMPLATES[digit]:
        knots = rng.normal(0, 0.02, (4, 2))
        place = np.linspace(0, 3, len(stroke))
        wobble = np.stack([np.interp(place, range(4), knots[:, axis]) for axis in (0, 1)], axis=1)
        points = pen + side * ((stroke + wobble) * [wide, 1]).clip(0, 1)
        draw.line([tuple(point) for point in points.tolist()], fill=255, width=pen, joint="curve")
        for x, y in points[[0, -1]].tolist():
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return _cropped(np.asarray(image, float) / 255)


def printed_digit(digit: int, rng: np.random.Generator) -> np.ndarray:
    """Return a digit in one of the fonts that Pillow ships: (h, w) from 0 to 1."""
    font = ImageFont.load_default(size=240)
    image = Image.new("L", (400, 400))
    ImageDraw.Draw(image).text((100, 60), str(digit), fill=255, font=font)
    return _cropped(np.asarray(image, float) / 255)


def mnist_digit(image: np.ndarray, grow: int) -> np.ndarray:
    """Return a digit of MNIST's with edges as sharp as a pen's: (h, w) from 0 to 1."""
    from PIL import ImageFilter

    large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
    if grow:
        kind = ImageFilter.MaxFilter if grow > 0 else ImageFilter.MinFilter
        large = large.filter(kind(2 * abs(grow) + 1))
    ink = np.clip((np.asarray(large, float) / 255 - 0.5) * 5 + 0.5, 0, 1)
    if ink.max() < 0.9:  # too thin a pen for this one
        return mnist_digit(image, 0)
    return _cropped(ink)


def _cropped(ink: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(ink.max(axis=1) > 0.5)
    columns = np.flatnonzero(ink.max(axis=0) > 0.5)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shaped(ink: np.ndarray, height: int, slant: float) -> np.ndarray:
    """Return a digit of a height, sheared."""
    levels = Image.fromarray(np.rint(255 * ink).astype(np.uint8))
    more = round(abs(slant) * levels.height)
    first = slant * levels.height if slant > 0 else 0
    sheared = levels.transform(
        (levels.width + more, levels.height),
        Image.Transform.AFFINE,
        (1, slant, -first, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    width = max(2, round(sheared.width * height / sheared.height))
    small = sheared.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, float) / 255


# -- rows -----------------------------------------------------------------------------------------


def _push(before: np.ndarray, digit: np.ndarray, top: int, depth: int) -> int:
    """Return where a digit begins that touches the ink before it, as deep as is wanted."""
    height = len(digit)
    rows = before[top : top + height] > 0.5
    ends = np.where(rows.any(axis=1), rows.shape[1] - rows[:, ::-1].argmax(axis=1), -10_000)
    # A row above and below counts too: strokes have a width.
    ends = np.maximum(ends, np.maximum(np.roll(ends, 1), np.roll(ends, -1)))
    starts = np.where((digit > 0.5).any(axis=1), (digit > 0.5).argmax(axis=1), 10_000)
    return int((ends - starts).max()) - depth


def _row(
    digits: Sequence[np.ndarray], way: Style, rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, int, int, int]], list[np.ndarray]]:
    """Return a row's ink, each digit's box, and each digit's ink on a canvas of the same size."""
    size = way.height
    canvas = np.zeros((2 * size, (2 * len(digits) + 2) * size * 2))
    layers = []
    boxes = []
    left = size
    for digit in digits:
        height = max(12, round(size * (1 + rng.uniform(-1, 1) * way.uneven * 1.5)))
        ink = _shaped(digit, height, way.slant)
        top = round(size / 2 + size - height + rng.uniform(-1, 1) * way.uneven * size)
        top = max(0, min(top, 2 * size - height))
        limits = GAPS[way.gap]
        if layers and limits is None:
            depth = max(1, round(size * rng.uniform(0.01, 0.05)))
            left = _push(canvas, ink, top, depth)
        layer = np.zeros_like(canvas)
        layer[top : top + height, left : left + ink.shape[1]] = ink
        canvas = np.maximum(canvas, layer)
        layers.append(layer)
        boxes.append((left, top, ink.shape[1], height))
        if limits is not None:
            left += ink.shape[1] + max(2, round(size * rng.uniform(*limits)))
    end = max(x + w for x, _, w, _ in boxes) + size
    return canvas[:, :end], boxes, [layer[:, :end] for layer in layers]


def _boxes_of_a_form(
    shape: tuple[int, ...], boxes: Sequence[tuple[int, int, int, int]], rng: np.random.Generator
) -> np.ndarray:
    """Return the frames around digits: one box each, or cells side by side."""
    ink = np.zeros(shape)
    thick = max(1, round(boxes[0][3] * rng.uniform(0.015, 0.05)))
    top = min(y for _, y, _, _ in boxes) - thick - round(0.2 * boxes[0][3])
    bottom = max(y + h for _, y, _, h in boxes) + thick + round(0.2 * boxes[0][3])
    middles = [(boxes[i][0] + boxes[i][2] + boxes[i + 1][0]) // 2 for i in range(len(boxes) - 1)]
    margin = round(0.25 * boxes[0][3])
    edges = [boxes[0][0] - margin, *middles, boxes[-1][0] + boxes[-1][2] + margin]
    top, edges = max(top, 0), [max(edge, 0) for edge in edges]
    for start, stop in pairwise(edges):
        ink[top : top + thick, start:stop] = 1
        ink[bottom - thick : bottom, start : stop + thick] = 1
        ink[top:bottom, start : start + thick] = 1
        ink[top:bottom, stop : stop + thick] = 1
    return ink


def number(
    rows: Sequence[Sequence[np.ndarray]],
    texts: Sequence[str],
    way: Style,
    paper: Paper,
    rng: np.random.Generator,
) -> Made:
    """Write a number: rows of digits (h, w) from 0 to 1, on a paper."""
    lines = [_row(row, way, rng) for row in rows]
    margin = int(way.height * rng.uniform(0.1, 1))
    width = max(ink.shape[1] for ink, _, _ in lines) + 2 * margin
    height = sum(ink.shape[0] for ink, _, _ in lines) + 2 * margin
    ink = np.zeros((height, width))
    boxes: list[tuple[int, int, int, int]] = []
    layers: list[np.ndarray] = []
    frames = np.zeros_like(ink)
    top = margin
    for line, own, parts in lines:
        here = (slice(top, top + line.shape[0]), slice(margin, margin + line.shape[1]))
        ink[here] = line
        if way.boxed:
            frames[here] = _boxes_of_a_form(line.shape, own, rng)
        for part in parts:
            layer = np.zeros_like(ink)
            layer[here] = part
            layers.append(layer)
        boxes += [(x + margin, y + top, w, h) for x, y, w, h in own]
        top += line.shape[0]
    seed = int(rng.integers(2**31))
    picture = _on(paper, np.maximum(ink, frames), seed)
    alone = []
    for layer, (x, y, w, h) in zip(layers, boxes, strict=True):
        more = round(0.4 * max(w, h))
        area = (slice(max(0, y - more), y + h + more), slice(max(0, x - more), x + w + more))
        alone.append(_on(paper, layer, seed)[area])
    return Made(picture, "\n".join(texts), boxes, alone)


def _on(paper: Paper, ink: np.ndarray, seed: int) -> np.ndarray:
    picture = paper(ink, np.random.default_rng(seed))
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


# -- papers ---------------------------------------------------------------------------------------


def _photo(ink: np.ndarray, rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    paper = rng.uniform(0.55, 0.85)
    pen = paper * rng.uniform(0.1, 0.5)
    photo = light * (paper - (paper - pen) * blurred(ink, rng.uniform(0.4, 1.2)))
    return compressed(photo + rng.normal(0, rng.uniform(0, 0.02), ink.shape), 80)


def white(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1 - ink * rng.uniform(0.6, 1)


def on_black(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return ink * rng.uniform(0.6, 1)


def photographed(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _photo(ink, rng, light_on(ink.shape, rng))


def shadowed(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _photo(ink, rng, light_on(ink.shape, rng) * shadow_on(ink.shape, rng))


def lined(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """On ruled or squared paper."""
    lines = np.zeros_like(ink)
    step = int(rng.integers(18, 60))
    lines[rng.integers(step) :: step] = 1
    if rng.random() < 0.5:
        lines[:, rng.integers(step) :: step] = 1
    lines = blurred(lines, 0.7) * rng.uniform(0.15, 0.8)
    return photographed(np.maximum(ink, lines), rng)


def tinted(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    paper = rng.uniform(0, 1, 3)
    pen = paper
    while np.abs(pen - paper).sum() < 0.8:
        pen = rng.uniform(0, 1, 3)
    return ink[..., None] * pen + (1 - ink[..., None]) * paper


PAPERS: dict[str, Paper] = {
    "white": white,
    "black": on_black,
    "photographed": photographed,
    "under a shadow": shadowed,
    "on lines": lined,
    "one colour on another": tinted,
}


# -- without a number -----------------------------------------------------------------------------

WORDS = [
    *("apples", "hello", "world", "kitchen", "garden", "Monday", "window", "paper", "yellow"),
    *("bottle", "seventh", "letter", "never", "Invoice", "total", "ABCDEF", "street", "please"),
    *("thanks", "river", "mountain", "coffee", "network"),
]


def text(rng: np.random.Generator) -> np.ndarray:
    """Printed words, in one line or a few."""
    size = int(rng.integers(24, 90))
    font = ImageFont.load_default(size=size)
    lines = [" ".join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(rng.integers(1, 4))]
    width = round(max(font.getlength(line) for line in lines)) + 2 * size
    image = Image.new("L", (width, round((1.3 * len(lines) + 1) * size)), 255)
    for line, words in enumerate(lines):
        ImageDraw.Draw(image).text((size, (0.4 + 1.3 * line) * size), words, fill=0, font=font)
    return np.asarray(image)


def drawing(rng: np.random.Generator) -> np.ndarray:
    """Curves, boxes and polygons that cross each other."""
    image = Image.new("L", (480, 360), 255)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(3, 9))):
        x, y = rng.uniform(40, 400), rng.uniform(30, 300)
        pen = int(rng.integers(2, 10))
        kind = rng.integers(3)
        if kind == 0:
            steps = rng.normal(0, 35, (int(rng.integers(4, 20)), 2)).cumsum(axis=0)
            steps += (x, y)
            draw.line([tuple(p) for p in steps.clip(5, 350).tolist()], fill=0, width=pen)
        elif kind == 1:
            a, b = rng.uniform(20, 160, 2)
            draw.rectangle((x, y, x + a, y + b), outline=0, width=pen)
        else:
            corners = [(x + rng.uniform(-90, 90), y + rng.uniform(-90, 90)) for _ in range(5)]
            draw.polygon(corners, outline=0, width=pen)
    return np.asarray(image)


def noise(rng: np.random.Generator) -> np.ndarray:
    """Noise of some grain."""
    shape = tuple(rng.integers(60, 480, 2))
    grain = blurred(rng.uniform(0, 1, shape), rng.uniform(0.3, 8))
    spread = (grain - grain.min()) / np.ptp(grain)
    return np.rint(255 * spread).astype(np.uint8)


OTHERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "printed words": text,
    "drawings": drawing,
    "noise": noise,
}
