"""The narrowest network that reads almost as well as the wide one.

Some are trained, by halving what is left to try.
"""

import contextlib
import glob
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from mnist_edge.datasets import Dataset
from mnist_edge.documents import Count, Share
from mnist_edge.errors import OptionError
from mnist_edge.files import manifest_path, require_writable, sha256, write_json, write_whole
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.compress import compress, compressed_path, ladder, units_in_use
from mnist_edge.training.fit import OnEpoch
from mnist_edge.training.manifest import CompressionManifest, finished, require_own
from mnist_edge.training.network import hidden_widths, plain
from mnist_edge.training.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Tried:
    """A network that a search has trained.

    Attributes:
        widths: Units of each hidden layer.
        validation: Accuracy on the validation images.
        loss_points: Percentage points of it that the wide network has more.
    """

    widths: tuple[Count, ...]
    validation: Share
    loss_points: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search has found.

    Attributes:
        path: The .keras file; null where every network loses more than it may.
        widths: Units of each of its hidden layers; null likewise, as is the next.
        receipt: Its manifest, under the key that programs know.
        tried: Each network that was trained, the widest first.
        kept_in: The folder in which they stay for another search, where none was chosen.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/search/1"

    path: str | None
    widths: tuple[Count, ...] | None
    receipt: CompressionManifest | None
    tried: tuple[Tried, ...]
    kept_in: str | None


def widths_of(wide: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the units of each hidden layer of a .keras file, and how many are not zero.

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
    resume: bool = True,
    on_epoch: OnEpoch = lambda *_: None,
) -> CompressionManifest:
    """Compress a network as ``compress.compress`` does, but not twice with the same settings."""
    out = compressed_path(wide, recipe.widths, folder)
    made = None
    if resume:
        origin = sha256(read_keras(wide))
        made = finished(CompressionManifest, out, recipe, dataset, seed, origin)
    return made or compress(wide, recipe, dataset, out, seed=seed, resume=resume, on_epoch=on_epoch)


def find_narrowest(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    out: Path | None,
    max_loss: float,
    *,
    seed: int = 0,
    resume: bool = True,
    on_epoch: OnEpoch = lambda *_: None,
) -> SearchResult:
    """Find the narrowest network whose loss of validation accuracy stays within a limit.

    Halves the ladder (``compress.ladder``) at each step, as if accuracy fell with each rung; where
    two are closer than chance, the answer may be a rung off. An interrupted search goes on where
    it stopped.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune; its widths are not used.
        dataset: What to train on; its last ``validation_images`` training images decide.
        out: The .keras file to write; None for one beside ``wide``, with the widths in its name.
        max_loss: Percentage points of validation accuracy.
        seed: Decides the order of the images and their distortion.
        resume: Use what an interrupted search has made.
        on_epoch: Called after each epoch of each network, and once before its first.

    Raises:
        OptionError: ``max_loss`` is not from 0 to 100, or nothing of the network can be
            narrower; also as ``compress.compress``, like the others.
        ModelError: As ``compress.compress``.
        OutputError: As ``compress.compress``; before anything is trained.
    """
    if not 0 <= max_loss <= 100:
        raise OptionError(f"expected a loss from 0 to 100 points, received {max_loss:g}")
    recipe = recipe.for_classes(dataset.classes)
    own, in_use = widths_of(wide)
    rungs = ladder(own, in_use)
    if not rungs:
        widths = ", ".join(map(str, own)) or "none"
        raise OptionError(
            f"expected hidden layers that can be narrower, received a network with {widths}"
        )
    beside = out or wide
    goals = [out or compressed_path(wide, widths) for widths in rungs]
    names = [path.name for goal in goals for path in (goal, manifest_path(goal))]
    require_writable(beside.parent, *names)
    for goal in dict.fromkeys(goals):  # with --out they are one
        require_own(goal)
    folder = beside.with_name(beside.stem + ".search")

    # Every rung up to ``enough`` loses little enough, every one from ``too_narrow`` on too much.
    manifests: dict[int, CompressionManifest] = {}
    enough = -1
    too_narrow = len(rungs)
    while too_narrow - enough > 1:
        middle = (enough + too_narrow) // 2
        settings = recipe.with_widths(rungs[middle])
        manifests[middle] = candidate(
            wide, settings, dataset, folder, seed=seed, resume=resume, on_epoch=on_epoch
        )
        if loss_points(manifests[middle]) <= max_loss:
            enough = middle
        else:
            too_narrow = middle

    tried = tuple(_tried(rungs[rung], manifests[rung]) for rung in sorted(manifests))
    if enough < 0:
        return SearchResult(None, None, None, tried, str(folder))
    made = compressed_path(wide, rungs[enough], folder)
    manifest = _move(made, manifests[enough], goals[enough])
    _clear(folder, wide)
    return SearchResult(str(goals[enough]), rungs[enough], manifest, tried, None)


def loss_points(manifest: CompressionManifest) -> float:
    """Return the percentage points of validation accuracy that the wide network has more."""
    lost = manifest.compressed_from.validation - manifest.network.validation.accuracy
    return round(100 * lost, 6)  # fractions are not exact


def _tried(widths: tuple[int, ...], manifest: CompressionManifest) -> Tried:
    return Tried(widths, manifest.network.validation.accuracy, loss_points(manifest))


def _move(made: Path, manifest: CompressionManifest, goal: Path) -> CompressionManifest:
    """Write the chosen network where it was asked for, with its manifest."""
    write_whole(goal, made.read_bytes())
    moved = replace(manifest, network=replace(manifest.network, file=goal.name))
    write_json(manifest_path(goal), moved)
    return moved


def _clear(folder: Path, wide: Path) -> None:
    """Delete what searches have made of ``wide``, those before this one too."""
    for path in folder.glob(f"{glob.escape(wide.stem)}-*.keras*"):
        path.unlink()
    with contextlib.suppress(OSError):  # there is something else in it
        folder.rmdir()
