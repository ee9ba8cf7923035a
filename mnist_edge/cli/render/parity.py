"""What export and verify show."""

from collections.abc import Sequence
from typing import Any

from mnist_edge.cli.render.tables import network, table


def images(report: dict[str, Any]) -> str:
    """What a report was measured on, in words."""
    what = "test images" if report["data"]["split"] == "test" else "training images"
    return f"{report['images']:,} {what} of {report['data']['name']}"


def parity_table(models: Sequence[dict[str, Any]]) -> str:
    """The table of export and verify."""
    header = ["file", "bytes", "max diff", "mean diff", "agreement", "accuracy", "Keras", "flips", ""]
    return table(header, [_parity_row(model) for model in models])


def compressed_from(reference: dict[str, Any]) -> str:
    """One line on the wide network that a compressed one was made of; nothing for others."""
    wide = reference["compressed_from"]
    if not wide:
        return ""
    reads = "" if wide["accuracy"] is None else f", which reads {wide['accuracy']:.2%} of these"
    return f"compressed from {network(wide['widths'])}{reads}\n"


def silent_units(models: Sequence[dict[str, Any]]) -> str:
    """One line on the hidden units that were left out of files; nothing if none was."""
    slim = [model for model in models if any((model.get("silent_units") or {}).get("dropped", ()))]
    if not slim:
        return ""
    dropped, left = (", ".join(map(str, slim[0]["silent_units"][key])) for key in ("dropped", "left"))
    return (
        f"without {dropped} hidden units that hardly ever fire, {left} are left: "
        f"{', '.join(model['precision'] for model in slim)} (--keep-silent keeps them)\n"
    )


def _parity_row(model: dict[str, Any]) -> list[str]:
    if model["bytes"] is None:
        return [model["path"], *["-"] * 7, "FAILED"]
    if model["passed"] is None:
        return [model["path"], f"{model['bytes']:,}", *["-"] * 6, f"not verified, {model['status']}"]
    return [
        model["path"],
        f"{model['bytes']:,}",
        f"{model['max_abs_diff']:.1e}",
        f"{model['mean_abs_diff']:.1e}",
        f"{model['agreement']:.2%}",
        f"{model['accuracy']:.2%}",
        f"{model['reference_accuracy']:.2%}",
        str(len(model["flips"])),
        model.get("status", "passed") if model["passed"] else "FAILED",
    ]
