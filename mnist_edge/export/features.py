"""Bring features to one scale before the first layer, where quantizing it would lose small ones.

A network of features often begins with a normalization, which the clean graph has folded into its
first dense layer: the weights of a feature in the thousands are a thousandth of another's. In float
that is exact and free. Whole steps of one size for all of them would make these weights zero, and
steps of one size for all features would make small features zero.
"""

from itertools import pairwise

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mnist_edge.export.graph import copied, replace_nodes
from mnist_edge.model_spec import INPUT_NAME

MOST_APART = 4.0
"""How many times one feature may vary as much as another, or be away from zero as it varies, before
they are brought to one scale: that takes two more operators."""


def standardized(model: onnx.ModelProto, rows: NDArray[np.float32]) -> onnx.ModelProto:
    """Return a model that subtracts each feature's mean and divides by its deviation first.

    The first layer's weights make up for it: the answers stay as they were.

    Args:
        model: The clean float graph.
        rows: float32 (N, features), training examples.

    Returns:
        The same model where its features are on one scale already, or its first layer is not dense.
    """
    layer = _first_layer(model)
    if layer is None or not len(rows):
        return model
    mean, deviation = _moments(rows)
    spread = deviation.max() / deviation.min()
    if max(spread, float((np.abs(mean) / deviation).max())) <= MOST_APART:
        return model
    product, addition = layer
    made = copied(model)
    tensors = {tensor.name: tensor for tensor in made.graph.initializer}
    weight = numpy_helper.to_array(tensors[product.input[1]]).astype(np.float64)
    bias = numpy_helper.to_array(tensors[addition.input[1]]).astype(np.float64)
    changed = {
        # As float32 has them, so that the sum is the same to its last bits.
        product.input[1]: weight * deviation[:, None],
        addition.input[1]: bias + mean @ weight,
        "feature_means": mean,
        "feature_scales": 1 / deviation,
    }
    for name, values in changed.items():
        tensors[name] = numpy_helper.from_array(values.astype(np.float32), name)
    nodes = [
        helper.make_node("Sub", [INPUT_NAME, "feature_means"], ["centred"], "centre"),
        helper.make_node("Mul", ["centred", "feature_scales"], ["standardized"], "standardize"),
    ]
    for node in made.graph.node:
        if node.output[0] == product.output[0]:
            node.input[0] = "standardized"
        nodes.append(node)
    replace_nodes(made, nodes, list(tensors.values()))
    return made


def _first_layer(model: onnx.ModelProto) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """Return the product and the sum of the dense layer that alone takes the input."""
    constants = {tensor.name for tensor in model.graph.initializer}
    uses = [name for node in model.graph.node for name in node.input]
    nodes = list(model.graph.node)
    for product, addition in pairwise(nodes):
        if (product.op_type, addition.op_type) != ("MatMul", "Add"):
            continue
        if product.input[0] != INPUT_NAME or addition.input[0] != product.output[0]:
            continue
        names = [product.input[1], addition.input[1]]
        own = all(name in constants and uses.count(name) == 1 for name in names)
        return (product, addition) if own and uses.count(INPUT_NAME) == 1 else None
    return None


def _moments(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each feature's mean and deviation, as float32 holds them; 1 for one that is constant.

    With float32's, what the weights make up for is what the file does.
    """
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)
    deviation = rows.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    return mean, 1 / (1 / deviation).astype(np.float32).astype(np.float64)
