"""The models that ship, and the names by which they are asked for in the place of a file."""

from pathlib import Path

from mnist_edge.errors import ModelError, require_path

NETWORK = "mnist-mlp"
SMALL_NETWORK = "mnist-mlp-small"
SMALL = "small"

DEFAULT_MODEL = f"{NETWORK}.int8.onnx"
SMALL_MODEL = f"{SMALL_NETWORK}.int8.onnx"

PRECISIONS = ("fp32", "fp16", "int8", "int8-dynamic", "int8-weights", "int4")
"""Each is the name of a file of the shipped network, and with small- before it of the small one."""


def shipped(name: str = DEFAULT_MODEL) -> Path:
    """Return where a model lies: inside the installed package, or in artifacts/ of a checkout."""
    installed = Path(__file__).parents[1] / "models" / name
    if installed.exists():
        return installed
    return Path(__file__).parents[2] / "artifacts" / name


def names() -> list[str]:
    """Return the names of the files that are here."""
    possible = [*PRECISIONS, SMALL, *(f"{SMALL}-{precision}" for precision in PRECISIONS)]
    return [name for name in possible if shipped(_file_name(name) or "").is_file()]


def shipped_files() -> list[Path]:
    """Return the files of the shipped network that are here, one a precision."""
    paths = [shipped(f"{NETWORK}.{precision}.onnx") for precision in PRECISIONS]
    return [path for path in paths if path.is_file()]


def path_of(model: str) -> Path:
    """Return the file that is asked for: the one at a path or, where none is, a shipped one.

    Args:
        model: A path, or one of ``names()``: int8 is the shipped network's file of that
            precision, small-fp32 the small network's, small its int8.

    Raises:
        ModelError: It is the name of a file that does not ship.
        OptionError: It is empty, or a URL.
    """
    require_path(model, "a model")
    path = Path(model)
    file_name = _file_name(model)
    if file_name is None or path.is_file():
        return path
    found = shipped(file_name)
    if not found.is_file():
        raise ModelError(
            f"expected a file, or one of the names of those that ship ({', '.join(names())}), "
            f"received {model}, which does not ship"
        )
    return found


def hint(path: Path) -> str:
    """Return what to do about a file that is not there; for a bare word, the shipped names."""
    if path.suffix or path.name != str(path):
        return "; pass the path of an .onnx file"
    return f"; pass the path of an .onnx file, or a shipped model's name: {', '.join(names())}"


def _file_name(name: str) -> str | None:
    """Return the file of a name; None for what is none."""
    if name == SMALL:
        return SMALL_MODEL
    precision = name.removeprefix(f"{SMALL}-")
    if precision not in PRECISIONS:
        return None
    network = NETWORK if precision == name else SMALL_NETWORK
    return f"{network}.{precision}.onnx"
