"""The tests. The package comes first: importing it keeps onnxruntime from sending telemetry."""

import mnist_edge  # noqa: F401
