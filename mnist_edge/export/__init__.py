"""A .keras file in, verified .onnx files out. Needs ONNX and TensorFlow.

pipeline.py        the way through
keras_to_onnx.py   Keras -> float ONNX; graph.py changes such graphs
inactive.py        drops hidden units that hardly ever fire
quantize/          the precisions; a new one goes there
metadata.py        what a file says of itself
parity.py          its answers beside its Keras model's
reports.py         what export and verify report
"""

from mnist_edge.extras import require

require("export", "tensorflow", "keras", "tf2onnx", "onnx")
