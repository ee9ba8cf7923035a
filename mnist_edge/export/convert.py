"""Anybody's model -> the clean float graph that all precisions are made of.

keras_to_onnx.py  a Keras model as tf2onnx converts it
foreign.py        an ONNX file of another opset
front.py          pixels as apps have them, in the order and the scale of training
passes/           clean-ups
head.py           probabilities of the scores
names.py          names after the layers
"""

import onnx
from onnx import checker, shape_inference

from mnist_edge.errors import ModelError
from mnist_edge.export import foreign, front, head, keras_to_onnx, names, passes
from mnist_edge.export.metadata import serialized
from mnist_edge.export.passes import graph as graphs
from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.model_spec import DEFAULT_OPSET, OPSETS, TrainedScaling
from mnist_edge.runtime import graph as runtime_graph
from mnist_edge.runtime import protobuf
from mnist_edge.runtime.onnx_schema import MODEL
from mnist_edge.runtime.operators import OPERATORS, cost
from mnist_edge.sources.source import Source

IR_VERSION = 8
"""onnx would write 13 by now, which onnxruntime up to 1.23 refuses; 8 (onnx 1.10) has all that is
needed here."""

GRAPH_NAME = "mnist"
"""Of the graph within a file, whatever network it is: files that were made before have it."""


def to_onnx(
    source: Source, opset: int = DEFAULT_OPSET, scaling: TrainedScaling | None = None
) -> onnx.ModelProto:
    """Convert a model to the clean float graph.

    Args:
        source: The model.
        opset: One of ``model_spec.OPSETS``. An ONNX file of an older one keeps its own.
        scaling: What it was trained on; pixels in 0..1 where None. Means and standard deviations
            are of such pixels.

    Returns:
        A model with the input ``image`` float32 [batch, ...], pixels in 0..1 or features, and the
        output ``probabilities`` float32 [batch, classes]; its last Softmax or Sigmoid takes the
        scores. Checked, without metadata. The same source gives the same bytes.

    Raises:
        OptionError: The opset or the scaling is none that is known.
        ModelError: The model could not be converted, or into nothing that the Predictor runs.
    """
    graph = _read(source, opset)
    front.prepend(graph, source.channels_first, scaling or TrainedScaling())
    passes.settle(graph)
    if front.take_reshaped(graph):
        passes.settle(graph)
    _require_operators(graph)
    head.append(graph, source.head)
    passes.finish(graph)
    names.clean(graph)
    return _checked(graphs.write(graph, GRAPH_NAME, (source.classes,), IR_VERSION))


def _read(source: Source, opset: int) -> Graph:
    """Return the graph of a model's scores, as it was converted or found."""
    keras_to_onnx.require_opset(opset)
    if isinstance(source.network, onnx.ModelProto):
        model = foreign.prepare(source.network, OPSETS[0], opset)
    else:
        model = keras_to_onnx.trace(source.network, opset)
    graph = graphs.read(model)
    names.complete_layers(graph)
    shape = examine(graph).shapes[graph.output]
    if shape != (OPEN, source.outputs):
        target = graph.constant([-1, source.outputs], "int64")
        layer = (graph.maker(graph.output) or graph.nodes[-1]).layer
        flat = Node("Reshape", [graph.output, target], [graph.fresh()], {}, layer)
        graph.nodes.append(flat)
        graph.output = flat.output
    return graph


def _require_operators(graph: Graph) -> None:
    """Refuse what the Predictor would refuse.

    Raises:
        ModelError: The graph holds an operator that is not in ``runtime.operators.OPERATORS``.
    """
    known = OPERATORS.keys() | passes.GATHERED
    unsupported = {node.operator: node.layer for node in graph.nodes if node.operator not in known}
    if unsupported:
        found = ", ".join(
            f"{operator} (layer {layer!r})" for operator, layer in sorted(unsupported.items())
        )
        raise ModelError(
            "expected layers that become operators which the Predictor runs, received some that "
            f"become {found}: use others in their place"
        )


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model, if it is valid and takes no more than a file may.

    Raises:
        ModelError: It is not, or takes more.
    """
    try:
        checker.check_model(model, full_check=True)
        message = protobuf.read(serialized(model), MODEL)
        cost(runtime_graph.of(message.message("graph")))
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"expected a network that has a valid ONNX graph: {reason}") from error
    except ValueError as error:
        raise ModelError(f"expected a network that the Predictor can run, found {error}") from error
    return model
