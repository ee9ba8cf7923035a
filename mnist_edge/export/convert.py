"""Anybody's model -> the clean float graph that all precisions are made of."""

import onnx
from onnx import checker

from mnist_edge.export import front, head, keras_to_onnx, names, passes
from mnist_edge.export.passes import graph as graphs
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source

DEFAULT_OPSET = 17
IR_VERSION = 8
"""onnx would write 13 by now, which onnxruntime up to 1.23 refuses; 8 (onnx 1.10) has all that is
needed here."""


def to_onnx(
    source: Source, opset: int = DEFAULT_OPSET, scaling: TrainedScaling | None = None
) -> onnx.ModelProto:
    """Convert a model to the clean float graph.

    Args:
        source: The model. ``network`` may be a Keras model.
        opset: One of ``keras_to_onnx.OPSETS``.
        scaling: What it was trained on; pixels in 0..1 where None.

    Returns:
        A model with the input ``image`` float32 [batch, ...], pixels in 0..1 or features, and the
        output ``probabilities`` float32 [batch, classes]; its one Softmax or Sigmoid at the end
        takes the scores. Checked, without metadata. The same source gives the same bytes.

    Raises:
        OptionError: The opset or the scaling is none that is known.
        ModelError: The model could not be converted.
    """
    graph = graphs.read(keras_to_onnx.trace(source.network, opset))
    names.complete_layers(graph)
    front.prepend(graph, source.channels_first, scaling or TrainedScaling())
    passes.clean(graph)
    if front.take_reshaped(graph):
        passes.clean(graph)
    head.append(graph, source.head)
    names.clean(graph)
    model = graphs.write(graph, "mnist", (source.classes,), IR_VERSION)
    checker.check_model(model, full_check=True)
    return model
