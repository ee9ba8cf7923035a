"""Two benchmark reports: what became slower, beyond noise and beyond what is allowed."""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Literal

from mnist_edge.benchmark.report_file import Key, Report, Row
from mnist_edge.benchmark.schema import Change, Comparison, Hardware
from mnist_edge.errors import OptionError


def threshold(text: str) -> float:
    """Return the share that a text such as "10%" or "0.1" stands for.

    Raises:
        OptionError: It is neither, or is negative.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    if not match:
        raise OptionError(f"expected a share such as 10% or 0.1, received {text!r}")
    number, percent = match.groups()
    return float(number) / (100 if percent else 1)


def compare(old: Report, new: Report, allowed: float, *, anyway: bool = False) -> Comparison:
    """Compare a report with an earlier one, row by row: median microseconds a call.

    Args:
        old: The earlier report.
        new: The later one.
        allowed: By what share a row may be slower.
        anyway: Compare even if the device or a model is another one.

    Returns:
        The comparison. A row is slower where it is so beyond ``allowed`` and beyond both runs'
        noise.

    Raises:
        OptionError: The device or a model differs, or the two have no row in common.
    """
    before = old.rows()
    after = new.rows()
    common = {key: row for key, row in after.items() if key in before}
    if not common:
        advice = "measure the same models and batches"
        raise OptionError(f"expected two reports with a row in common, received none: {advice}")
    differences = (*_devices(old.device, new.device), *_models(before, common))
    if differences and not anyway:
        expected = "expected two reports of one device and the same models"
        raise OptionError(f"{expected}: {differences[0]}; --anyway compares")
    rows = []
    for key, row in common.items():
        noise = _noise(old, key) + _noise(new, key)
        rows.append(_change(key, before[key], row, noise, allowed))
    return Comparison(
        allowed=allowed,
        rows=tuple(rows),
        differences=differences,
        only_old=tuple(str(key) for key in before if key not in after),
        only_new=tuple(str(key) for key in after if key not in before),
        passed=not any(row.verdict == "slower" for row in rows),
    )


def _change(key: Key, old: Row, new: Row, noise: float, allowed: float) -> Change:
    assert old.p50_us is not None  # these rows have a time: Report.rows
    assert new.p50_us is not None
    change = new.p50_us / old.p50_us - 1
    verdict: Literal["slower", "faster", "same"] = "same"
    if change > max(noise, allowed):
        verdict = "slower"
    elif change < -noise:
        verdict = "faster"
    return Change(
        setup=new.setup,
        batch=key.batch,
        old_us=old.p50_us,
        new_us=new.p50_us,
        change=change,
        noise=noise,
        old_accuracy=old.accuracy,
        new_accuracy=new.accuracy,
        verdict=verdict,
    )


def _noise(report: Report, key: Key) -> float:
    """Return the noise of a report at a row's batch size; infinite where it is unknown."""
    value = report.noise_by_batch.get(key.batch, report.noise)
    return math.inf if value is None else value


def _devices(old: Hardware, new: Hardware) -> list[str]:
    """Return in what two devices are not the same."""
    found = []
    for field in dataclasses.fields(Hardware):
        was = getattr(old, field.name)
        now = getattr(new, field.name)
        if was != now:
            found.append(f"{field.name} was {_written(was)} and is {_written(now)}")
    return found


def _written(value: object) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else repr(value)


def _models(old: Mapping[Key, Row], common: Mapping[Key, Row]) -> list[str]:
    """Return which models are not the same, each once."""
    other = [row.setup.model for key, row in common.items() if row.sha256 != old[key].sha256]
    return [f"{model} is another file than it was" for model in dict.fromkeys(other)]
