"""Images with their labels, checked: ``datasets.find()`` returns MNIST, wherever it lies.

    mnist.py     where MNIST is looked for, and by what it is known
    idx.py       MNIST's own files
    arrays.py    the four arrays in an .npz, as Keras lays them out
    npz.py       any .npz
    limits.py    how much a file may unpack to
    dataset.py   what comes back

A new format is a reader beside arrays.py, and a case in mnist.py, where what --data names is found.

numpy is all that an import of this package needs.
"""

from mnist_edge.datasets.dataset import Dataset, DataSummary
from mnist_edge.datasets.mnist import DATA_VARIABLE, SAMPLE, WAYS_TO_GET_MNIST, find

__all__ = ["DATA_VARIABLE", "SAMPLE", "WAYS_TO_GET_MNIST", "DataSummary", "Dataset", "find"]
