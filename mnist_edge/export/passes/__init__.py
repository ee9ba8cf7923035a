"""Clean-ups of a float graph: what an engine would work out at each start is worked out once.

Each pass changes a ``Graph`` in place, returns whether it did, and leaves what the graph answers as
it was. ``PASSES`` lists them in order; they run until none finds anything.
"""

from collections.abc import Callable

from mnist_edge.errors import ModelError
from mnist_edge.export.passes import (
    activations,
    affine,
    constants,
    dense,
    reshapes,
    transposes,
)
from mnist_edge.export.passes.graph import Graph

Pass = Callable[[Graph], bool]

PASSES: tuple[Pass, ...] = (
    Graph.remove_unused,
    constants.fold_known_values,
    constants.drop_identities,
    # Activations, before their arithmetic is folded into anything.
    activations.write_gelu,
    activations.write_prelu,
    activations.write_elu,
    # Shapes
    transposes.name_axes,
    transposes.merge,
    reshapes.merge,
    dense.write_as_matmul_and_add,
    dense.multiply_in_place,
    transposes.move_down,
    reshapes.move_down,
    transposes.take_into_dense_rows,
    # Arithmetic
    affine.put_constants_last,
    affine.write_as_mul_and_add,
    affine.merge,
    affine.fold_into_layer_before,
    affine.fold_into_layer_behind,
)

_MAX_ROUNDS = 5_000


def clean(graph: Graph) -> None:
    """Run all passes until none changes anything.

    Raises:
        ModelError: A shape is not known beforehand, or the passes find no end.
    """
    for _ in range(_MAX_ROUNDS):
        found = [run(graph) for run in PASSES]
        if not any(found):
            return
    raise ModelError("expected a graph that can be cleaned, received one that never is")
