"""Two benchmark reports: what became slower, beyond noise and beyond what is allowed."""

import math
import re
from collections.abc import Iterable
from typing import Any

from mnist_edge.benchmark.report_file import SAME_DEVICE, Key, Report, Row
from mnist_edge.errors import OptionError


def threshold(text: str) -> float:
    """A share from a text such as "10%" or "0.1".

    Raises:
        OptionError: It is neither, or is negative.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    if not match:
        raise OptionError(f"expected a share such as 10% or 0.1, received {text!r}")
    return float(match[1]) / (100 if match[2] else 1)


def compare(old: Report, new: Report, allowed: float, *, anyway: bool = False) -> dict[str, Any]:
    """Compare a report with an earlier one, row by row: median microseconds a call.

    Args:
        old: The earlier report.
        new: The later one.
        allowed: By what share a row may be slower.
        anyway: Compare even if the device or a model is another one.

    Returns:
        ``{"rows": [{"runtime", ..., "old_us", "new_us", "change", "noise", "verdict"}], "differences": [...],
        "only_old": [...], "only_new": [...], "passed": bool}``. A row's verdict is "slower" where it is so beyond
        ``allowed`` and beyond both runs' noise, "faster", or "same".

    Raises:
        OptionError: The device or a model differs, or the two have no row in common.
    """
    common = [key for key in new.rows if key in old.rows]
    if not common:
        raise OptionError(
            "expected two reports with a row in common, received none: measure the same models and batches"
        )
    differences = _differences(old, new, common)
    if differences and not anyway:
        raise OptionError(
            f"expected two reports of one device and the same models: {differences[0]}; --anyway compares"
        )
    rows = []
    for key in common:
        noise = _noise(old, key) + _noise(new, key)
        rows.append(_compared(old.rows[key], new.rows[key], noise, allowed))
    return {
        "allowed": allowed,
        "rows": rows,
        "differences": differences,
        "only_old": [str(key) for key in old.rows if key not in new.rows],
        "only_new": [str(key) for key in new.rows if key not in old.rows],
        "passed": not any(row["verdict"] == "slower" for row in rows),
    }


def _compared(old: Row, new: Row, noise: float, allowed: float) -> dict[str, Any]:
    change = new.p50_us / old.p50_us - 1
    verdict = "slower" if change > max(noise, allowed) else "faster" if change < -noise else "same"
    return {
        "runtime": new.key.runtime,
        "api": new.key.api,
        "precision": new.key.precision,
        "model": new.model,
        "threads": new.key.threads,
        "batch": new.key.batch,
        "old_us": old.p50_us,
        "new_us": new.p50_us,
        "change": change,
        "noise": noise,
        "old_accuracy": old.accuracy,
        "new_accuracy": new.accuracy,
        "verdict": verdict,
    }


def _noise(report: Report, key: Key) -> float:
    """The noise of a report at a row's batch size: unknown is as good as any."""
    value = report.noise_by_batch.get(key.batch, report.noise)
    return math.inf if value is None else value


def _differences(old: Report, new: Report, common: Iterable[Key]) -> list[str]:
    """In what the devices and the models are not the same."""
    devices = [
        f"{name} was {old.device[name]!r} and is {new.device[name]!r}"
        for name in SAME_DEVICE
        if old.device[name] != new.device[name]
    ]
    models = [
        f"{new.rows[key].model} is another file than it was"
        for key in common
        if old.rows[key].sha256 != new.rows[key].sha256
    ]
    return devices + list(dict.fromkeys(models))
