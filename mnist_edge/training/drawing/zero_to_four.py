"""The forms of the digits 0 to 4, and the share of a digit's drawings that has each."""

import numpy as np

from mnist_edge.training.drawing.hand import Allographs, Hand, Numbers, Point
from mnist_edge.training.drawing.pen import Stroke


def _zero(hand: Hand) -> list[Stroke]:
    half = hand.uniform(0.09, 0.475)
    start = hand.uniform(-130, -60)
    sweep = -360 + hand.uniform(-25, 10)
    return [hand.ring((0.5, 0.5), (half, 0.5), start, sweep, hand.uniform(2, 3.2))]


def _stem(hand: Hand) -> tuple[Point, Point, Point]:
    """Return top, middle and bottom of a 1's stem, which is hardly bent."""
    return (0.0, 0.0), (hand.normal(0.02), 0.5), (0.0, 1.0)


def _flagged(hand: Hand) -> Stroke:
    """Return a 1's stem and the stroke that leads up to it, some of them bent."""
    angle = np.radians(hand.uniform(22, 68))
    # One that reaches further out is a 7's upper stroke.
    length = np.minimum(hand.uniform(0.12, 0.7), 0.42 / np.sin(angle))
    x = -length * np.sin(angle)
    y = length * np.cos(angle)
    bend = hand.normal(0.1) * length * (hand.uniform(0, 1) < 0.4)
    middle = (x / 2 + bend * np.cos(angle), y / 2 + bend * np.sin(angle))
    return hand.stroke((x, y), middle, *_stem(hand), corners=(2,))


def _foot(hand: Hand) -> Stroke:
    width = hand.uniform(0.15, 0.95)
    middle = hand.normal(0.08) * width
    rise = hand.normal(0.07) * width
    height = 1 + hand.normal(0.012)
    return hand.stroke((middle - width / 2, height + rise), (middle + width / 2, height - rise))


def _one_bare(hand: Hand) -> list[Stroke]:
    return [hand.stroke(*_stem(hand))]


def _one_flagged(hand: Hand) -> list[Stroke]:
    return [_flagged(hand)]


def _one_with_foot(hand: Hand) -> list[Stroke]:
    return [_flagged(hand), _foot(hand)]


def _one_bare_with_foot(hand: Hand) -> list[Stroke]:
    return [hand.stroke(*_stem(hand)), _foot(hand)]


def _hook(hand: Hand, width: Numbers, start: float) -> tuple[Point, ...]:
    """Return the upper part of a 2, down to near its foot."""
    return (
        (0.04 * width, hand.uniform(0.12, start)),
        (0.2 * width, 0.05),
        (0.55 * width, 0.0),
        (0.88 * width, 0.13),
        (0.88 * width, 0.36),
        (0.6 * width, 0.62),
    )


def _two_flat(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.95)
    base = (width * hand.uniform(0.75, 1.25), 1 + hand.normal(0.05))
    return [hand.stroke(*_hook(hand, width, 0.36), (0.0, 1.0), base, corners=(6,))]


def _two_looped(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.5, 0.95)
    size = hand.uniform(0.4, 1.1)
    foot = (
        (0.28 * width, 0.86),
        (0.08 * width, 0.97),
        (-0.02 * width, 0.97 - 0.08 * size),
        (0.16 * width, 0.97 - 0.14 * size),
        (0.5 * width, 0.94),
        (0.8 * width, 1.0),
        (width * hand.uniform(0.95, 1.25), hand.uniform(0.86, 0.98)),
    )
    return [hand.stroke(*_hook(hand, width, 0.36), *foot)]


def _two_narrow(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.25, 0.5)
    base = (width * hand.uniform(0.9, 1.6), 1 + hand.normal(0.04))
    return [hand.stroke(*_hook(hand, width, 0.25), (0.0, 1.0), base, corners=(6,))]


def _two_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.8)
    middle = hand.uniform(0.42, 0.58)
    return [hand.polyline((0, 0), (width, 0), (width, middle), (0, middle), (0, 1.0), (width, 1.0))]


def _lower_three(hand: Hand, waist: Numbers) -> tuple[Point, ...]:
    width = hand.uniform(0.5, 0.85)
    return (
        (0.75 * width, waist + 0.05),
        (width, hand.uniform(0.68, 0.78)),
        (0.75 * width, 0.95),
        (0.35 * width, 1.0),
        (hand.uniform(-0.12, 0.08), hand.uniform(0.82, 0.98)),
    )


def _three_round(hand: Hand) -> list[Stroke]:
    waist = hand.uniform(0.38, 0.52)
    width = hand.uniform(0.5, 0.8)
    upper = (
        (hand.uniform(-0.05, 0.1), hand.uniform(0.05, 0.2)),
        (0.4 * width, 0.0),
        (0.85 * width, 0.06),
        (0.92 * width, 0.23),
        (0.7 * width, waist - 0.05),
        (hand.uniform(0.1, 0.4), waist),
    )
    return [hand.stroke(*upper, *_lower_three(hand, waist), corners=(5,))]


def _three_flat(hand: Hand) -> list[Stroke]:
    waist = hand.uniform(0.32, 0.48)
    width = hand.uniform(0.5, 0.85)
    upper = (
        (0.0, hand.normal(0.04)),
        (width, hand.normal(0.03)),
        (hand.uniform(0.2, 0.5), waist),
    )
    return [hand.stroke(*upper, *_lower_three(hand, waist), corners=(1, 2))]


