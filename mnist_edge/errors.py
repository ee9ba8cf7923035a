"""Every error that mnist-edge raises on purpose.

    MnistEdgeError
    ├── DataError               data is damaged, mislabelled or does not fit
    │   └── DataNotFoundError   MNIST is not on this machine and cannot be downloaded
    ├── DownloadError           a download fails or has the wrong checksum
    ├── ImageError              an image does not fit the model (also a ValueError)
    ├── MissingExtraError       an optional package is not installed (also an ImportError)
    ├── ModelError              a model file is missing, damaged or not an export
    ├── OptionError             an option or argument is invalid (also a ValueError)
    └── OutputError             a file or folder cannot be written

Each carries one sentence: what was expected, what was received, what to do. The command line prints
that sentence and exits with code 2. ``shown`` puts what was received into it.
"""

import re
import reprlib
from collections.abc import Sequence

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MAX_CHARACTERS = 80
_LISTED = 8

# Bounds the work too: a value may be of millions of parts, or nested deeper than repr can go.
_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxstring = _MAX_CHARACTERS
_short.maxother = _MAX_CHARACTERS


def shown(value: object) -> str:
    """Return a value out of a file as an error's text has it: ASCII, and cut where it is long."""
    text = _short.repr(value).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}..."


def listed(names: Sequence[str]) -> str:
    """Return the first of some names out of a file, as an error's text has them."""
    texts = []
    for name in names[:_LISTED]:
        texts.append(name if name.isprintable() and len(name) <= 40 else shown(name))
    return ", ".join(texts) + (", ..." if len(names) > _LISTED else "")


def require_path(name: str, what: str) -> None:
    """Refuse as the path of a file what is none: an empty name, a URL.

    Args:
        name: What was given.
        what: What it is the path of, for the sentence.

    Raises:
        OptionError: It is one of these.
    """
    if not name:
        raise OptionError(f"expected the name of {what}, received an empty one")
    if _URL.match(name):
        raise OptionError(f"expected the path of {what}, received the URL {name}: fetch it first")


def pattern_hint(name: str) -> str:
    """Return what to do about a name that no file has, if it is a pattern that a shell expands."""
    is_pattern = set("*?[") & set(name) and "://" not in name
    return "; if it is a pattern, remove the quotes" if is_pattern else ""


class MnistEdgeError(Exception):
    """Base class of all errors; its text is one sentence: expected, received, what to do."""


class DataError(MnistEdgeError):
    """The data is damaged, mislabelled, or does not fit the model."""


class DataNotFoundError(DataError):
    """MNIST is not on this machine and cannot be downloaded; the sample may stand in."""


class DownloadError(MnistEdgeError):
    """A download fails, or has the wrong checksum."""


class ImageError(MnistEdgeError, ValueError):
    """An image has the wrong shape, type or range, or a picture cannot be read."""


class MissingExtraError(MnistEdgeError, ImportError):
    """An optional package is not installed."""


class ModelError(MnistEdgeError):
    """A model file is missing, damaged, or was not made by ``mnist-edge export``."""


class OptionError(MnistEdgeError, ValueError):
    """An option or argument is invalid."""


class OutputError(MnistEdgeError):
    """A file or folder cannot be written."""
