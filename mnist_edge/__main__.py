"""``python -m mnist_edge``, and the command ``mnist-edge``.

Nothing heavy is imported before signals are looked after: Ctrl-C ends the process with 130, SIGTERM
with 143, and both without a traceback, whatever is going on.
"""

from __future__ import annotations

# The half of signal that is written in C: the other one imports enum, and there an interrupt would
# still show as a traceback.
import _signal as signal
import os
import sys
import time

TYPE_CHECKING = False  # typing's own would be one more import before interrupts are looked after
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
"""How a command ends that saw a KeyboardInterrupt."""

SAME_PRESS_SECONDS = 1.0
"""A terminal and whatever started us (make, npm, timeout) may each pass on one press of Ctrl-C."""


def run() -> NoReturn:
    """Run the command line as a process of its own, and end it.

    The process ends without taking Python apart: a fifth of the time of a ``predict``. Nothing
    waits for that: what a command opens it has closed, and its files are whole.
    """
    stop = _Stop()
    stop.watch()
    code: int | str | None = 0
    try:
        from mnist_edge.cli import main

        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        # A KeyboardInterrupt inside an extension module comes out as some error of that module.
        if not stop.code:
            raise
        code = INTERRUPTED
    # A command that looks after Ctrl-C itself ends with 0, and is not a failed one.
    if stop.code and code != 0:
        code = stop.code
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


class _Stop:
    """Look after Ctrl-C and SIGTERM: both raise KeyboardInterrupt, so that work saves its state.

    Attributes:
        code: What the process ends with because of the first one that came; 0 if none did.
    """

    def __init__(self) -> None:
        self.code = 0
        self._came_at = 0.0

    def watch(self) -> None:
        """Take over from the handlers of a new process; a signal that is ignored stays ignored."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._take)
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self.code:
            self.code = 128 + number
            self._came_at = time.monotonic()
            if _is_importing(frame):
                # Modules that are half loaded print errors of all kinds; no file is open yet.
                os._exit(self.code)
            raise KeyboardInterrupt
        # The state is being saved. Whoever asks again does not want to wait for it.
        if time.monotonic() - self._came_at > SAME_PRESS_SECONDS:
            os._exit(self.code)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    run()
