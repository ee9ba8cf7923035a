"""Clean-ups of a float graph: what an engine would work out at each start is worked out once.

Each pass changes a ``Graph`` in place, returns whether it did, and leaves what the graph answers as
it was. ``PASSES`` lists them in order; they run until none finds anything.
"""

from collections.abc import Callable

from mnist_edge.errors import ModelError
from mnist_edge.export.passes import (
    activations,
    affine,
    borders,
    constants,
    dense,
    fold_before,
    fold_behind,
    normalization,
    reshapes,
    resizing,
    transposes,
)
from mnist_edge.export.passes.graph import Graph

Pass = Callable[[Graph], bool]

PASSES: tuple[Pass, ...] = (
    Graph.remove_unused,
    constants.fold_known_values,
    constants.write_indices_as_int64,
    constants.drop_identities,
    # Arithmetic that stands for an operator, before it is folded into anything.
    activations.find_gelu,
    activations.write_hard_swish,
    activations.write_where,
    activations.write_elu,
    activations.write_prelu,
    activations.write_clip,
    activations.fill_by_broadcasting,
    normalization.subtract_mean_first,
    normalization.gather_layer_normalization,
    normalization.split_batch_normalization,
    dense.write_as_matmul_and_add,
    # Windows and sizes
    borders.write_down,
    borders.take_pads,
    borders.write_mean_as_pooling,
    resizing.write_tile,
    resizing.merge_repeats,
    resizing.name_current_modes,
    resizing.give_scales,
    # Shapes and the order of axes
    transposes.name_axes,
    transposes.merge,
    transposes.move_down,
    transposes.take_into_dense_rows,
    transposes.merge_with_reshapes,
    dense.multiply_in_place,
    reshapes.merge,
    reshapes.move_down,
    reshapes.pool_before,
    # Multiplications and additions of constants
    affine.put_constants_last,
    affine.write_as_mul_and_add,
    affine.merge,
    fold_before.fold_into_layer_before,
    fold_behind.fold_into_layer_behind,
)

GATHERED = frozenset((activations.GELU,))
"""Operators that stand for several of the file's opset until ``finish``."""

_MAX_ROUNDS = 2_000


def settle(graph: Graph) -> None:
    """Run all passes until none changes anything.

    Raises:
        ModelError: A shape is not known beforehand, or the passes find no end.
    """
    for _ in range(_MAX_ROUNDS):
        found = [run(graph) for run in PASSES]
        if not any(found):
            return
    raise ModelError("expected a graph that can be cleaned, received one that never is")


def finish(graph: Graph) -> None:
    """Write a settled graph as a file has it: operators of its opset, equal weights once."""
    activations.write_gelu(graph)
    constants.share_equal(graph)
