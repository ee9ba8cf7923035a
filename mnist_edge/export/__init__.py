"""A model of anybody's in, verified .onnx files out. Needs ONNX and TensorFlow.

pipeline.py        the way through; artifact.py makes, verifies and writes each file
inputs.py          what one input is, for apps and for the model; labels.py names its classes
scaling.py         what its pixels are: as asked for, found out by readings.py, or shown by it
doubt.py           whether the model reads labelled images at all
convert.py         a model -> the clean float graph; keras_to_onnx.py and foreign.py come before,
                   front.py and head.py put at its ends what apps see, names.py names it
passes/            clean-ups of such a graph; a new one goes there
graph.py           changes finished graphs, and evaluates them
inactive.py        drops hidden units that hardly ever fire
quantize/          the precisions; a new one goes there
metadata.py        what a file says of itself
reference.py       what the model itself answers, on examples.py: labelled or generated images
parity.py          a file's answers beside the reference's; gate.py judges them
verification.py    the same of finished files
reports.py         what export and verify report
"""

from mnist_edge.extras import require

require("export", "tensorflow", "keras", "tf2onnx", "onnx")
