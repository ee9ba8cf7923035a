import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.benchmark import measure
from mnist_edge.benchmark.runtimes import Candidate

IMAGES = np.zeros((10, 28, 28), np.uint8)
LABELS = np.array([7] * 8 + [1, 2], np.uint8)
SLEEPER = (sys.executable, "-m", "tests.benchmark.sleeper")


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(measure, "WORKER", SLEEPER)
    monkeypatch.setattr(measure, "COLD_STARTS", 2)


def side_by_side(
    monkeypatch: pytest.MonkeyPatch, told: str, batches: Sequence[int], seconds: float
) -> list[measure.Measured]:
    """What ``told`` says of each candidate, such as a=2,b=4 (milliseconds a call), is what they do."""
    monkeypatch.setenv("SLEEPER", told)
    names = [pair.split("=")[0] for pair in told.split(",")]
    candidates = [Candidate("mnist-edge", "", name, "model", "file", 1, False) for name in names]
    measured, interrupted = measure.side_by_side(candidates, batches, seconds, IMAGES, LABELS)
    assert not interrupted
    return measured


def test_known_sleeps_are_measured_right_each_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEPER_CLOCK", "simulated")
    quick, slow = side_by_side(monkeypatch, "quick=2,slow=5", [1, 3], 3)
    for one, milliseconds in ((quick, 2), (slow, 5)):
        assert one.error is None
        for batch in (1, 3):
            assert one.read[batch].median_us == pytest.approx(1000 * milliseconds, rel=0.001)
            assert one.bare[batch].median_us == pytest.approx(500 * milliseconds, rel=0.001)
            assert len(one.read[batch].windows) >= 5
        assert one.idle.median_us == pytest.approx(1000 * milliseconds, rel=0.001)
        assert max(one.idle_cpu) == 0
        assert one.accuracy == 0.8
        assert [start["first_ms"] > milliseconds for start in one.starts] == [True, True]
        assert all(start["cold_ms"] > start["load_ms"] + start["first_ms"] for start in one.starts)
        assert all(start["peak_bytes"] > 5e6 for start in one.starts)


def test_one_that_cannot_be_opened_or_dies_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failed, died, fine = side_by_side(monkeypatch, "a=fail,b=die,c=1", [1], 0.5)
    assert failed.error == "no such luck"
    assert died.error == "its process ended with code 3"
    assert fine.error is None
    assert fine.read[1].windows


def test_the_time_is_kept_even_by_calls_that_outlast_their_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = side_by_side(monkeypatch, "a=60", [1], 0.5)
    assert sum(len(window) for window in one.read[1].windows) <= 8


def test_ctrl_c_leaves_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEPER", "a=1")
    told: list[str] = []

    def on_progress(_share: float, what: str) -> None:
        told.append(what)
        if told.count("1 image a call") == 4:
            raise KeyboardInterrupt

    candidate = Candidate("mnist-edge", "", "a", "model", "file", 1, False)
    (one,), interrupted = measure.side_by_side([candidate], [1], 2, IMAGES, LABELS, on_progress)
    assert interrupted
    assert len(one.read[1].windows) == 2  # of the warm-up's, none is kept


def test_candidates_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int, bool]] = []

    class Told:
        def __init__(self, candidate: Candidate) -> None:
            self.name = candidate.precision
            self.started = {"cold_ms": 1e9}

        def ask(self, request: str, *arguments: object) -> object:
            if request == "window":
                asked.append((self.name, arguments[0], arguments[1]))  # type: ignore[arg-type]
                return np.array([1000])
            return (1000, 0.0) if request == "after_idle" else 1.0

        def close(self) -> None:
            pass

    monkeypatch.setattr(measure, "Worker", Told)
    candidates = [Candidate("mnist-edge", "", name, "", "", 1, False) for name in "abc"]
    measure.side_by_side(candidates, [1, 32], 5, IMAGES, None)
    slots = [(batch, bare) for batch in (1, 32) for bare in (False, True)]
    turns = [[name for name, *slot in asked if tuple(slot) == wanted] for wanted in slots]
    assert all("".join(turn) == ("cba" + "abc") * (measure.ROUNDS // 2) + "cba" for turn in turns)
