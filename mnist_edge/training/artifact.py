"""A trained .keras file and its receipt, made from a recipe."""

import dataclasses
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import tf
from mnist_edge.dataset import Dataset
from mnist_edge.files import receipt_path, require_writable, sha256, write_json, write_whole
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.training.calibrate import calibrate, expected_calibration_error
from mnist_edge.training.checkpoint import History
from mnist_edge.training.fit import fit, predict, teacher_checkpoint
from mnist_edge.training.network import to_bytes
from mnist_edge.training.recipes import Recipe


def checkpoint_path(out: Path) -> Path:
    """Where the state of an unfinished training stands: beside the file that it will become."""
    return out.with_name(out.name + ".checkpoint")


def train(
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: Callable[[Recipe, History], None] = lambda *_: None,
) -> dict[str, Any]:
    """Trains a network and writes it, without optimizer state, with its receipt beside it.

    Args:
        recipe: What to do.
        dataset: What to train on; its test images are looked at once, at the end.
        out: The .keras file to write.
        seed: Decides the first weights, the order of the images and their distortion.
        fresh: Start anew even if an interrupted run could be continued.
        on_epoch: Called after each epoch, and once before the first, with the recipe (the teacher's too) and history.

    Returns:
        The receipt.

    Raises:
        OptionError: An interrupted run with other settings is in the way.
        OutputError: The folder of ``out`` cannot be written.
    """
    checkpoint = checkpoint_path(out)
    states = (checkpoint, teacher_checkpoint(checkpoint)) if recipe.teacher else (checkpoint,)
    require_writable(out.parent, out.name, receipt_path(out).name, *(state.name for state in states))
    if fresh:
        for state in states:
            state.unlink(missing_ok=True)
    model, history, teacher = fit(recipe, dataset, seed=seed, checkpoint=checkpoint, on_epoch=on_epoch)
    facts = {"recipe": recipe.describe(), "seed": seed, "data": dataset.describe()}
    held_out = dataset.validation_images
    validation, labels = predict(model, dataset.train_images[-held_out:]), dataset.train_labels[-held_out:]
    calibration = calibrate(validation, labels)
    content = to_bytes(model, facts | {"confidence": dataclasses.asdict(calibration)})
    receipt = {
        "file": out.name,
        "bytes": len(content),
        "sha256": sha256(content),
        **facts,
        "confidence": dataclasses.asdict(calibration),
        "validation": _quality(validation, labels, calibration),
        "test": None,  # the sample has no test images: its are training images, and were trained on
        "history": history,
        **({"teacher": teacher} if teacher else {}),
        "tools": {tool: importlib.metadata.version(tool) for tool in ("mnist-edge", "keras", "numpy")}
        | {"tensorflow": tf.__version__},
    }
    if dataset.test_split == "test":
        receipt["test"] = _quality(predict(model, dataset.test_images), dataset.test_labels, calibration)
    write_whole(out, content)
    write_json(receipt_path(out), receipt)
    for state in states:
        state.unlink(missing_ok=True)
    return receipt


def _quality(probabilities: np.ndarray, labels: np.ndarray, calibration: Calibration) -> dict[str, float]:
    """Accuracy, and the expected calibration error without and with the temperature."""
    right = probabilities.argmax(axis=1) == labels
    errors = (
        expected_calibration_error(kind.confidences(probabilities), right) for kind in (UNCALIBRATED, calibration)
    )
    return {
        "images": len(labels),
        "accuracy": round(float(right.mean()), 6),
        **dict(zip(("ece_uncalibrated", "ece"), (round(error, 6) for error in errors), strict=True)),
    }
