"""Two benchmark reports: what became slower, beyond noise and beyond what is allowed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_edge.errors import OptionError

SAME_DEVICE = ("cpu", "features", "machine", "cores", "usable_cpus", "cpu_quota")
"""What must be equal in two reports' ``device`` for their times to be comparable."""

Row = dict[str, Any]
Key = tuple[str, str, str, str, int, int]


def threshold(text: str) -> float:
    """A share from a text such as "10%" or "0.1".

    Raises:
        OptionError: It is neither, or is negative.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    if not match:
        raise OptionError(f"expected a share such as 10% or 0.1, received {text!r}")
    return float(match[1]) / (100 if match[2] else 1)


def read(path: Path) -> dict[str, Any]:
    """Reads a report that ``benchmark --json`` wrote.

    Raises:
        OptionError: It is missing or is no such report.
    """
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise OptionError(f"cannot read the report {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise OptionError(
            f"expected {path} to be a report of mnist-edge benchmark --json, but it is no JSON"
        ) from error
    try:
        _by_key(document), document["noise"], [document["device"][key] for key in SAME_DEVICE]
    except (TypeError, KeyError, AttributeError) as error:
        raise OptionError(
            f"expected {path} to be a report of mnist-edge benchmark --json: {error!r} is amiss"
        ) from error
    return document  # type: ignore[no-any-return]


def compare(old: Mapping[str, Any], new: Mapping[str, Any], allowed: float, *, anyway: bool = False) -> dict[str, Any]:
    """Holds a report against an earlier one, row by row: median microseconds a call.

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
    before, after = _by_key(old), _by_key(new)
    common = [key for key in after if key in before]
    if not common:
        raise OptionError(
            "expected two reports with a row in common, received none: measure the same models and batches"
        )
    differences = _differences(old, new, [(before[key], after[key]) for key in common])
    if differences and not anyway:
        raise OptionError(
            f"expected two reports of one device and the same models: {differences[0]}; --anyway compares"
        )
    rows = [_row(before[key], after[key], _noise(old, key) + _noise(new, key), allowed) for key in common]
    return {
        "allowed": allowed,
        "rows": rows,
        "differences": differences,
        "only_old": [_told(key) for key in before if key not in after],
        "only_new": [_told(key) for key in after if key not in before],
        "passed": not any(row["verdict"] == "slower" for row in rows),
    }


def _row(old: Row, new: Row, noise: float, allowed: float) -> Row:
    change = new["p50_us"] / old["p50_us"] - 1
    verdict = "slower" if change > max(noise, allowed) else "faster" if change < -noise else "same"
    same = {key: new[key] for key in ("runtime", "api", "precision", "model", "threads", "batch")}
    return same | {
        "old_us": old["p50_us"],
        "new_us": new["p50_us"],
        "change": change,
        "noise": noise,
        "old_accuracy": old["accuracy"],
        "new_accuracy": new["accuracy"],
        "verdict": verdict,
    }


def _by_key(report: Mapping[str, Any]) -> dict[Key, Row]:
    """The rows that have a time, by what they are of."""
    names = ("runtime", "api", "precision")
    return {
        (*(row[name] for name in names), Path(row["model"]).name, row["threads"], row["batch"]): row
        for row in report["results"]
        if row["p50_us"]
    }


def _noise(report: Mapping[str, Any], key: Key) -> float:
    """The noise of a report at a row's batch size: unknown is as good as any."""
    value = report["noise_by_batch"].get(str(key[-1]), report["noise"])
    return float("inf") if value is None else float(value)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], pairs: list[tuple[Row, Row]]) -> list[str]:
    """In what the devices and the models are not the same."""
    devices = [
        f"{key} was {old['device'][key]!r} and is {new['device'][key]!r}"
        for key in SAME_DEVICE
        if old["device"][key] != new["device"][key]
    ]
    models = [f"{row['model']} is another file than it was" for was, row in pairs if was["sha256"] != row["sha256"]]
    return devices + list(dict.fromkeys(models))


def _told(key: Key) -> str:
    *parts, threads, batch = key
    return f"{' '.join(part for part in parts if part)}, {threads} threads, batch {batch}"
