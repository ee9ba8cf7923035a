"""The hand that draws: random numbers that make each drawing of a form another one."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_edge.training.drawing.pen import Stroke

Numbers: TypeAlias = NDArray[np.floating]
Number: TypeAlias = Numbers | float
Point: TypeAlias = tuple[Number, Number]


class Hand:
    """Random numbers for n drawings of one form.

    Args:
        count: n.
        rng: Decides all.
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count = count
        self.rng = rng

    def even(self, low: float, high: float) -> Numbers:
        """Return n numbers between two, evenly distributed."""
        return self.rng.uniform(low, high, self.count)

    def normal(self, spread: float, mean: float = 0.0) -> Numbers:
        """Return n numbers of a normal distribution."""
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
        self, middle: Point, size: Point, start: Number, sweep: Number, power: Number = 2.0
    ) -> Stroke:
        """Return an ellipse, or with a higher power a rounder rectangle.

        Args:
            middle: Of it.
            size: Half its width and height.
            start: Degrees, clockwise from the right: -90 is the top.
            sweep: Degrees; below 0 it is drawn against the clock.
            power: Of a superellipse.
        """
        share = np.linspace(0, 1, 13)
        angle = np.radians(np.add.outer(np.broadcast_to(start, self.count), 0 * share))
        angle = angle + np.radians(np.multiply.outer(np.broadcast_to(sweep, self.count), share))
        exponent = np.broadcast_to(2 / np.asarray(power), self.count)[:, None]
        placed = np.empty((self.count, len(share), 2))
        for axis, direction in enumerate((np.cos(angle), np.sin(angle))):
            outward = np.sign(direction) * np.abs(direction) ** exponent
            place = np.broadcast_to(middle[axis], self.count)[:, None]
            placed[:, :, axis] = place + np.broadcast_to(size[axis], self.count)[:, None] * outward
        return Stroke(placed)


Form: TypeAlias = Callable[[Hand], list[Stroke]]
"""Returns the strokes of n drawings in a box of about 0..1, x to the right and y down."""

Shares: TypeAlias = tuple[tuple[Form, float], ...]
"""The forms of a class, each with the share of the drawings that has it."""
