"""What happens to Predictors when their process forks or ends while other threads use them.

A child after fork has one thread. A lock that another thread held stays locked there for ever, and
a session's own threads are gone. So no fork happens while a session is being opened, the child
opens its own, and it never destroys those of its parent: that would wait for their threads, or for
the lock of the arena that they give memory back to.

A daemon thread that comes back from onnxruntime when Python has begun to end is ended on the spot,
in the midst of C++ that cannot be unwound, and the process aborts (before Python 3.14, which lets
it hang). So no thread may be in there by then: the last thing done at exit is to keep threads
out and to wait for those inside.
"""

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import onnxruntime as ort

PATIENCE = 10
"""Seconds that the end of the process waits for calls that are inside the engine."""

OPENING = threading.RLock()
"""Held while a session is opened or a module imported, which takes locks that belong to the whole
process."""


class Turn:
    """Whether one thread is inside one session now.

    Attributes:
        taken: Set before each call and reset after it.
    """

    __slots__ = ("__weakref__", "taken")

    def __init__(self) -> None:
        self.taken = False
        with OPENING:
            _TURNS.add(self)


class Watched(Protocol):
    """What must know of forks and of the end."""

    def _unbind(self) -> None:
        """Make the next call come through ``open_session`` again."""


_TURNS: weakref.WeakSet[Turn] = weakref.WeakSet()
_WATCHED: weakref.WeakSet[Watched] = weakref.WeakSet()
_SESSIONS: weakref.WeakSet["ort.InferenceSession"] = weakref.WeakSet()
_held: list["ort.InferenceSession"] = []  # during a fork
_ending: int | None = None  # the thread that ends the process


def watch(predictor: Watched) -> None:
    """Remember ``predictor`` for as long as it lives."""
    with OPENING:
        _WATCHED.add(predictor)


def remember(session: "ort.InferenceSession") -> None:
    """Remember a session for as long as it lives, so that no child after fork destroys it.

    To be called with ``OPENING`` held since before it was opened.
    """
    _SESSIONS.add(session)


def leave_if_ending() -> None:
    """End this thread quietly, as Python is about to, if the process ends.

    To be called with ``OPENING`` held.

    Raises:
        SystemExit: In a thread other than the one that ends the process.
    """
    if _ending is not None and _ending != threading.get_ident():
        raise SystemExit


def _at_exit() -> None:
    """Keep threads out of all sessions, and wait for those inside."""
    global _ending  # noqa: PLW0603  # a process ends once
    with OPENING:
        _ending = threading.get_ident()
        for predictor in _WATCHED:
            predictor._unbind()
        turns = list(_TURNS)
    give_up = time.monotonic() + PATIENCE
    while any(turn.taken for turn in turns) and time.monotonic() < give_up:
        time.sleep(0.001)


def _before_fork() -> None:
    """Hold all sessions: what only another thread refers to, Python drops in the child at once."""
    OPENING.acquire()
    _held.extend(_SESSIONS)


def _in_parent() -> None:
    _held.clear()
    OPENING.release()


def _in_child() -> None:
    """Let each Predictor open its own session, and keep those of the parent for ever."""
    try:
        _TURNS.clear()  # of threads that did not come along
        for predictor in _WATCHED:
            predictor._unbind()
        import ctypes  # numpy has loaded it

        for session in _held:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
    finally:
        _held.clear()
        OPENING.release()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
