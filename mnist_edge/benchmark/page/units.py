"""Numbers as the page writes them."""

import math


def digits(value: float) -> str:
    """Three digits that count, or all before the point."""
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{min(max(decimals, 0), 4)}f}"


def percent(share: float) -> str:
    """A share with one decimal: what is no more exact than that."""
    return f"{100 * share:.1f} %"


def accuracy(share: float) -> str:
    """A share with two decimals: one of MNIST's 10,000 test images is 0.01 %."""
    return f"{100 * share:.2f} %"


def time(us: float) -> str:
    """Microseconds in the unit that suits them."""
    unit, factor = _unit(us)
    return f"{digits(us / factor)} {unit}"


def round_time(us: float) -> str:
    """A time of one digit, as an axis has it."""
    unit, factor = _unit(us)
    return f"{us / factor:g} {unit}"


def _unit(us: float) -> tuple[str, float]:
    return next(((unit, factor) for unit, factor in (("s", 1e6), ("ms", 1e3)) if us >= factor), ("µs", 1))


def counted(count: int, noun: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{count:,} {noun}{'s' * (count > 1)}"
