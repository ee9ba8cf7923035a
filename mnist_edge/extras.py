"""The parts of mnist-edge that are installed only where they are wanted."""

import importlib.util

from mnist_edge.errors import MissingExtraError


def require(extra: str, *packages: str) -> None:
    """Makes sure that ``packages`` are installed, without loading them.

    Raises:
        MissingExtraError: One is missing; the sentence names the extra that brings it.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"this needs {' and '.join(missing)}, not installed here: pip install 'mnist-edge[{extra}]'"
        )
