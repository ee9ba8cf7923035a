"""Every error that mnist-edge raises on purpose.

    MnistEdgeError
    ├── DataError               data that is damaged, mislabelled, or not what is wanted
    │   └── DataNotFoundError   there is no MNIST here, and none could be downloaded
    ├── DownloadError           a part could not be fetched, or is not what it should be
    ├── ImageError              an image that the model cannot take (also a ValueError)
    ├── MissingExtraError       packages that are not installed (also an ImportError)
    ├── ModelError              a model file that is missing, damaged, or breaks the contract
    ├── OptionError             an option outside what is offered (also a ValueError)
    └── OutputError             a file or folder that cannot be written

Each carries one sentence: what was expected, what was received, what to do. The command line prints
that sentence and exits with code 2. ``shown`` puts what was received into it.
"""

import reprlib

_MAX_CHARACTERS = 80

# Bounds the work too: a value may be of millions of parts, or nested deeper than repr can go.
_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxstring = _MAX_CHARACTERS
_short.maxother = _MAX_CHARACTERS


def shown(value: object) -> str:
    """Return a value out of a file as an error's text has it: ASCII, and cut where it is long."""
    text = _short.repr(value).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}..."


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
    if "://" in name:
        raise OptionError(f"expected the path of {what}, received the URL {name}: fetch it first")


class MnistEdgeError(Exception):
    """Base of all errors below; its text is one sentence for people."""


class DataError(MnistEdgeError):
    """Data that is damaged, mislabelled, or of another kind than is wanted."""


class DataNotFoundError(DataError):
    """There is no MNIST here, and none could be downloaded: only then may the sample stand in."""


class DownloadError(MnistEdgeError):
    """A part that is fetched when first needed could not be, or is not what it should be."""


class ImageError(MnistEdgeError, ValueError):
    """An image of another shape, type or range than the model takes, or no picture of a digit."""


class MissingExtraError(MnistEdgeError, ImportError):
    """A command needs packages that this installation does not have."""


class ModelError(MnistEdgeError):
    """A model file that is missing, damaged, or does not keep the contract."""


class OptionError(MnistEdgeError, ValueError):
    """An option or argument outside what is offered."""


class OutputError(MnistEdgeError):
    """A file or folder that cannot be written."""
