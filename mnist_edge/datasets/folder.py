"""A folder with a folder of pictures a class, as Keras' image_dataset_from_directory takes it."""

import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.found import LoadedData, Part
from mnist_edge.datasets.limits import MAX_UNPACKED_BYTES
from mnist_edge.datasets.pictures import (
    Format,
    UnreadableError,
    colours_of,
    in_format,
    read_content,
)
from mnist_edge.datasets.problems import Tally
from mnist_edge.datasets.split import content_hash
from mnist_edge.datasets.wanted import ModelInput
from mnist_edge.errors import DataError
from mnist_edge.files import is_special
from mnist_edge.model_spec import MNIST_SHAPE, Resize
from mnist_edge.runtime.preprocess.resize import is_grey

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation")
"""What a folder of pictures to test on may be called, in the order in which they are taken."""

MAX_OWN_SIDE = 256
"""Pictures of one size keep it up to here where no model says another."""

UNKNOWN_SIDE = 64
"""Rows and columns of pictures of several sizes where no model says another."""

_LOOKED_AT = 200
"""Pictures that are looked at to find what all of them are."""

_PASSED_OVER = ("thumbs.db", "desktop.ini")
"""What Windows leaves in folders of pictures."""

Listed = list[tuple[Path, int]]
"""Pictures, each with the place of its class."""


def read_folder(folder: Path, wanted: ModelInput | None, resize: Resize) -> LoadedData:
    """Return the pictures of a folder: its train/ and test/ where these are there, else all.

    Args:
        folder: Where the folders of the classes are, or train/ and test/ with these in them.
        wanted: What a model takes; else pictures keep their size where all have the same.
        resize: How pictures of another size get the model's.

    Raises:
        DataError: There are no classes, a class is empty, too many pictures cannot be read, or all
            take too much memory.
        OSError: A folder cannot be read.
    """
    folders = _split_folders(folder)
    classes = tuple(path.name for path in _folders(folders.train))
    if not classes:
        raise DataError(
            f"expected IDX files, or one folder of pictures per class, in {folders.train}, found "
            "neither"
        )
    if wanted and not wanted.takes_pixels:
        raise DataError(
            f"expected an .npz or a .csv of {wanted.input.elements} features, which the model "
            f"takes, received pictures ({folder})"
        )
    listed = _listed_splits(folders, classes, folder)
    taken = _format_of(wanted) if wanted else _own_format(listed["train"])
    _require_memory(sum(map(len, listed.values())), taken, folder)
    tally = Tally("pictures", str(folder))
    parts = {}
    for split, pictures in listed.items():
        parts[split] = _read(pictures, folder, taken, resize, tally)
    problems = tally.problems()
    _require_each(parts["train"].labels, classes, folders.train, "pictures that can be read")
    return LoadedData(
        source=str(folder),
        train=parts["train"],
        test=parts.get("test"),
        classes=classes,
        problems=problems,
        resize=resize,
        notes=folders.notes,
    )


class _Splits(NamedTuple):
    """Which folders hold the folders of the classes.

    Attributes:
        train: Of the training pictures, or of all.
        test: Of the test pictures; None where nothing says which.
        notes: What was left out, a sentence each.
    """

    train: Path
    test: Path | None = None
    notes: tuple[str, ...] = ()


def _split_folders(folder: Path) -> _Splits:
    """Return the folders to train on and to test on; the folder itself where it has no such."""
    by_name = {path.name.lower(): path for path in _folders(folder)}
    train = next((by_name[name] for name in TRAIN_NAMES if name in by_name), None)
    # A class that happens to be called train holds pictures, not two folders of them or more.
    if train is None or len(_folders(train)) < 2 or any(_files_in(train)):
        return _Splits(folder)
    tests = [by_name[name] for name in TEST_NAMES if name in by_name]
    # Pictures to test on that nobody has labelled, as competitions give them, are no test set.
    test = next((path for path in tests if _folders(path)), None)
    others = [path.name for path in by_name.values() if path not in (train, test)]
    notes: tuple[str, ...] = ()
    if others:
        used = f"{train.name}/ and {test.name}/" if test else f"{train.name}/"
        notes = (f"read {used}, skipped {', '.join(f'{name}/' for name in others)}",)
    return _Splits(train, test, notes)


