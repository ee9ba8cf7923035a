"""Labels of any kind -> class indices, and the names of the classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets.found import LoadedData
from mnist_edge.datasets.wanted import ModelInput
from mnist_edge.errors import DataError, OptionError, shown
from mnist_edge.files import read_named
from mnist_edge.model_spec import DIGITS, MNIST_SHAPE

Labels = NDArray[np.integer[Any]]

MAX_CLASSES = 2**16
MAX_NAME = 200
"""Characters of a class' name, which has to stand in a file."""

_SMALL_SET = 50
"""Examples from which labels that hardly repeat are no classes but another column."""

MAX_LABELS_BYTES = 2**24
"""Of a file of names."""


class Classes(NamedTuple):
    """The classes of a data set.

    Attributes:
        indices: By split, the class of each example, (N,).
        names: Of the classes.
        are_named: Whether the data names them; else they are numbers.
        notes: What is worth knowing of how they were found, a sentence each.
    """

    indices: dict[str, Labels]
    names: tuple[str, ...]
    are_named: bool
    notes: tuple[str, ...] = ()


def read_labels(found: LoadedData, wanted: ModelInput | None) -> Classes:
    """Return the class of each example.

    Whole numbers count classes from 0, or from 1: those are moved down where the model has as many
    classes as there are labels, or where there is no model.

    Raises:
        DataError: They are no labels, of a single class, or leave classes out.
    """
    labels = {}
    for split, part in found.parts.items():
        labels[split] = _flat(part.labels, split, found.source)
    names = found.classes
    is_text = [values.dtype.kind in "US" for values in labels.values()]
    if any(is_text):
        if not all(is_text):
            raise DataError(
                f"expected train and test labels of one kind in {found.source}, found names and "
                "numbers"
            )
        labels, names = _named(labels, found.source)
    if names:
        return _in_wanted_order(labels, names, wanted, found.source)
    if not (wanted and wanted.classes) and _may_be_digits(found, labels):
        note = f"28x28 images with the labels {_some(_present(labels).tolist())}: taken for digits"
        return Classes(_small(labels, len(DIGITS)), DIGITS, are_named=False, notes=(note,))
    return _numbered(labels, wanted, found.source)


def _flat(labels: NDArray[Any], split: str, source: str) -> NDArray[Any]:
    """Return labels as (N,): of a column, or of one-hot rows."""
    if labels.ndim == 1:
        return labels
    if labels.shape[1] == 1:
        return labels[:, 0]
    is_one = labels == 1
    if not ((labels == 0) | is_one).all() or not (is_one.sum(axis=1) == 1).all():
        raise DataError(
            f"expected {split} labels of shape {labels.shape} in {source} to be one-hot, a single "
            "1 a row and 0 elsewhere, found others"
        )
    return np.asarray(is_one.argmax(axis=1))


