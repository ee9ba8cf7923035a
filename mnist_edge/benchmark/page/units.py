"""Numbers as the page writes them."""

import math


def known(value: float | None) -> float | None:
    """Return a number, or None where it is missing or not finite."""
    return value if value is not None and math.isfinite(value) else None


def digits(value: float) -> str:
    """Write three significant digits, or all before the point."""
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{min(max(decimals, 0), 4)}f}"


def percent(share: float) -> str:
    """Write a share with one decimal: what is no more exact than that."""
    return f"{100 * share:.1f} %"


def accuracy(share: float) -> str:
    """Write a share with two decimals: one of MNIST's 10,000 test images is 0.01 %."""
    return f"{100 * share:.2f} %"


def time(us: float) -> str:
    """Write microseconds in the unit that suits them."""
    unit, factor = _unit(us)
    return f"{digits(us / factor)} {unit}"


def round_time(us: float) -> str:
    """Write a time of one digit, as an axis has it."""
    unit, factor = _unit(us)
    return f"{us / factor:g} {unit}"


def _unit(us: float) -> tuple[str, float]:
    for unit, factor in (("s", 1e6), ("ms", 1e3)):
        if us >= factor:
            return unit, factor
    return "µs", 1


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 thread``, ``2 threads``."""
    return f"{count:,} {noun}{'s' * (count > 1)}"
