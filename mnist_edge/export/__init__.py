"""The workshop's second room: a .keras file in, verified .onnx files out. Needs ONNX and TensorFlow."""