def _named(
    labels: dict[str, NDArray[Any]], source: str
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return names as places in their sorted list; numbers written as text as these numbers."""
    texts = {}
    for split, values in labels.items():
        try:
            texts[split] = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
        except UnicodeDecodeError:
            raise DataError(f"expected {split} labels in UTF-8 in {source}, found others") from None
    joined = np.concatenate(list(texts.values()))
    every = np.unique(joined)
    if len(joined) >= _SMALL_SET and 2 * len(every) > len(joined):
        raise DataError(
            f"expected several examples of each class in {source}, found {len(every):,} labels for "
            f"{len(joined):,} examples: name the column of the labels with --label-column"
        )
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in every.tolist()):
        return {split: values.astype(np.int64) for split, values in texts.items()}, ()
    places = {split: np.searchsorted(every, values) for split, values in texts.items()}
    return places, tuple(every.tolist())


def _in_wanted_order(
    labels: dict[str, NDArray[Any]], names: tuple[str, ...], wanted: ModelInput | None, source: str
) -> Classes:
    """Return the classes by their names: in the model's order, where it has the same ones.

    A small set may lack one of them.
    """
    require_names(names, source)
    theirs = wanted.labels if wanted else ()
    shared = set(theirs) & set(names)
    if shared and len(theirs) == len(names) and len(shared) < len(names):
        other = sorted(set(names) - shared)
        raise DataError(
            f"expected the model's classes {_some(theirs)} in {source}, found {_some(other)} among "
            "them: name them alike"
        )
    if len(shared) == len(names) and _nearly(len(names), len(theirs)) and theirs != names:
        place = {name: number for number, name in enumerate(theirs)}
        moved = np.array([place[name] for name in names])
        labels = {split: moved[values] for split, values in labels.items()}
        names = theirs
    return Classes(_small(labels, len(names)), names, are_named=True)


def _numbered(labels: dict[str, NDArray[Any]], wanted: ModelInput | None, source: str) -> Classes:
    """Return the classes of whole numbers."""
    present = _present(labels)
    if len(present) < 2:
        raise DataError(
            f"expected at least 2 classes in {source}, found a single one: all labels are "
            f"{present[0]}"
        )
    first, last = int(present[0]), int(present[-1])
    classes = wanted.classes if wanted else None
    start = 1 if first == 1 and last == (classes or len(present)) else 0
    count = last - start + 1
    _require_range(labels, present, start, count, classes, source)
    if classes and count < classes and _nearly(len(present), classes):
        count = classes
    missing = sorted(set(range(start, start + count)) - set(present.tolist()))
    if missing and not (classes and _nearly(count - len(missing), count)):
        raise DataError(
            f"expected examples of each class from {start} to {start + count - 1} in {source}, "
            f"found none with the label {_some(missing)}"
        )
    if start:
        labels = {split: values - start for split, values in labels.items()}
    names = tuple(str(number) for number in range(start, start + count))
    return Classes(_small(labels, count), names, are_named=False)


def _may_be_digits(found: LoadedData, labels: dict[str, NDArray[Any]]) -> bool:
    """Return whether these are MNIST's digits of which some are missing, as in a small set."""
    if found.train.values.shape[1:] != MNIST_SHAPE:
        return False
    present = _present(labels).tolist()
    least, most = present[0], present[-1]
    has_gaps = len(present) > 1 and len(present) <= most - least
    return has_gaps and least >= 0 and most < len(DIGITS)


def _present(labels: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the labels that there are, sorted."""
    return np.unique(np.concatenate([np.unique(values) for values in labels.values()]))


def _nearly(count: int, classes: int) -> bool:
    """Return whether as good as all classes are there: a small test set may lack one."""
    return classes - count <= max(1, classes // 10)


def _require_range(
    labels: dict[str, NDArray[Any]],
    present: NDArray[Any],
    start: int,
    count: int,
    classes: int | None,
    source: str,
) -> None:
    """Refuse labels that are no classes' numbers."""
    known = classes
    if known is None:
        # A wrong label of the tests shows by what is trained on.
        trained = np.unique(labels["train"])
        is_whole = trained[0] == start and trained[-1] - start + 1 == len(trained) > 1
        known = len(trained) if is_whole else min(count, MAX_CLASSES)
    for split, values in labels.items():
        least, most = int(values.min()), int(values.max())
        beyond = most >= start + known and (
            classes is not None or len(present) < count or count > MAX_CLASSES
        )
        if least < start and known < 2:
            raise DataError(
                f"expected {split} labels from {start} on in {source}, found {least} to {most}"
            )
        if least < start or beyond:
            raise DataError(
                f"expected {split} labels from {start} to {start + known - 1} in {source}, found "
                f"{least} to {most}"
            )


def parse_labels(text: str) -> tuple[str, ...]:
    """Return the names in an option: separated by commas, or a file with a name a line.

    Raises:
        OptionError: It is neither.
        DataError: There are fewer than two, two are one, or one is no name.
    """
    if "," in text:
        names = text.split(",")
    else:
        try:
            names = read_named(Path(text), MAX_LABELS_BYTES).decode("utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise OptionError(
                "expected --labels as names separated by commas, or a file with one name per line, "
                f"received {shown(text)} ({reason})"
            ) from error
        names = [name for name in names if name.strip()]
    labels = tuple(name.strip() for name in names)
    require_names(labels, "--labels")
    return labels


def require_names(names: Sequence[str], source: str) -> None:
    """Refuse names that cannot stand in a file.

    Raises:
        DataError: There are fewer than two or too many, one is empty or too long, or two are one.
    """
    if len(names) < 2:
        raise DataError(
            f"expected at least 2 classes in {source}, found {_some(names) if names else 'none'}"
        )
    if len(names) > MAX_CLASSES:
        raise DataError(
            f"expected at most {MAX_CLASSES:,} classes in {source}, found {len(names):,}: is "
            "this the column of the labels?"
        )
    for name in names:
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise DataError(
                f"expected names of 1 to {MAX_NAME} printable characters for the classes in "
                f"{source}, found {shown(name)}"
            )
    if len(set(names)) < len(names):
        raise DataError(f"expected another name for each class in {source}, found two of one name")


def _small(labels: dict[str, NDArray[Any]], count: int) -> dict[str, Labels]:
    """Return labels in as few bytes as they need; up to 256 classes are uint8, as MNIST's are."""
    dtype = np.uint8 if count <= 256 else np.int32
    return {split: np.ascontiguousarray(values, dtype) for split, values in labels.items()}


def _some(names: Sequence[object]) -> str:
    """Return the first of some names, as an error's text has them."""
    some = ", ".join(_plain(str(name)) for name in names[:10])
    return some + (", ..." if len(names) > 10 else "")


def _plain(name: str) -> str:
    return name if name.isprintable() and len(name) <= MAX_NAME else shown(name)
