"""The operators that a file may hold, and what a graph of them costs before it is run.

Each operator has a rule that gives the shape of its output. So the size of every tensor is known
before an engine sees the file, and so is its work: a graph that would take more memory or time than
``MAX_ELEMENTS`` and ``MAX_WORK`` allow is refused. What has no rule is refused too: loops, branches
and functions, and whatever takes the shape of its output from data (Tile, Expand, Range,
ConstantOfShape, ...), since a few bytes of those can ask for all memory.

    numbers.py   number by number, or along an axis
    products.py  of matrices
    windows.py   convolutions and pooling
    layout.py    what moves numbers, cuts them, or puts them side by side
    cost.py      the table of all rules, and the walk through a graph

The exporter holds its graphs to the same table.
"""

from mnist_edge.runtime.operators.cost import (
    MAX_NODES,
    MAX_WORK,
    MAX_WORK_ELEMENTS,
    OPERATORS,
    Cost,
    cost,
)

__all__ = ["MAX_NODES", "MAX_WORK", "MAX_WORK_ELEMENTS", "OPERATORS", "Cost", "cost"]
