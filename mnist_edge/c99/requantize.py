"""Requantization in integers: what uint8 onnxruntime makes of each sum, without its floats.

onnxruntime rounds ``float32(sum) * scale`` half to even. That is a staircase of at most 255 steps,
and ``((sum - least) * factor + half) >> shift`` is one too. Whether the two have the same steps is
not argued here but tried: of every sum from one end of the staircase to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

BYTE = 255

MAX_SUMS = 2**26
"""Sums between the two ends of a staircase: more would take minutes to try."""

MAX_RUNS = 4096
"""Of an activation: one that only rises has 256 at most, 5 bytes each."""

LEAST_SHIFT = 32
MOST_SHIFT = 48

_MAX_FACTOR = 2**32
_MAX_PRODUCT = 2**63


@dataclass(frozen=True, slots=True)
class Staircase:
    """The uint8 of each sum, which never falls.

    Attributes:
        least: A sum from which on down the uint8 stays the same.
        bytes: uint8 of the sums from ``least`` on; from the last one up it stays the same.
    """

    least: int
    bytes: NDArray[np.uint8]

    @property
    def most(self) -> int:
        """The last sum that is listed."""
        return self.least + len(self.bytes) - 1

    def of(self, sums: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the uint8 of sums of any size."""
        return self.bytes[np.clip(sums, self.least, self.most) - self.least]


