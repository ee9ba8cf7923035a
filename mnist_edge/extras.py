"""What a command needs beyond our own code: optional packages, and address space to load them."""

import importlib.util

from mnist_edge.errors import MissingExtraError


def require(extra: str, *packages: str) -> None:
    """Refuse to go on where ``packages`` are not installed, without loading them.

    Raises:
        MissingExtraError: One is missing; the sentence names the extra that brings it.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        *most, last = missing
        names = f"{', '.join(most)} and {last}" if most else last
        raise MissingExtraError(
            f"this needs {names}, not installed here: pip install 'mnist-edge[{extra}]'"
        )


def require_address_space(what: str, least: int) -> None:
    """Refuse to load a library where it would end the process for want of address space.

    Args:
        what: The library, for the sentence.
        least: Bytes that it was seen to need.

    Raises:
        MissingExtraError: The process may use less.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= limit < least:
        raise MissingExtraError(
            f"{what} needs {least >> 20:,} MiB of address space, "
            f"but this process may use {limit >> 20:,} MiB: raise its limit (ulimit -v)"
        )
