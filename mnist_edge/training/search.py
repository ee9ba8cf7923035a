"""The narrowest network that reads almost as well as the wide one: some are trained, by halving what is left to try."""

import contextlib
import glob
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.files import receipt_path, require_writable, sha256, write_json, write_whole
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.artifact import compress, compressed_path, finished
from mnist_edge.training.compress import ladder, units_in_use
from mnist_edge.training.fit import OnEpoch
from mnist_edge.training.network import hidden_widths, plain
from mnist_edge.training.recipes import Recipe


def widths_of(wide: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Units of each hidden layer of a .keras file, and how many of them are not zero.

    Raises:
        ModelError: It is missing, damaged, or no plain stack of Dense relu layers.
    """
    network = plain(from_bytes(read_keras(wide), str(wide)), str(wide))
    return hidden_widths(network), units_in_use(network)


def candidate(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    folder: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: OnEpoch = lambda *_: None,
) -> dict[str, Any]:
    """As ``artifact.compress``, but one that is there from an earlier run with the same settings is not made again."""
    out = compressed_path(wide, recipe.widths, folder)
    made = None if fresh else finished(out, recipe, dataset, seed, sha256(read_keras(wide)))
    return made or compress(wide, recipe, dataset, out, seed=seed, fresh=fresh, on_epoch=on_epoch)


def narrowest(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    out: Path | None,
    max_loss: float,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: OnEpoch = lambda *_: None,
) -> dict[str, Any]:
    """Finds the narrowest network out of ``compress.ladder`` whose loss of validation accuracy stays within a limit.

    Halves the ladder at each step, as if accuracy fell with each rung; where two are closer than chance, the answer
    may be a rung off. An interrupted search goes on where it stopped.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune; its widths are not used.
        dataset: What to train on; its last ``validation_images`` training images decide.
        out: The .keras file to write; None for one beside ``wide``, with the widths in its name.
        max_loss: Percentage points of validation accuracy.
        seed: Decides the order of the images and their distortion.
        fresh: Use nothing of an interrupted search.
        on_epoch: Called after each epoch of each network, and once before its first.

    Returns:
        ``path`` and ``receipt`` of the chosen network, and ``tried``: widths, validation accuracy and loss in points of
        each that was trained. Where every one loses more, path and receipt are None, and ``kept_in`` is the folder in
        which those that were trained stay for another search.

    Raises:
        OptionError: ``max_loss`` is negative or no number, or nothing of the network can be narrower; also as
            ``artifact.compress``, like the others.
        ModelError: As ``artifact.compress``.
        OutputError: As ``artifact.compress``; before anything is trained.
    """
    if not max_loss >= 0:
        raise OptionError(f"expected a loss of 0 points or more, received {max_loss:g}")
    own, in_use = widths_of(wide)
    rungs = ladder(own, in_use)
    if not rungs:
        told = ", ".join(map(str, own)) or "none"
        raise OptionError(f"expected hidden layers that can be narrower, received a network with {told}")
    beside = out or wide
    goals = [out or compressed_path(wide, widths) for widths in rungs]
    require_writable(beside.parent, *(name for goal in goals for name in (goal.name, receipt_path(goal).name)))
    folder = beside.with_name(beside.stem + ".search")
    receipts: dict[int, dict[str, Any]] = {}
    enough, too_narrow = -1, len(rungs)
    while too_narrow - enough > 1:
        middle = (enough + too_narrow) // 2
        settings = replace(recipe, widths=rungs[middle])
        receipts[middle] = candidate(wide, settings, dataset, folder, seed=seed, fresh=fresh, on_epoch=on_epoch)
        if _loss(receipts[middle]) <= max_loss:
            enough = middle
        else:
            too_narrow = middle
    tried = [_told(rungs[number], receipts[number]) for number in sorted(receipts)]
    if enough < 0:
        return {"path": None, "receipt": None, "tried": tried, "kept_in": str(folder)}
    chosen = goals[enough]
    write_whole(chosen, compressed_path(wide, rungs[enough], folder).read_bytes())
    receipt = receipts[enough] | {"file": chosen.name}
    write_json(receipt_path(chosen), receipt)
    for path in folder.glob(f"{glob.escape(wide.stem)}-*.keras*"):  # of searches before this one too
        path.unlink()
    with contextlib.suppress(OSError):  # there is something else in it
        folder.rmdir()
    return {"path": str(chosen), "receipt": receipt, "tried": tried, "kept_in": None}


def _loss(receipt: dict[str, Any]) -> float:
    """Points of validation accuracy that a network has less than the wide one; fractions are not exact."""
    lost: float = receipt["compressed_from"]["validation"] - receipt["validation"]["accuracy"]
    return round(100 * lost, 6)


def _told(widths: tuple[int, ...], receipt: dict[str, Any]) -> dict[str, Any]:
    return {"widths": list(widths), "validation": receipt["validation"]["accuracy"], "loss_points": _loss(receipt)}