def _three_square(hand: Hand) -> list[Stroke]:
    width = hand.uniform(0.45, 0.8)
    middle = hand.uniform(0.42, 0.58)
    inward = width * hand.uniform(0, 0.5)
    frame = hand.polyline((0, 0), (width, 0), (width, 1.0), (0, 1.0))
    return [frame, hand.polyline((inward, middle), (width, middle))]


def _arm(hand: Hand, place: Numbers, bar: Numbers) -> Stroke:
    """Return the right arm of a 4, from its middle to just below its bar."""
    lean = hand.uniform(-0.03, 0.15)
    top = hand.uniform(0.3, 0.6)
    return hand.stroke((place + lean, top), (place - lean / 2, bar + hand.uniform(0.06, 0.25)))


def _four_slanted(hand: Hand) -> list[Stroke]:
    """Draw a long slanted left stroke, a low bar, and a short arm across it."""
    bar = hand.uniform(0.66, 0.9)
    place = hand.uniform(0.45, 0.8)
    top = hand.uniform(0.3, 0.85)
    end = (place + hand.uniform(0.08, 0.35), bar + hand.normal(0.04))
    middle = (top * 0.5 + hand.normal(0.03), bar * 0.5)
    left = hand.stroke((top, 0), middle, (0, bar), end, corners=(2,))
    return [left, _arm(hand, place, bar)]


def _four_rounded(hand: Hand) -> list[Stroke]:
    """Draw the same without a corner, so that it differs from a 6 in its arm alone."""
    bar = hand.uniform(0.7, 0.92)
    place = hand.uniform(0.4, 0.75)
    top = hand.uniform(0.3, 0.8)
    left = hand.stroke(
        (top, 0),
        (top * 0.5, bar * 0.42),
        (0.03, bar - 0.16),
        (0.12, bar + 0.02),
        (place + hand.uniform(0.05, 0.3), bar + hand.uniform(-0.08, 0.03)),
    )
    return [left, _arm(hand, place, bar)]


def _four_open(hand: Hand) -> list[Stroke]:
    bar = hand.uniform(0.42, 0.7)
    arm = hand.uniform(0.45, 0.85)
    corner = hand.uniform(-0.05, 0.1)
    left = hand.stroke(
        (hand.uniform(0.0, 0.3), hand.uniform(0, 0.15)),
        (corner, bar),
        (arm + hand.uniform(0.0, 0.3), bar + hand.normal(0.05)),
        corners=(1,),
    )
    lean = hand.uniform(-0.04, 0.06)
    return [left, hand.stroke((arm + lean, hand.uniform(0, 0.3)), (arm - lean, 1.0))]


def _four_closed(hand: Hand) -> list[Stroke]:
    bar = hand.uniform(0.5, 0.78)
    arm = hand.uniform(0.4, 0.75)
    reach = (arm + hand.uniform(0.05, 0.35), bar + hand.normal(0.03))
    left = hand.stroke((arm, 0), (0, bar), reach, corners=(1,))
    return [left, hand.stroke((arm, hand.uniform(-0.03, 0.08)), (arm + hand.normal(0.03), 1.0))]


def _four_cup(hand: Hand) -> list[Stroke]:
    """Draw an open round cup on the left of a stem."""
    depth = hand.uniform(0.42, 0.62)
    arm = hand.uniform(0.5, 0.8)
    cup = hand.stroke(
        (hand.uniform(-0.05, 0.15), 0),
        (0, depth * 0.65),
        (arm * 0.3, depth),
        (arm * 0.75, depth * 0.95),
        (arm, depth * hand.uniform(0.6, 0.95)),
    )
    return [cup, hand.stroke((arm + hand.normal(0.04), hand.uniform(-0.05, 0.2)), (arm, 1.0))]


def _four_in_one(hand: Hand) -> list[Stroke]:
    """Draw without lifting the pen: down, across, and back up to the stem's top."""
    bar = hand.uniform(0.45, 0.65)
    arm = hand.uniform(0.5, 0.8)
    top = hand.uniform(0.0, 0.25)
    return [
        hand.stroke(
            (hand.uniform(0.05, 0.35), 0),
            (0, bar),
            (arm + hand.uniform(0.05, 0.2), bar - 0.03),
            (arm + 0.04, top),
            (arm - hand.uniform(0.0, 0.1), 1.0),
            corners=(1, 2, 3),
        )
    ]


ZEROS: Allographs = ((_zero, 1.0),)

ONES: Allographs = (
    (_one_bare, 0.1),
    (_one_flagged, 0.5),
    (_one_with_foot, 0.35),
    (_one_bare_with_foot, 0.05),
)

TWOS: Allographs = (
    (_two_flat, 0.42),
    (_two_looped, 0.25),
    (_two_narrow, 0.2),
    (_two_square, 0.13),
)

THREES: Allographs = (
    (_three_round, 0.55),
    (_three_flat, 0.32),
    (_three_square, 0.13),
)

FOURS: Allographs = (
    (_four_slanted, 0.22),
    (_four_rounded, 0.18),
    (_four_open, 0.2),
    (_four_closed, 0.17),
    (_four_cup, 0.13),
    (_four_in_one, 0.1),
)
