"""Whether an answer is rejected, from integer logits: the confidence by a table of powers of two.

The confidence is ``1 / sum(exp(-gap))``, where a gap is the difference of the largest logit from
each, in units of the temperature. It is compared with the file's limit without a division:
``sum(2^-(gap * log2 e)) > 1 / limit``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ONE = 30
"""Bits behind the point of a power: 2^30 stands for 1."""

_STEPS = 64
"""Steps of the table between 1 and 1/2; between them it goes straight."""

FRACTION = 16
"""Bits behind the point of an exponent."""

ERROR = 0.00005
"""By how much the confidence may be off, as is checked when the code is made."""

_TRIED = 2**20


@dataclass(frozen=True, slots=True)
class Rejection:
    """What C compares integer logits with.

    Attributes:
        powers: uint32 (65,): 2^30 * 2^-(number / 64).
        factor: Of a gap in logits: ``gap * factor >> shift`` is its exponent, 16 bits of it behind
            the point.
        shift: See above.
        farthest: A larger gap counts as nothing.
        most: The sum of powers above which an answer is rejected.
    """

    powers: tuple[int, ...]
    factor: int
    shift: int
    farthest: int
    most: int

    def powers_of(self, gaps: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return what the C code takes for 2^30 * exp(-gap), uint64."""
        exponents = gaps * np.uint64(self.factor) >> np.uint64(self.shift)
        fractions = exponents & np.uint64(2**FRACTION - 1)
        numbers = (fractions >> np.uint64(10)).astype(np.int64)
        table = np.array(self.powers, np.uint64)
        fall = table[numbers] - table[numbers + 1]
        between = table[numbers] - (fall * (fractions & np.uint64(1023)) >> np.uint64(10))
        powers = between >> (exponents >> np.uint64(FRACTION))
        return np.where(gaps > np.uint64(self.farthest), np.uint64(0), powers)


def made(logit_scale: float, temperature: float, limit: float, classes: int) -> Rejection:
    """Return what rejects the answers whose confidence is below a limit.

    Args:
        logit_scale: What a logit stands for.
        temperature: What logits are divided by for the confidence.
        limit: The confidence below which an answer is rejected, above 0.
        classes: How many there are.

    Raises:
        ValueError: The confidence would be off by more than ``ERROR``.
    """
    rate = logit_scale / temperature
    farthest = min(math.ceil(ONE * math.log(2) / rate), 2**31 - 1)
    exponent_of_one = rate * math.log2(math.e) * 2**FRACTION
    # As many bits as a uint64 product with the largest gap leaves.
    shift = min(40, max(0, 62 - math.ceil(math.log2(farthest * exponent_of_one + 1))))
    found = Rejection(
        powers=tuple(round(2**ONE * 2 ** (-number / _STEPS)) for number in range(_STEPS + 1)),
        factor=round(exponent_of_one * 2**shift),
        shift=shift,
        farthest=farthest,
        most=math.floor(2**ONE / limit),
    )
    if not error(found, rate, classes) <= ERROR:
        raise ValueError("a scale of logits with which no table gives the confidence")
    return found


def error(made_of: Rejection, rate: float, classes: int) -> float:
    """Return by how much a confidence can be off: every gap is tried, or a million of them.

    The confidence is one by a sum of which one part is exact, so that it is off by no more than the
    other parts are together, relative to the sum.
    """
    count = min(made_of.farthest + 2, _TRIED)
    gaps = np.unique(np.linspace(0, made_of.farthest + 1, count).astype(np.uint64))
    exact = np.exp(-gaps.astype(np.float64) * rate)
    off = np.abs(made_of.powers_of(gaps) / 2.0**ONE - exact)
    others = classes - 1
    return float((others * off / (1 + others * exact) ** 2).max())
