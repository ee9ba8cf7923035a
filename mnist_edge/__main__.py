"""``python -m mnist_edge``, and the command ``mnist-edge``.

Nothing heavy is imported before interrupts are looked after: Ctrl-C ends the process with 130 and
without a traceback, whatever is going on.
"""

from __future__ import annotations

# The half of signal that is written in C: the other one imports enum, and there an interrupt would
# still show as a traceback.
import _signal as signal
import os
import sys

TYPE_CHECKING = False  # typing's own would be one more import before interrupts are looked after
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def run() -> NoReturn:
    """Run the command line as a process of its own, and end it.

    The process ends without taking Python apart: a fifth of the time of a ``predict``. Nothing
    waits for that: what a command opens it has closed, and its files are whole.
    """
    interrupts = _Interrupts()
    interrupts.watch()
    code: int | str | None = 0
    try:
        from mnist_edge.cli import main

        main()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        # An interrupt inside an extension module comes out as some error of that module.
        if not interrupts.came:
            raise
    # A command that looks after Ctrl-C itself ends with 0; one that was stopped by it has not failed.
    if interrupts.came and code != 0:
        code = INTERRUPTED
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


class _Interrupts:
    """Looks after Ctrl-C.

    Attributes:
        came: Whether there was one.
    """

    def __init__(self) -> None:
        self.came = False

    def watch(self) -> None:
        """Take over from Python's own handler; who ignores interrupts goes on ignoring them."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._take)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        self.came = True
        if _is_importing(frame):
            # Modules that are half loaded print errors of all kinds; no file is half-written yet.
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    run()
