"""How much goes to stderr: with --quiet errors alone, with --verbose each step too."""

import logging
import sys
import time

from mnist_edge.cli.render.tables import printable

QUIET = -1
USUAL = 0
VERBOSE = 1

QUIET_HELP = "Print errors only: no notes, no progress."
VERBOSE_HELP = "Print each step and the origin of errors."


class _Level:
    """What was asked for; a process runs one command."""

    def __init__(self) -> None:
        self.value = USUAL
        self.started = time.monotonic()


_level = _Level()


def reset() -> None:
    """Begin a command."""
    _level.value = USUAL
    _level.started = time.monotonic()


def be_quiet(wanted: bool) -> None:
    """Take --quiet."""
    if wanted:
        _level.value = QUIET


def be_verbose(wanted: bool) -> None:
    """Take --verbose."""
    if wanted:
        _level.value = VERBOSE


def is_quiet() -> bool:
    """Return whether only errors are printed on stderr."""
    return _level.value == QUIET


def is_verbose() -> bool:
    """Return whether each step is printed on stderr."""
    return _level.value == VERBOSE


def note(sentence: str) -> None:
    """Print on stderr what is good to know; not with --quiet."""
    if not is_quiet():
        complain(sentence)


def step(what: str) -> None:
    """Print on stderr what is being done, and since when; with --verbose alone."""
    if is_verbose():
        complain(f"{time.monotonic() - _level.started:6.1f} s  {what}")


def complain(sentence: str) -> None:
    """Print on stderr what went wrong, always."""
    # To sys.stderr itself, which what draws progress replaces: a line of its own above that.
    sys.stderr.write(printable(f"mnist-edge: {sentence}") + "\n")
    sys.stderr.flush()


class Notes(logging.Handler):
    """Shows what the library logs as a warning like the commands' own notes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        note(record.getMessage())


def show_warnings() -> None:
    """Show the library's warnings on stderr."""
    log = logging.getLogger("mnist_edge")
    if not log.handlers:
        log.addHandler(Notes(logging.WARNING))
