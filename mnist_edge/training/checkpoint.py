"""The state of an unfinished training, in a file: written whole, read with care."""

import io
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.datasets.npz import Npz, open_npz
from mnist_edge.documents import from_json, to_json
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import MAX_JSON_BYTES, open_regular, parse_json, write_whole
from mnist_edge.training.history import History

_STATE = "state"
_log = logging.getLogger(__name__)


def save(
    path: Path, run: Mapping[str, Any], variables: Sequence[np.ndarray], history: History
) -> None:
    """Write the state after a whole epoch.

    Args:
        path: The file.
        run: What decides the training's result: stages, seed, data.
        variables: Of the model, then of the optimizer.
        history: Of all epochs up to then.

    Raises:
        OutputError: It cannot be written; an older one stays as it was.
    """
    buffer = io.BytesIO()
    state = json.dumps(to_json({"run": run, "history": history}))
    np.savez(buffer, *variables, state=np.array(state))
    write_whole(path, buffer.getvalue())


def require_same_run(path: Path, run: Mapping[str, Any]) -> None:
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
        from_json(History, state.get("history"))
    except ValueError:
        return
    _require_run(path, state, run)


def resume(
    path: Path,
    run: Mapping[str, Any],
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
            history = from_json(History, state.get("history"))
            _require_run(path, state, run)
            if not 1 <= history.epochs <= epochs:
                raise ValueError(f"its history is not of 1 to {epochs} epochs")
            saved = _arrays(archive, wanted)
        _require_steps(saved, history.epochs * steps_an_epoch)
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
            f"the checkpoint {path} cannot be read ({error.strerror or error}): "
            "add --no-resume to start anew"
        ) from error


def _state(archive: Npz) -> dict[str, Any]:
    """Return what a checkpoint records of its run and its history."""
    header = archive.header(_STATE)
    if header.dtype.kind != "U" or header.shape:
        raise ValueError("its state is no text")
    # numpy keeps four bytes a character.
    text = str(archive.read(_STATE, 4 * MAX_JSON_BYTES)[()])
    state = parse_json(text.encode())
    if not isinstance(state, dict) or not isinstance(state.get("run"), dict):
        raise ValueError("its state names no run")
    return state


def _require_run(path: Path, state: dict[str, Any], run: Mapping[str, Any]) -> None:
    if to_json(run) != state["run"]:
        raise OptionError(
            f"{path} is of an interrupted run with other settings: repeat its recipe, epochs, "
            "seed and data to go on, or add --no-resume to start anew"
        )


def _arrays(archive: Npz, wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the saved variables, where each fits the one that it is for."""
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
