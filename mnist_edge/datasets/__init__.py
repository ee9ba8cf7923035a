"""Examples with their labels, checked: ``datasets.find()`` returns MNIST, or what is named.

    find.py      where data is looked for, and which reader it is for
    mnist.py     MNIST itself: by what it is known, its download, its sample
    idx.py       MNIST's own files
    arrays.py    the arrays in an .npz; npz.py reads any
    folder.py    a folder of pictures a class; pictures.py reads one
    table.py     a .csv with a header and a column of labels
    found.py     what a reader found
    assemble.py  what was found -> what comes back: by values.py, labels.py, split.py
    wanted.py    what a model takes
    problems.py  what could not be read
    limits.py    how much a file may unpack to
    dataset.py   what comes back

A new format is a reader that returns a ``LoadedData``, and a case in find.py.

numpy is all that an import of this package needs.
"""

from mnist_edge.datasets.dataset import Dataset, DataSummary
from mnist_edge.datasets.find import DATA_VARIABLE, SAMPLE, WAYS_TO_GET_MNIST, find
from mnist_edge.datasets.labels import parse_labels
from mnist_edge.datasets.wanted import ModelInput

__all__ = [
    "DATA_VARIABLE",
    "SAMPLE",
    "WAYS_TO_GET_MNIST",
    "DataSummary",
    "Dataset",
    "ModelInput",
    "find",
    "parse_labels",
]