def _listed_splits(folders: _Splits, classes: tuple[str, ...], root: Path) -> dict[str, Listed]:
    """Return the pictures of each split.

    Raises:
        DataError: A class has none to train on, or there are none to test on.
    """
    listed = {"train": _listed(folders.train, classes, root)}
    places = np.array([place for _, place in listed["train"]], np.int64)
    _require_each(places, classes, folders.train, "pictures")
    if folders.test:
        _require_known(folders.test, classes)
        listed["test"] = _listed(folders.test, classes, root)
        if not listed["test"]:
            raise DataError(
                f"expected pictures in the classes' folders in {folders.test}, found none"
            )
    return listed


def _require_each(
    places: NDArray[np.int64], classes: tuple[str, ...], folder: Path, what: str
) -> None:
    """Refuse a class of which there is nothing to train on."""
    counts = np.bincount(places, minlength=len(classes))
    for name, count in zip(classes, counts, strict=True):
        if not count:
            raise DataError(
                f"expected {what} in each class' folder in {folder}, found none in {name!r}"
            )


def _require_memory(count: int, taken: Format, folder: Path) -> None:
    if count * taken.nbytes > MAX_UNPACKED_BYTES:
        raise DataError(
            f"expected pictures that take at most {MAX_UNPACKED_BYTES:,} bytes in {folder}, found "
            f"{count:,} that take {taken.nbytes:,} each: name a smaller set"
        )


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name, as Keras sorts them."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):  # Windows' own has no case
        if path.is_dir() and not path.name.startswith(".") and _is_within(path, folder):
            found.append(path)
    return found


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files that stand in a folder itself, as far as they are of its owner."""
    for path in folder.iterdir():
        hidden = path.name.startswith(".") or path.name.lower() in _PASSED_OVER
        if path.is_file() and not hidden:
            yield path


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a path is in a folder, wherever links lead to."""
    if not path.is_symlink():
        return True
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except RuntimeError:  # links in a circle, until Python 3.13: to read it fails, and is counted
        return True


def _listed(folder: Path, classes: tuple[str, ...], root: Path) -> Listed:
    """Return all files in the folders of the classes, in the order of their names."""
    listed = []
    for place, name in enumerate(classes):
        if (folder / name).is_dir():
            listed += [(path, place) for path in _files(folder / name, root)]
    return listed


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """Yield the files below a folder: none that is hidden, special, or a link out of the root."""

    def refuse(error: OSError) -> None:
        raise error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            hidden = name.startswith(".") or name.lower() in _PASSED_OVER
            if not hidden and not is_special(path) and _is_within(path, root):
                yield path


def _require_known(test: Path, classes: tuple[str, ...]) -> None:
    """Refuse classes that there is nothing of to train on."""
    other = [path.name for path in _folders(test) if path.name not in classes]
    if other:
        raise DataError(
            f"expected the classes of the training pictures in {test}, found {other[0]!r} too"
        )


def _format_of(wanted: ModelInput) -> Format:
    shape = wanted.input.shape
    if len(shape) == 1:
        shape = MNIST_SHAPE if wanted.input.elements == math.prod(MNIST_SHAPE) else (1, *shape)
    rows, columns, *channels = shape
    return Format(rows, columns, channels[0] if channels else 1)


def _own_format(listed: Listed) -> Format:
    """Return what pictures are by themselves, by some of them from all over the folder."""
    sizes: Counter[tuple[int, int]] = Counter()
    colour = False
    for path, _ in listed[:: -(-len(listed) // _LOOKED_AT)]:
        try:
            colours = colours_of(read_content(path))
        except UnreadableError:
            continue
        sizes[colours.shape[:2]] += 1
        colour = colour or not is_grey(colours)
    height, width = next(iter(sizes), (UNKNOWN_SIDE, UNKNOWN_SIDE))
    if len(sizes) > 1 or max(height, width) > MAX_OWN_SIDE:
        height = width = UNKNOWN_SIDE
    return Format(height, width, 3 if colour else 1)


def _read(listed: Listed, root: Path, taken: Format, resize: Resize, tally: Tally) -> Part:
    """Return the pictures that can be read."""
    values: NDArray[np.uint8] = np.empty((len(listed), *taken), np.uint8)
    labels = np.empty(len(listed), np.int64)
    hashes = np.empty(len(listed), np.uint64)
    count = 0
    for path, place in listed:
        try:
            content = read_content(path)
            values[count] = in_format(content, taken, resize)
        except UnreadableError as error:
            tally.skip(str(path.relative_to(root)), str(error))
            continue
        tally.read()
        labels[count] = place
        hashes[count] = content_hash(content)
        count += 1
    shaped = values[:count]
    shaped = shaped[..., 0] if taken.channels == 1 else shaped
    return Part(shaped, labels[:count], hashes[:count])
