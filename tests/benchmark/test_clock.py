import time

import numpy as np
import pytest

from mnist_edge.benchmark import clock


def test_percentiles_are_numpys() -> None:
    calls = np.random.default_rng(0).integers(1000, 100_000, 20_000)
    timing = clock.Timing([calls[:7000], calls[7000:]])
    for percent in (90, 99):
        assert timing.percentile_us(percent) == pytest.approx(np.percentile(calls, percent) / 1000)


def test_no_percentile_without_the_samples_for_it() -> None:
    timing = clock.Timing([np.arange(1, 1001)])
    assert timing.percentile_us(90) is not None
    assert timing.percentile_us(99) is None


def test_a_known_sleep_is_measured() -> None:
    slow, quick = clock.interleave([lambda _: time.sleep(0.004), lambda _: time.sleep(0.001)], seconds=0.5)
    assert slow.median_us == pytest.approx(4000, rel=0.5)
    assert len(slow.windows) == len(quick.windows) == clock.WINDOWS
    assert slow.median_us > quick.median_us


def test_each_call_gets_its_number_and_candidates_take_turns() -> None:
    seen: list[tuple[str, int]] = []

    def candidate(name: str) -> object:
        def call(number: int) -> None:
            seen.append((name, number))
            time.sleep(0.002)

        return call

    clock.interleave([candidate("a"), candidate("b")], seconds=0.06)  # type: ignore[list-item]
    turns = [name for index, (name, _) in enumerate(seen) if index == 0 or seen[index - 1][0] != name]
    assert turns == ["a", "b"] * (clock.WINDOWS + 1)


def test_noise_of_the_same_is_nothing() -> None:
    timing = clock.Timing([np.full(100, 2000)])
    assert clock.noise(timing, timing) == 0
    assert clock.noise(timing, clock.Timing([np.full(100, 2500)])) == pytest.approx(0.2)
