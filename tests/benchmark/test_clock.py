import gc
import math

import numpy as np
import pytest

from mnist_edge.benchmark import clock
from tests.benchmark.sleeper import SimulatedTime


def timing(*medians: float) -> clock.Timing:
    return clock.Timing([np.full(100, int(median * 1000)) for median in medians])


def test_percentiles_are_numpys() -> None:
    calls = np.random.default_rng(0).integers(1000, 100_000, 20_000)
    found = clock.Timing([calls[:7000], calls[7000:]])
    for percent in (50, 90, 99):
        assert found.percentile_us(percent) == pytest.approx(np.percentile(calls, percent) / 1000)
    assert found.median_us == pytest.approx(np.median(calls) / 1000)
    assert found.mean_us == pytest.approx(calls.mean() / 1000)


def test_no_percentile_without_the_samples_for_it() -> None:
    found = clock.Timing([np.arange(1, 1001)])
    assert found.percentile_us(90) is not None
    assert found.percentile_us(99) is None
    assert list(found.spectrum_us()) == ["0", "1", "5", "10", "25", "50", "75", "90", "100"]


def test_the_tails_are_kept() -> None:
    found = clock.Timing([np.array([1000] * 5 + [9_000_000])])
    assert found.spectrum_us()["100"] == 9000
    assert found.mean_us > 1000


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> SimulatedTime:
    """A clock that no load on this machine moves."""
    made = SimulatedTime()
    monkeypatch.setattr(clock, "time", made)
    return made


def test_a_known_sleep_is_measured(simulated: SimulatedTime) -> None:
    durations = clock.window(lambda _: simulated.sleep(0.004), seconds=0.2)
    assert np.median(durations) / 1e6 == pytest.approx(4, rel=0.001)
    assert durations.sum() / 1e9 == pytest.approx(0.2, abs=0.004)


def test_each_call_gets_its_number() -> None:
    seen: list[int] = []
    durations = clock.window(seen.append, 0.001, first=5)
    assert seen == list(range(5, 5 + len(durations)))


def test_a_window_is_one_call_at_least_and_the_garbage_collector_comes_back() -> None:
    within: list[bool] = []
    assert len(clock.window(lambda _: within.append(gc.isenabled()), 0)) == 1
    assert within == [False]
    assert gc.isenabled()


def test_a_call_after_idle_is_timed_without_its_pause(simulated: SimulatedTime) -> None:
    nanoseconds, burnt = clock.after_idle(lambda _: simulated.sleep(0.002), pause=0.05)
    assert nanoseconds / 1e6 == pytest.approx(2, rel=0.001)
    assert burnt == 0


def test_spread_is_from_the_fastest_window_to_the_slowest() -> None:
    assert timing(10, 11, 12).spread == pytest.approx(2 / 11)


def test_a_ratio_pairs_rounds_so_that_drift_cancels() -> None:
    drifting = np.linspace(10, 20, 10)
    found, error = clock.ratio(list(drifting * 1.2), list(drifting))
    assert found == pytest.approx(1.2)
    assert error == pytest.approx(0, abs=1e-9)


def test_a_single_pair_has_an_infinite_error() -> None:
    assert clock.ratio([2.0], [1.0]) == (2, math.inf)


def test_noise_of_the_same_is_nothing_and_chance_does_not_hide_it() -> None:
    assert clock.noise([2, 2, 2], [2, 2, 2]) == 0
    assert clock.noise([9, 10, 11], [11, 10, 9]) > 0.05  # the medians agree, the windows do not