@dataclass(frozen=True, slots=True)
class Runs:
    """The uint8 of each sum, where an activation stands between: the same for whole runs of sums.

    Attributes:
        starts: int32, the first sum of each run; what comes before the first run is as in it.
        bytes: uint8 of each run.
    """

    starts: NDArray[np.int32]
    bytes: NDArray[np.uint8]

    @classmethod
    def of_all(cls, least: int, bytes_: NDArray[np.uint8]) -> Self:
        """Return the runs of the uint8 of every sum from ``least`` on.

        Raises:
            ValueError: There are too many.
        """
        firsts = np.flatnonzero(np.diff(bytes_, prepend=bytes_[0] ^ 1))
        if len(firsts) > MAX_RUNS:
            raise ValueError(f"an activation of {len(firsts):,} steps")
        return cls((firsts + least).astype(np.int32), bytes_[firsts])

    def of(self, sums: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the uint8 of sums."""
        numbers = np.searchsorted(self.starts, sums, side="right") - 1
        return self.bytes[np.maximum(numbers, 0)]


@dataclass(frozen=True, slots=True)
class Step:
    """A staircase in integers.

    ``((sum - least) * factor + half) >> shift`` is the uint8 of every sum from ``least`` to
    ``most`` or, where there are ``corrections``, that or one less: sums from
    ``corrections[number]`` on have one more.

    Attributes:
        least: Smaller sums are taken as this one.
        most: Larger sums are taken as this one.
        factor: Below 2^32.
        half: Below 2^63.
        shift: From ``LEAST_SHIFT`` on.
        corrections: int64 (256,), or None.
    """

    least: int
    most: int
    factor: int
    half: int
    shift: int
    corrections: NDArray[np.int64] | None = None

    def of(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the C code makes of sums of any size."""
        taken = np.clip(sums, self.least, self.most)
        above = (taken - self.least).astype(np.uint64)
        products = above * np.uint64(self.factor) + np.uint64(self.half)
        bytes_ = (products >> np.uint64(self.shift)).astype(np.int64)
        if self.corrections is not None:
            bytes_ += taken >= self.corrections[bytes_]
        return bytes_


def staircase(scale: np.float32, zero_point: int) -> Staircase:
    """Return what onnxruntime makes of each sum.

    Its kernel cuts ``float32(sum) * scale`` off where the result would leave uint8, rounds half to
    even, and adds the zero point.

    Args:
        scale: Of a sum in steps of the result, above 0.
        zero_point: Of the result.

    Raises:
        ValueError: There are too many sums between the two ends.
    """
    steps_below = zero_point + 1
    steps_above = BYTE - zero_point + 1
    with np.errstate(over="ignore"):
        ends = np.array([-steps_below, steps_above]) / np.float64(scale)
    if not np.ptp(ends) < MAX_SUMS:
        raise ValueError(f"a scale of {scale}, with which a step of a result has too many sums")
    sums = np.arange(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1)
    scaled = sums.astype(np.float32) * scale
    cut = np.clip(scaled, np.float32(-zero_point), np.float32(BYTE - zero_point))
    bytes_ = (np.rint(cut) + zero_point).astype(np.uint8)
    # The last sum of the lowest byte, and the first one of the highest.
    first = max(int(np.searchsorted(bytes_, 0, side="right")) - 1, 0)
    last = int(np.searchsorted(bytes_, BYTE, side="left"))
    least = int(sums[first])
    if zero_point == 0 and least > 0:
        first -= least  # 0 is the plainer number, and has the same byte
        least = 0
    return Staircase(least, bytes_[first : last + 1])


def fitted(stairs: Sequence[Staircase]) -> list[Step]:
    """Return steps that make the same uint8 of every sum; each was tried. All have one shift.

    Raises:
        ValueError: There are none.
    """
    shift = _shift(stairs)
    steps = []
    for one in stairs:
        step = _straight(one, shift) or _corrected(one, shift)
        sums = np.arange(one.least - 1, one.most + 2)
        if step is None or not np.array_equal(step.of(sums), one.of(sums)):
            raise ValueError("a scale that no integers stand for")
        steps.append(step)
    return steps


def _shift(stairs: Sequence[Staircase]) -> int:
    """Return the least shift with which the most of them need no corrections.

    By 32 at least: a CPU of 32 bits then has the result in a register of its own.
    """
    counts = {
        shift: sum(_straight(one, shift) is not None for one in stairs)
        for shift in range(LEAST_SHIFT, MOST_SHIFT)
    }
    return max(counts, key=lambda shift: (counts[shift], -shift))


def _straight(stairs: Staircase, shift: int) -> Step | None:
    """Return the step with a shift that needs no corrections, if there is one.

    A line has the same steps where, for each number k, it is at least k at the first sum that has
    k, and below k at the sum before.
    """
    numbers, firsts = _steps(stairs)
    low, high = _slopes(numbers, firsts)
    if not low < high:
        return None
    middle = round((low + high) / 2 * 2**shift)
    for factor in (middle, middle + 1, middle - 1):
        half = _half(numbers, firsts, factor, shift) if 0 < factor < _MAX_FACTOR else None
        if half is not None and factor * len(stairs.bytes) + half < _MAX_PRODUCT:
            return Step(stairs.least, stairs.most, factor, half, shift)
    return None


def _steps(stairs: Staircase) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each number that occurs, but for the lowest, and how far from least it begins."""
    numbers = np.unique(stairs.bytes)[1:].astype(np.int64)
    # A number that is passed over begins where the next one does.
    every = np.arange(int(stairs.bytes[0]) + 1, int(numbers[-1]) + 1)
    return every, np.searchsorted(stairs.bytes, every).astype(np.int64)


def _slopes(numbers: NDArray[np.int64], firsts: NDArray[np.int64]) -> tuple[float, float]:
    """Return between which slopes a line can pass all steps: from two steps each time."""
    run = (firsts[None, :] - 1 - firsts[:, None]).astype(np.float64)
    rise = (numbers[None, :] - numbers[:, None]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = rise / run
    low = np.where(run < 0, slopes, -np.inf).max()
    high = np.where(run > 0, slopes, np.inf).min()
    return max(float(low), 0.0), min(float(high), 2.0**31)


def _half(
    numbers: NDArray[np.int64], firsts: NDArray[np.int64], factor: int, shift: int
) -> int | None:
    """Return what must be added for a factor to pass all steps; the roundest such number."""
    pairs = list(zip(numbers.tolist(), firsts.tolist(), strict=True))
    low = max((number << shift) - first * factor for number, first in pairs)
    high = min((number << shift) - (first - 1) * factor for number, first in pairs) - 1
    low = max(low, 0)
    if low > high:
        return None
    usual = 1 << (shift - 1)
    return usual if low <= usual <= high else low


def _corrected(stairs: Staircase, shift: int) -> Step | None:
    """Return a step of which each uint8 may be one too small, with where that is so."""
    numbers, firsts = _steps(stairs)
    if len(numbers) < 2:
        return None
    factor = int(np.polyfit(firsts, numbers, 1)[0] * 2**shift)
    if not 0 < factor < _MAX_FACTOR:
        return None
    # As high as it may be without ever being too high.
    pairs = zip(numbers.tolist(), firsts.tolist(), strict=True)
    half = min((number << shift) - (first - 1) * factor for number, first in pairs) - 1
    if half < 0 or factor * len(stairs.bytes) + half >= _MAX_PRODUCT:
        return None
    after = np.full(BYTE + 1, np.iinfo(np.int32).max, np.int64)
    after[numbers - 1] = firsts + stairs.least
    return Step(stairs.least, stairs.most, factor, half, shift, after)
