"""What export and verify show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_edge.cli.render.tables import network, table
from mnist_edge.model_spec import DIGITS

if TYPE_CHECKING:
    from mnist_edge.datasets import DataSummary
    from mnist_edge.export.reports import ModelReport, Parity, ParityReport, ReferenceReport

_HEADER = (
    *("file", "bytes", "max diff", "mean diff", "agreement", "accuracy", "reference", "flips"),
    "",
)
_WRITTEN = ("written", "unchanged", "kept")


def parity_lines(report: "ParityReport") -> list[str]:
    """Return the lines of a report: what it was measured on, a table, notes on the networks."""
    lines = []
    if report.data and report.reference:
        where = images(report.images, report.data)
        lines.append(f"{where}, against {report.reference.path}")
    lines.append(table(_HEADER, [_row(model) for model in report.models]))
    if report.reference:
        lines += compressed_from(report.reference)
    lines += inactive_units(report.models)
    lines += kept(report.models)
    return lines


def images(count: int, data: "DataSummary") -> str:
    """Return what a report was measured on, in words."""
    kinds = {"test": "test examples of ", "train": "training examples of ", "made": ""}
    return f"{count:,} {kinds[data.split]}{data.name}"


def compressed_from(reference: "ReferenceReport") -> list[str]:
    """Return a line on the wide network that a compressed one was made of; none for others."""
    wide = reference.compressed_from
    if wide is None:
        return []
    reads = "" if wide.accuracy is None else f", which reads {wide.accuracy:.2%} of these"
    return [f"compressed from {network(wide.widths, reference.classes or len(DIGITS))}{reads}"]


def inactive_units(models: Sequence["ModelReport"]) -> list[str]:
    """Return a line on the hidden units that were left out of files; none if none was."""
    smaller = [
        model for model in models if model.inactive_units and any(model.inactive_units.dropped)
    ]
    if not smaller:
        return []
    units = smaller[0].inactive_units
    assert units is not None
    dropped = ", ".join(map(str, units.dropped))
    left = ", ".join(map(str, units.left))
    precisions = ", ".join(model.precision for model in smaller)
    return [
        f"dropped hidden units that rarely activate, {dropped} by layer, and kept {left}: "
        f"{precisions} (--keep-inactive keeps all)"
    ]


def kept(models: Sequence["ModelReport"]) -> list[str]:
    """Return a line on what "kept" means; none where no file was."""
    if not any(model.status == "kept" for model in models):
        return []
    return ["kept: the same network is there already, verified on a better data set than this one"]


def _row(model: "ModelReport") -> list[str]:
    size = "-" if model.bytes is None else f"{model.bytes:,}"
    return [model.path, size, *_measured(model.parity), _became(model)]


def _measured(parity: "Parity") -> list[str]:
    if parity.max_abs_diff is None:
        return ["-"] * 6
    return [
        f"{parity.max_abs_diff:.1e}",
        f"{parity.mean_abs_diff:.1e}",
        f"{parity.agreement:.2%}",
        _share(parity.accuracy),
        _share(parity.reference_accuracy),
        str(len(parity.flips)),
    ]


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _became(model: "ModelReport") -> str:
    """Return what became of a file, in words."""
    if model.passed is False:
        return "FAILED"
    if model.passed is None and model.parity.max_abs_diff is None and model.status in _WRITTEN:
        return f"not verified, {model.status}"
    return model.status
