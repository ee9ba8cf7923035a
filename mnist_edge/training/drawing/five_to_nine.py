"""The forms of the digits 5 to 9, and the share of a digit's drawings that has each."""

import numpy as np

from mnist_edge.training.drawing.hand import Allographs, Hand, Numbers, Point
from mnist_edge.training.drawing.pen import Stroke


def _belly(hand: Hand, waist: Numbers) -> tuple[Point, ...]:
    """Return the bow of a 5, from the lower end of its stem."""
    width = hand.uniform(0.55, 0.9)
    return (
        (0.45 * width, waist - hand.uniform(0.04, 0.12)),
        (0.9 * width, waist + 0.08),
        (width, hand.uniform(0.66, 0.76)),
        (0.72 * width, 0.95),
        (0.3 * width, 1.0),
        (hand.uniform(-0.12, 0.06), hand.uniform(0.84, 0.97)),
    )


def _five_with_hat(hand: Hand) -> list[Stroke]:
    """Draw the upper stroke last: it need not meet the stem."""
    waist = hand.uniform(0.36, 0.5)
    body = hand.stroke((0.1, 0.0), (0.06, waist), *_belly(hand, waist), corners=(1,))
    start = 0.1 + hand.uniform(-0.04, 0.2)
    height = hand.uniform(-0.08, 0.06)
    end = (start + hand.uniform(0.05, 1.1), height + hand.normal(0.06))
    return [body, hand.stroke((start, height), end)]


def _five_joined(hand: Hand) -> list[Stroke]:
    waist = hand.uniform(0.34, 0.5)
    start = (hand.uniform(0.45, 1.0), hand.normal(0.03))
    return [hand.stroke(start, (0.1, 0.0), (0.05, waist), *_belly(hand, waist), corners=(1, 2))]


def _five_curved(hand: Hand) -> list[Stroke]:
    """Draw it as an S."""
    width = hand.uniform(0.5, 0.85)
    return [
        hand.stroke(
            (width * hand.uniform(0.85, 1.15), hand.uniform(0.0, 0.08)),
            (0.5 * width, 0.0),
            (0.12 * width, 0.1),
            (0.14 * width, 0.32),
            (0.5 * width, 0.45),
            (0.9 * width, 0.62),
            (0.85 * width, 0.86),
            (0.45 * width, 1.0),
            (hand.uniform(-0.1, 0.05), 0.92),
        )
    ]


def _five_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.8)
    middle = hand.uniform(0.42, 0.58)
    return [hand.polyline((width, 0), (0, 0), (0, middle), (width, middle), (width, 1.0), (0, 1.0))]


def _bowl(hand: Hand, width: Numbers, top: Numbers) -> tuple[Point, ...]:
    """Return the bowl of a 6, from its lower left round to its stem again: it is closed."""
    return (
        (0.2 * width, 0.97),
        (0.6 * width, 1.0),
        (width, 0.5 * top + 0.52),
        (0.88 * width, top + 0.05),
        (0.52 * width, top),
        (hand.uniform(0.1, 0.2) * width, top + 0.12),
        (hand.uniform(-0.02, 0.1) * width, hand.uniform(0.74, 0.84)),
    )


def _six_curved(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.8)
    top = hand.uniform(0.4, 0.62)
    stem = (
        (width * hand.uniform(0.6, 1.15), hand.uniform(0.0, 0.06)),
        (width * 0.42, 0.12),
        (width * 0.1, 0.42),
        (0.0, 0.74),
    )
    return [hand.stroke(*stem, *_bowl(hand, width, top))]


def _six_straight(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.4, 0.75)
    top = hand.uniform(0.45, 0.66)
    start = width * hand.uniform(0.1, 0.95)
    stem = ((start, 0.0), (start * 0.5, 0.37), (0.0, 0.74))
    return [hand.stroke(*stem, *_bowl(hand, width, top))]


def _six_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.8)
    middle = hand.uniform(0.42, 0.6)
    return [
        hand.polyline(
            (width * hand.uniform(0.1, 1.0), 0),
            (0, 0),
            (0, 1.0),
            (width, 1.0),
            (width, middle),
            (0, middle),
        )
    ]


def _bar_and_stem(hand: Hand, *serif: Point) -> Stroke:
    width = hand.uniform(0.45, 0.9)
    foot = width * hand.uniform(-0.05, 0.75)
    bend = hand.uniform(-0.1, 0.06) * width
    corner = len(serif) + 1
    corners = (1, corner) if serif else (corner,)
    return hand.stroke(
        *serif,
        (0.0, hand.normal(0.04)),
        (width, hand.normal(0.03)),
        ((width + foot) / 2 + bend, 0.5),
        (foot, 1.0),
        corners=corners,
    )


def _crossbar(hand: Hand) -> Stroke:
    height = hand.uniform(0.35, 0.65)
    middle = hand.uniform(0.3, 0.55)
    half = hand.uniform(0.12, 0.32)
    rise = hand.normal(0.05)
    return hand.stroke((middle - half, height + rise), (middle + half, height - rise))


def _seven_plain(hand: Hand) -> list[Stroke]:
    return [_bar_and_stem(hand)]


def _seven_crossed(hand: Hand) -> list[Stroke]:
    return [_bar_and_stem(hand), _crossbar(hand)]


