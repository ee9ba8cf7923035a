"""The command line: one thin function a command; heavy imports stand inside these functions.

Results go to stdout, as a table for people or, with --json, as one document; all else goes to
stderr. Exit code 0: done; 1: a check failed; 2: the call or its input was wrong, with one sentence
on stderr.

  app.py         the Typer app, and options that commands share
  command.py     the order of help; --quiet and --verbose, which verbosity.py obeys
  inputs.py      files that are named: by path, folder or name
  completion.py  what <TAB> offers for a value
  all others     one command each, in a module of its name; a new one goes into command.ORDER
  reports.py     the documents of predict and info
  render/        what they show: tables, progress, pictures, charts
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from mnist_edge.cli import verbosity
from mnist_edge.cli.app import app
from mnist_edge.cli.command import ORDER, in_words
from mnist_edge.errors import MnistEdgeError

__all__ = ["app", "main", "register"]


def register(arguments: Sequence[str] = ()) -> None:
    """Import the module of the command that is called, which registers it with the app.

    The other ten would take a tenth of the time of a whole predict. Without a command, as for
    --help, completion and typing errors, all are imported.
    """
    called = next((text for text in arguments if not text.startswith("-")), None)
    for name in [called] if called in ORDER else ORDER:
        importlib.import_module(f"mnist_edge.cli.{name}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors that are foreseen end as one sentence on stderr."""
    _open_closed_streams()
    verbosity.reset()
    try:
        register(sys.argv[1:] if arguments is None else arguments)
        code = app(args=arguments, prog_name="mnist-edge", standalone_mode=False)
        sys.stdout.flush()
    except MnistEdgeError as error:
        verbosity.step(_origin(error))
        code = _complain(str(error))
    except MemoryError:
        code = _complain(
            "expected more memory than this process may use: give it more "
            "(ulimit -v, the container's limit), or fewer or smaller files at a time"
        )
    except ImportError as error:
        code = _complain(
            f"expected packages that load, and the memory for it, received: {_cause(error)}"
        )
    except BrokenPipeError:  # the reader of our output has enough
        code = _close_output(1)
    except OSError as error:  # with no file's name it is standard output's
        code = _complain(f"cannot use {error.filename or 'standard output'}: {error.strerror}")
        code = code if error.filename else _close_output(code)
    except Exception as error:
        # Wrong calls: Typer's own kind keeps its text in format_message. Anything else is a bug
        # and shows as one.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        code = _complain(_with_help(message(), error))
    sys.exit(code if isinstance(code, int) else 0)


def _with_help(message: str, error: Exception) -> str:
    """Return what Typer says of a wrong call, and where to find the right one."""
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    message = in_words(message)
    joint = "" if message.endswith("?") else "."
    return f"{message.rstrip('.')}{joint} Try '{context.command_path} --help'"


def _origin(error: BaseException) -> str:
    """Return where an error was raised, and what it came from, in one line."""
    *_, place = traceback.extract_tb(error.__traceback__)
    text = f"{type(error).__name__} in {place.name}, {place.filename}, line {place.lineno}"
    cause = error.__cause__
    return text if cause is None else f"{text}, from {type(cause).__name__}: {cause}"


def _cause(error: BaseException) -> str:
    """Return the first line of what an error came from: numpy's own heads a page of advice."""
    while isinstance(error.__cause__, ImportError):
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _close_output(code: int) -> int:
    """Send the rest of standard output nowhere, so that the flush at exit does not fail too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _open_closed_streams() -> None:
    """Open the null device where a standard stream is closed, for which Python has None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It stays open for as long as the process lives.
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115


def _complain(sentence: str) -> int:
    verbosity.complain(" ".join(sentence.split()))
    return 2
