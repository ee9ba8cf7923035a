"""The state of an unfinished training, in a file: written whole, read with care."""

import io
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.datasets.npz import Npz, open_npz
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import MAX_JSON_BYTES, open_regular, parse_json, write_whole

History = dict[str, list[float]]
"""One number an epoch under each of loss (with a teacher, the distance from it), accuracy, val_loss, val_accuracy."""

COURSES = ("loss", "accuracy", "val_loss", "val_accuracy")

_STATE = "state"
_log = logging.getLogger(__name__)


def save(path: Path, run: dict[str, Any], variables: Sequence[np.ndarray], history: History) -> None:
    """Writes the state after a whole epoch.

    Args:
        path: The file.
        run: What decides the training's result: recipe, seed, data.
        variables: Of the model, then of the optimizer.
        history: Of all epochs up to then.

    Raises:
        OutputError: It cannot be written; an older one stays as it was.
    """
    buffer = io.BytesIO()
    np.savez(buffer, *variables, state=np.array(json.dumps({"run": run, "history": history})))
    write_whole(path, buffer.getvalue())


def require_same_run(path: Path, run: dict[str, Any]) -> None:
    """Refuse a checkpoint of another run; one that is damaged is of none.

    Args:
        path: The file; if it is not there, nothing is refused.
        run: As it was given to ``save``.

    Raises:
        OptionError: It is of another run.
        ModelError: It is there and cannot be opened.
    """
    if not path.exists():
        return
    _require_readable(path)
    try:
        with open_npz(path) as archive:
            state = _state(archive)
    except ValueError:
        return
    _require_run(path, state, run)


def resume(
    path: Path,
    run: dict[str, Any],
    variables: Sequence[Any],
    *,
    epochs: int,
    steps_an_epoch: int,
) -> History | None:
    """Assign a saved state to ``variables`` and return its history.

    Args:
        path: The file.
        run: As it was given to ``save``.
        variables: Keras' or TensorFlow's: of the model, then of the optimizer. None is assigned
            to unless all that is saved fits.
        epochs: What the whole training has.
        steps_an_epoch: Of the optimizer.

    Returns:
        The history; None where there is no checkpoint, or it is damaged in its file or in its
        meaning. A warning is logged then, and training starts anew.

    Raises:
        OptionError: It is of another run.
        ModelError: It is there and cannot be opened.
    """
    if not path.exists():
        return None
    _require_readable(path)
    wanted = [variable.numpy() for variable in variables]
    try:
        with open_npz(path) as archive:
            state = _state(archive)
            _require_run(path, state, run)
            history = _history(state.get("history"), epochs)
            saved = _arrays(archive, wanted)
        _require_steps(saved, len(history["loss"]) * steps_an_epoch)
    except OptionError:  # a ValueError too
        raise
    except ValueError as error:
        _log.warning("the checkpoint %s is damaged: training starts anew (%s)", path, error)
        return None
    for variable, array in zip(variables, saved, strict=True):
        variable.assign(array)
    return history


def _require_readable(path: Path) -> None:
    """Refuse what another user or a broken disk keeps from us: it may be whole, so it stays."""
    try:
        open_regular(path).close()
    except OSError as error:
        raise ModelError(
            f"the checkpoint {path} cannot be read ({error.strerror or error}): add --fresh to start anew"
        ) from error


def _state(archive: Npz) -> dict[str, Any]:
    """What a checkpoint says of its run and its history."""
    header = archive.header(_STATE)
    if header.dtype.kind != "U" or header.shape:
        raise ValueError("its state is no text")
    # numpy keeps four bytes a character.
    text = str(archive.read(_STATE, 4 * MAX_JSON_BYTES)[()])
    state = parse_json(text.encode())
    if not isinstance(state, dict) or not isinstance(state.get("run"), dict):
        raise ValueError("its state names no run")
    return state


def _require_run(path: Path, state: dict[str, Any], run: dict[str, Any]) -> None:
    if json.loads(json.dumps(run)) != state["run"]:
        raise OptionError(
            f"{path} is of an interrupted run with other settings: repeat its recipe, epochs, "
            "seed and data to go on, or add --fresh to start anew"
        )


def _history(saved: object, epochs: int) -> History:
    """The history in a state: a number for each of as many epochs under each name."""
    if not isinstance(saved, dict) or sorted(saved) != sorted(COURSES):
        raise ValueError(f"its history is not one of {', '.join(COURSES)}")
    lengths = set()
    for name, course in saved.items():
        if not isinstance(course, list) or not all(map(_is_finite, course)):
            raise ValueError(f"its history of {name} is no list of numbers")
        if "accuracy" in name and not all(0 <= share <= 1 for share in course):
            raise ValueError(f"its history of {name} is not from 0 to 1")
        lengths.add(len(course))
    if len(lengths) > 1 or not 1 <= min(lengths) <= epochs:
        raise ValueError(f"its history is not of 1 to {epochs} epochs")
    return {name: [float(value) for value in saved[name]] for name in COURSES}


def _is_finite(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return number and math.isfinite(value)  # type: ignore[arg-type]  # a number here
    except OverflowError:  # a whole number beyond any float
        return False


def _arrays(archive: Npz, wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The saved variables, where each fits the one that it is for."""
    names = [f"arr_{number}" for number in range(len(wanted))]
    if sorted(archive.names) != sorted([*names, _STATE]):
        raise ValueError(f"expected {len(names)} variables in it, found {len(archive.names) - 1}")
    for name, like in zip(names, wanted, strict=True):
        header = archive.header(name)
        if (header.shape, header.dtype) != (like.shape, like.dtype):
            raise ValueError(
                f"expected a variable of shape {like.shape} and type {like.dtype} as {name}, "
                f"found {header.shape} {header.dtype}"
            )
    saved = [archive.read(name, like.nbytes) for name, like in zip(names, wanted, strict=True)]
    if not all(np.isfinite(array).all() for array in saved):
        raise ValueError("it holds values that are not finite")
    return saved


def _require_steps(saved: Sequence[np.ndarray], steps: int) -> None:
    """Refuse a state whose optimizer has counted other steps than its history has."""
    for array in saved:
        if array.dtype.kind in "iu" and not (array == steps).all():
            raise ValueError(f"its optimizer has not counted the {steps:,} steps of its history")
