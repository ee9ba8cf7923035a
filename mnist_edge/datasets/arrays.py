"""Examples and labels in one .npz: Keras' x_train, y_train, x_test, y_test, and what is usual."""

from collections.abc import Mapping
from pathlib import Path

from mnist_edge.datasets.found import LoadedData, Part, require_alike, require_examples
from mnist_edge.datasets.limits import unpacked_limit
from mnist_edge.datasets.npz import Header, Npz, NpzError, open_npz
from mnist_edge.errors import DataError, shown

Names = Mapping[str, tuple[str, str]]

KERAS_NAMES = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
"""By split: what Keras calls its examples and its labels."""

_VALUES = ("x", "images", "data", "features")
_LABELS = ("y", "labels", "label", "target", "targets")


def read_arrays(path: Path) -> LoadedData:
    """Return the arrays of an .npz.

    Raises:
        DataError: Some are missing or something else than examples with their labels, or the file
            is damaged or promises more than a file of its size may hold.
    """
    try:
        with open_npz(path) as archive:
            return _read(archive, path)
    except NpzError as error:
        reason = str(error)
        if "its header is another" in reason:
            reason += " (pictures of several sizes, which numpy saves as objects?)"
        raise DataError(f"{path} is damaged or is no .npz of plain arrays: {reason}") from error


def _read(archive: Npz, path: Path) -> LoadedData:
    names = _find_names(archive.names, path)
    # The headers are checked before anything is unpacked.
    headers: dict[str, Header] = {}
    for split, (values, labels) in names.items():
        headers[values] = archive.header(values)
        headers[labels] = archive.header(labels)
        require_examples(headers[values], headers[labels], split, str(path))
    require_alike([headers[values] for values, _ in names.values()], str(path))
    limit = unpacked_limit(path.stat().st_size)
    promised = sum(header.nbytes for header in headers.values())
    if promised > limit:
        raise DataError(
            f"expected at most {limit:,} bytes of examples in {path}, a file of its size, "
            f"found a promise of {promised:,}: damaged?"
        )
    parts = {}
    for split, pair in names.items():
        arrays = [archive.read(name, headers[name].nbytes) for name in pair]
        parts[split] = Part(*arrays)
    return LoadedData(str(path), parts["train"], parts.get("test"))


def _find_names(present: list[str], path: Path) -> Names:
    """Return what the arrays of each split are called in a file."""
    by_lower = {name.lower(): name for name in present}
    pairs = [(values, labels) for values in _VALUES for labels in _LABELS]
    for values, labels in pairs:
        for pattern in ("{0}_{1}", "{1}_{0}"):
            found = {}
            for split in ("train", "test"):
                wanted = (pattern.format(values, split), pattern.format(labels, split))
                if all(name in by_lower for name in wanted):
                    found[split] = (by_lower[wanted[0]], by_lower[wanted[1]])
            if len(found) == 2:
                return found
    for values, labels in pairs:
        if values in by_lower and labels in by_lower:
            return {"train": (by_lower[values], by_lower[labels])}
    keras = [name for pair in KERAS_NAMES.values() for name in pair]
    raise DataError(
        f"expected the arrays {', '.join(keras)}, or one pair such as x and y, or images and "
        f"labels, in {path}, found {shown(', '.join(present)) if present else 'none'}"
    )
