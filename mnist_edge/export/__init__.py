"""A .keras file in, verified .onnx files out. Needs ONNX and TensorFlow."""

from mnist_edge.extras import require

require("export", "tensorflow", "keras", "tf2onnx", "onnx")
