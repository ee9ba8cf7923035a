"""A node as its rule sees it: its attributes, and the shapes of what it takes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mnist_edge.runtime.graph import Node, Shape, Weights

Result = tuple[tuple[Shape, ...], int]
"""Shapes of a node's outputs, and its multiply-adds."""


@dataclass(frozen=True, slots=True)
class Call:
    """A node with the shapes of what it takes; None for an input that is left out."""

    node: Node
    shapes: tuple[Shape | None, ...]
    weights: Mapping[str, Weights]

    @property
    def operator(self) -> str:
        """Its operator."""
        return self.node.operator

    def has(self, number: int) -> bool:
        """Return whether an input is there."""
        return number < len(self.shapes) and self.shapes[number] is not None

    def shape(self, number: int) -> Shape:
        """Return the shape of an input that must be there."""
        found = self.shapes[number] if number < len(self.shapes) else None
        if found is None:
            raise ValueError(f"a {self.operator} without its input {number}")
        return found

    def constant(self, number: int) -> tuple[int, ...]:
        """Return the integers of an input that must stand in the file."""
        found = self._stored(number)
        if found is None or len(found.integers) != math.prod(found.shape):
            raise ValueError(f"a {self.operator} whose shape stands nowhere in the file")
        return found.integers

    def reals(self, number: int) -> tuple[float, ...]:
        """Return the float32 numbers of an input that must stand in the file."""
        found = self._stored(number)
        if found is None or len(found.reals) != math.prod(found.shape):
            raise ValueError(f"a {self.operator} whose numbers stand nowhere in the file")
        return found.reals

    def _stored(self, number: int) -> Weights | None:
        name = self.node.inputs[number] if number < len(self.node.inputs) else ""
        return self.weights.get(name)

    def integer(self, name: str, default: int = 0) -> int:
        """Return an attribute that is an integer."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, int):
            raise ValueError(f"a {self.operator} whose {name} is no integer")
        return value

    def integers(self, name: str) -> tuple[int, ...]:
        """Return an attribute that is a list of integers, or none."""
        value = self.node.attributes.get(name, ())
        if not isinstance(value, tuple):
            raise ValueError(f"a {self.operator} whose {name} is no list of integers")
        return value

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a text."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, str):
            raise ValueError(f"a {self.operator} whose {name} is no text")
        return value

    def axis(self, name: str, rank: int, default: int) -> int:
        """Return an attribute that is one of ``rank`` axes, counted from the front."""
        return self.counted(self.integer(name, default), rank)

    def axes(self, rank: int, number: int | None = 1) -> tuple[int, ...] | None:
        """Return the axes that a node lists, as an attribute or as an input; None for none.

        Args:
            rank: How many there are.
            number: Of the input that may list them.
        """
        listed = "axes" in self.node.attributes
        if listed and number is not None and self.has(number):
            raise ValueError(f"a {self.operator} that lists its axes twice")
        if listed:
            found = self.integers("axes")
        elif number is not None and self.has(number):
            found = self.constant(number)
        else:
            return None
        counted = tuple(self.counted(axis, rank) for axis in found)
        if len(set(counted)) < len(counted):
            raise ValueError(f"a {self.operator} that lists an axis twice")
        return counted

    def counted(self, axis: int, rank: int) -> int:
        """Return an axis counted from the front, if it is one of ``rank`` axes."""
        if not -rank <= axis < rank:
            raise ValueError(f"a {self.operator} at the axis {axis} of {rank}")
        return axis % rank

    def wrong(self, *numbers: int) -> ValueError:
        """Return the error that the shapes of these inputs do not fit."""
        shapes = " and ".join(str(list(self.shape(number))) for number in numbers)
        return ValueError(f"a {self.operator} of the shapes {shapes}")


Rule = Callable[[Call], Result]


def together(one: Shape, other: Shape, operator: str) -> Shape:
    """Return the shape that two shapes are broadcast to."""
    rank = max(len(one), len(other))
    one = (1,) * (rank - len(one)) + one
    other = (1,) * (rank - len(other)) + other
    if any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        raise ValueError(f"a {operator} of the shapes {list(one)} and {list(other)}")
    return tuple(b if a == 1 else a for a, b in zip(one, other, strict=True))
