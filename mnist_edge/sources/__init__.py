"""Anybody's model file, checked before it is let near anything that believes it.

    open_source(path) -> Source     opening.py, by what file_kind.py makes of the first bytes

A Keras file (keras_source.py, keras_file.py) is read in steps, each of which bounds the next:

    archive.py, hdf5_file.py  the file: a zip archive, or HDF5, which a child reads (trial.py)
    configuration.py          its configuration, without Keras: a network (network.py) of layers
                              (layers.py, activations.py, settings.py) and their calls (calls.py)
    building.py               the model of it and its weights (weights_file.py): first in a process
                              of its own with limits of memory and time (trial.py, child.py), then
                              here
    head.py                   the softmax or sigmoid at its end, which is taken off

An ONNX file (onnx_file.py) is read by a child first, too, which runs it (onnx_run.py); what it may
hold is in onnx_limits.py, its graph for any number of images and up to its scores in onnx_graph.py.
"""

from mnist_edge.extras import require

require("export", "tensorflow", "keras")

from mnist_edge.sources.opening import open_source  # noqa: E402  # the check comes first
from mnist_edge.sources.source import Source  # noqa: E402

__all__ = ["Source", "open_source"]
