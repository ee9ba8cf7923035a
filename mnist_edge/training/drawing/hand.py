"""The hand that draws: random numbers that make each drawing of an allograph another one."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.training.drawing.pen import Stroke

Numbers: TypeAlias = NDArray[np.floating]
Number: TypeAlias = Numbers | float
Point: TypeAlias = tuple[Number, Number]


class Hand:
    """Random numbers for n drawings of one allograph.

    Args:
        count: n.
        rng: Decides all.
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count = count
        self.rng = rng

    def uniform(self, low: float, high: float) -> Numbers:
        """Return n numbers between two, uniformly distributed."""
        return self.rng.uniform(low, high, self.count)

    def normal(self, spread: float, mean: float = 0.0) -> Numbers:
        """Return n normally distributed numbers."""
        return self.rng.normal(mean, spread, self.count)

    def stroke(self, *points: Point, corners: tuple[int, ...] = ()) -> Stroke:
        """Return a stroke through points whose coordinates are one number or n of them."""
        placed = np.empty((self.count, len(points), 2))
        for number, (x, y) in enumerate(points):
            placed[:, number, 0] = x
            placed[:, number, 1] = y
        return Stroke(placed, corners)

    def polyline(self, *points: Point) -> Stroke:
        """Return a stroke of straight lines."""
        return self.stroke(*points, corners=tuple(range(len(points))))

    def ring(
        self, centre: Point, size: Point, start: Number, sweep: Number, power: Number = 2.0
    ) -> Stroke:
        """Return a superellipse: an ellipse at power 2, nearer to a rectangle above.

        Args:
            centre: x and y.
            size: Half its width and height.
            start: Degrees, clockwise from the right: -90 is the top.
            sweep: Degrees; negative is anticlockwise.
            power: The exponent.
        """
        share = np.linspace(0, 1, 13)
        angle = np.radians(_column(start)) + np.radians(_column(sweep) * share)
        placed = np.empty((self.count, len(share), 2))
        for axis, direction in enumerate((np.cos(angle), np.sin(angle))):
            outward = np.sign(direction) * np.abs(direction) ** (2 / _column(power))
            placed[:, :, axis] = _column(centre[axis]) + _column(size[axis]) * outward
        return Stroke(placed)


def _column(number: Number) -> Numbers:
    """Return one number, or n of them, as (1, 1) or (n, 1)."""
    return np.reshape(number, (-1, 1))


Allograph: TypeAlias = Callable[[Hand], list[Stroke]]
"""One way to write a character: n drawings' strokes in a box of about 0..1, x right and y down."""

Allographs: TypeAlias = tuple[tuple[Allograph, float], ...]
"""The ways to write a digit, each with its share of the drawings."""
