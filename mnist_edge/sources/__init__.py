"""Anybody's model file, checked before it is let near anything that believes it.

A file is read in three steps, each of which bounds the next:

    configuration.py  its config.json, without Keras: which layers (layers.py), and so how many
                      weights there must be
    trial.py          its weights (weights_file.py), in a process of its own with limits of memory
                      and time (child.py)
    keras_file.py     the way through, and a Keras model of what the two found

archive.py reads the zip archive that such a file is.
"""

from mnist_edge.extras import require

require("export", "tensorflow", "keras")