def _seven_with_serif(hand: Hand) -> list[Stroke]:
    return [_bar_and_stem(hand, (hand.normal(0.02), hand.uniform(0.08, 0.28)))]


def _seven_with_both(hand: Hand) -> list[Stroke]:
    return [_bar_and_stem(hand, (hand.normal(0.02), hand.uniform(0.08, 0.28))), _crossbar(hand)]


def _eight_crossing(hand: Hand) -> list[Stroke]:
    upper = hand.uniform(0.3, 0.72)
    lower = np.maximum(upper, hand.uniform(0.4, 0.8))
    waist = hand.uniform(0.4, 0.52)
    left = (lower - upper) / 2
    return [
        hand.stroke(
            (left + upper * 0.9, hand.uniform(0.08, 0.16)),
            (lower / 2, 0.0),
            (left + upper * 0.06, waist * 0.38),
            (lower * 0.36, waist * 0.85),
            (lower * 0.7, waist + 0.12),
            (lower, 0.78),
            (lower / 2, 1.0),
            (0.0, 0.78),
            (lower * 0.3, waist + 0.12),
            (lower * 0.66, waist * 0.85),
            (left + upper * hand.uniform(0.86, 1.0), hand.uniform(0.1, 0.24)),
        )
    ]


def _eight_of_rings(hand: Hand) -> list[Stroke]:
    waist = hand.uniform(0.38, 0.54)
    upper = hand.uniform(0.13, 0.34)
    lower = hand.uniform(0.17, 0.4)
    overlap = hand.uniform(-0.01, 0.03)
    shift = hand.normal(0.03)
    high = hand.ring((shift, waist / 2), (upper, waist / 2 + overlap), -90, -380)
    low = hand.ring((0, (1 + waist) / 2), (lower, (1 - waist) / 2 + overlap), -90, -380)
    return [high, low]


def _eight_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.4, 0.75)
    middle = hand.uniform(0.4, 0.55)
    frame = hand.polyline((0, 0), (0, 1.0), (width, 1.0), (width, 0), (0, 0))
    return [frame, hand.polyline((0, middle), (width, middle))]


def _head(hand: Hand, width: Numbers, bottom: Numbers) -> tuple[Point, ...]:
    """Return the ring of a 9, from its upper right against the clock and back."""
    return (
        (width, hand.uniform(0.08, 0.22)),
        (0.6 * width, 0.0),
        (0.12 * width, 0.14),
        (0.06 * width, bottom * 0.72),
        (0.45 * width, bottom),
        (0.88 * width, bottom * 0.72),
        (width, hand.uniform(0.04, 0.2)),
    )


def _nine_straight(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.35, 0.75)
    head = _head(hand, width, hand.uniform(0.36, 0.58))
    foot = width * hand.uniform(0.35, 1.1)
    return [hand.stroke(*head, (foot, 1.0), corners=(6,))]


def _nine_curled(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.4, 0.75)
    head = _head(hand, width, hand.uniform(0.34, 0.56))
    tail = (
        (width, 0.55),
        (0.9 * width, 0.84),
        (0.5 * width, 1.0),
        (width * hand.uniform(-0.1, 0.25), hand.uniform(0.84, 0.97)),
    )
    return [hand.stroke(*head, *tail)]


def _nine_with_flat_foot(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.4, 0.75)
    head = _head(hand, width, hand.uniform(0.36, 0.56))
    end = (width * hand.uniform(-0.15, 0.4), 1 + hand.normal(0.03))
    return [hand.stroke(*head, (width * hand.uniform(0.85, 1.1), 0.98), end, corners=(6, 7))]


def _nine_leaning_out(hand: Hand) -> list[Stroke]:
    """Have the tail go out to the right of a small ring, and back on a flat foot."""
    width = hand.uniform(0.35, 0.65)
    head = _head(hand, width, hand.uniform(0.34, 0.52))
    out = width * hand.uniform(1.0, 1.6)
    tail = (
        ((width + out) / 2, 0.6),
        (out, 0.86),
        (out - 0.2 * width, hand.uniform(0.96, 1.01)),
        (width * hand.uniform(-0.2, 0.3), 1 + hand.normal(0.03)),
    )
    return [hand.stroke(*head, *tail, corners=(6,))]


def _nine_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.4, 0.75)
    middle = hand.uniform(0.4, 0.58)
    return [
        hand.polyline(
            (width, middle),
            (0, middle),
            (0, 0),
            (width, 0),
            (width, 1.0),
            (width * hand.uniform(0, 0.9), 1.0),
        )
    ]


FIVES: Allographs = (
    (_five_with_hat, 0.5),
    (_five_joined, 0.2),
    (_five_curved, 0.17),
    (_five_square, 0.13),
)

SIXES: Allographs = (
    (_six_curved, 0.47),
    (_six_straight, 0.42),
    (_six_square, 0.11),
)

SEVENS: Allographs = (
    (_seven_plain, 0.4),
    (_seven_crossed, 0.4),
    (_seven_with_serif, 0.1),
    (_seven_with_both, 0.1),
)

EIGHTS: Allographs = (
    (_eight_crossing, 0.5),
    (_eight_of_rings, 0.38),
    (_eight_square, 0.12),
)

NINES: Allographs = (
    (_nine_straight, 0.26),
    (_nine_curled, 0.22),
    (_nine_with_flat_foot, 0.15),
    (_nine_leaning_out, 0.25),
    (_nine_square, 0.12),
)
