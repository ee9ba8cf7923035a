"""The state of an unfinished training, in a file: written whole, read with care."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.errors import ModelError, OptionError
from mnist_edge.files import write_whole

History = dict[str, list[float]]
"""One number an epoch under each of loss (with a teacher, the distance from it), accuracy, val_loss, val_accuracy."""


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


def resume(path: Path, run: dict[str, Any], variables: Sequence[Any] = ()) -> History:
    """Assigns a saved state to ``variables`` (Keras' or TensorFlow's) and returns its history.

    Args:
        path: The file.
        run: As it was given to ``save``.
        variables: What to assign to; nothing to see only whether the file could be gone on from.

    Raises:
        OptionError: It is of another run.
        ModelError: It cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            state = json.loads(str(archive["state"]))
            if json.loads(json.dumps(run)) != state["run"]:
                raise OptionError(
                    f"{path} is of an interrupted run with other settings: repeat its recipe, epochs, "
                    "seed and data to go on, or add --fresh to start anew"
                )
            for number, variable in enumerate(variables):
                variable.assign(archive[f"arr_{number}"])
            history: History = state["history"]
    except OptionError:
        raise
    except Exception as error:  # numpy, zipfile and json raise many kinds for a damaged file
        raise ModelError(f"the checkpoint {path} cannot be read: add --fresh to start anew") from error
    return history
