"""A model of anybody's in, verified .onnx files out. Needs ONNX and TensorFlow.

pipeline.py        the way through
convert.py         a model -> the clean float graph; keras_to_onnx.py and foreign.py come before,
                   front.py and head.py put at its ends what apps see, names.py names it
passes/            clean-ups of such a graph; a new one goes there
graph.py           changes finished graphs, and evaluates them
inactive.py        drops hidden units that hardly ever fire
quantize/          the precisions; a new one goes there
metadata.py        what a file says of itself
parity.py          its answers beside its Keras model's
reports.py         what export and verify report
"""

from mnist_edge.extras import require

require("export", "tensorflow", "keras", "tf2onnx", "onnx")
