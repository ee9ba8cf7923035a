"""A checkpoint that is damaged in its file or its meaning is as none; another run's is refused."""

import io
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset
from mnist_edge.documents import from_json
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.training import checkpoint, fit, stages
from mnist_edge.training.history import History
from mnist_edge.training.manifest import checkpoint_path
from mnist_edge.training.recipes import Recipe, Stage

RUN = {"stages": [{"name": "tiny", "widths": [4]}], "seed": 3, "data": "fingerprint"}
HISTORY = {"loss": [2.5, 2], "accuracy": [0.1, 0.2], "val_loss": [2.0, 1.5], "val_accuracy": [0, 1]}
STEPS = 7


class Variable:
    """As much of Keras' and TensorFlow's as a checkpoint needs."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value

    def numpy(self) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value.copy()


def saved() -> dict[str, Any]:
    return {
        "arr_0": np.arange(12, dtype=np.float32).reshape(3, 4),
        "arr_1": np.array(2 * STEPS, np.int64),
        "arr_2": np.ones(4, np.float32),
    }


def blank() -> list[Variable]:
    return [Variable(np.zeros_like(array)) for array in saved().values()]


def write(path: Path, arrays: dict[str, Any], state: Any) -> Path:
    buffer = io.BytesIO()
    text = state if isinstance(state, str) else json.dumps(state)
    np.savez(buffer, **arrays, state=np.array(text))
    path.write_bytes(buffer.getvalue())
    return path


def resume(path: Path, variables: list[Variable]) -> History | None:
    return checkpoint.resume(path, RUN, variables, epochs=3, steps_an_epoch=STEPS)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path, variables = tmp_path / "state", blank()
    history = from_json(History, HISTORY)
    checkpoint.save(path, RUN, list(saved().values()), history)
    assert resume(path, variables) == history
    for variable, array in zip(variables, saved().values(), strict=True):
        np.testing.assert_array_equal(variable.value, array)
    assert resume(tmp_path / "nowhere", variables) is None


def test_a_course_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write(path, saved(), {"run": RUN, "history": HISTORY | {"rate": [0.1, 0.2]}})
    assert resume(path, blank()) == from_json(History, HISTORY)


def other_history(**changes: Any) -> Callable[[Path], object]:
    history: dict[str, Any] = HISTORY | changes
    return lambda path: write(path, saved(), {"run": RUN, "history": history})


def other_state(state: Any) -> Callable[[Path], object]:
    return lambda path: write(path, saved(), state)


def other_arrays(**changes: Any) -> Callable[[Path], object]:
    arrays = {name: array for name, array in (saved() | changes).items() if array is not None}
    return lambda path: write(path, arrays, {"run": RUN, "history": HISTORY})


def content(text: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text)


def cut(path: Path) -> None:
    write(path, saved(), {"run": RUN, "history": HISTORY})
    path.write_bytes(path.read_bytes()[:-200])


def flipped(path: Path) -> None:
    write(path, saved(), {"run": RUN, "history": HISTORY})
    whole = bytearray(path.read_bytes())
    whole[150] ^= 1
    path.write_bytes(whole)


def state_of_numbers(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **saved(), state=np.zeros(3))


DAMAGED = {
    "empty": content(b""),
    "cut off": content(b"cut off"),
    "cut": cut,
    "flipped": flipped,
    "state of numbers": state_of_numbers,
    "state no json": other_state("{"),
    "state deep": other_state("[" * 100_000),
    "state NaN": other_state('{"run": {}, "history": NaN}'),
    "state surrogate": other_state('{"run": {"name": "\\ud800"}}'),
    "state null": other_state(None),
    "state list": other_state([]),
    "run null": other_state({"run": None, "history": HISTORY}),
    "no run": other_state({"history": HISTORY}),
    "no history": other_state({"run": RUN}),
    "history null": other_state({"run": RUN, "history": None}),
    "history list": other_state({"run": RUN, "history": [1]}),
    "history empty": other_state({"run": RUN, "history": {}}),
    "history without val": other_state(
        {"run": RUN, "history": {"loss": [1, 1], "accuracy": [1, 1]}}
    ),
    "course null": other_history(val_loss=None),
    "course of text": other_history(loss=["1", "2"]),
    "course of truth": other_history(loss=[True, True]),
    "course beyond floats": other_history(loss=[10**400, 1]),
    "course shorter": other_history(loss=[1.0]),
    "no epochs": other_history(**{name: [] for name in HISTORY}),
    "too many epochs": other_history(**{name: [1.0] * 4 for name in HISTORY}),
    "other epochs": other_history(**{name: [1.0] for name in HISTORY}),
    "accuracy of 2": other_history(accuracy=[0.1, 2.0]),
    "array missing": other_arrays(arr_1=None),
    "array too many": other_arrays(arr_3=np.zeros(3)),
    "shape": other_arrays(arr_0=np.zeros((4, 3), np.float32)),
    "shape of none": other_arrays(arr_2=np.zeros(0, np.float32)),
    "dtype": other_arrays(arr_0=np.zeros((3, 4))),
    "int for float": other_arrays(arr_2=np.ones(4, np.int32)),
    "NaN": other_arrays(arr_2=np.full(4, np.nan, np.float32)),
    "infinity": other_arrays(arr_0=np.full((3, 4), np.inf, np.float32)),
    "pickle": other_arrays(arr_2=np.array([{}], object)),
    "steps": other_arrays(arr_1=np.array(5, np.int64)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_as_none(
    damage: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, variables = tmp_path / "state", blank()
    damage(path)
    before = path.read_bytes()
    checkpoint.require_same_run(path, RUN)
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        assert resume(path, variables) is None
    (record,) = caplog.records
    assert record.getMessage().startswith(f"the checkpoint {path} is damaged: training starts anew")
    assert path.read_bytes() == before
    assert not any(variable.value.any() for variable in variables), "some were assigned to"


@pytest.mark.parametrize("changes", [{"seed": 4}, {"stages": []}, {"more": 1}], ids=str)
def test_another_runs_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path, variables = tmp_path / "state", blank()
    write(path, saved(), {"run": RUN | changes, "history": HISTORY})
    for refused in (
        lambda: checkpoint.require_same_run(path, RUN),
        lambda: resume(path, variables),
    ):
        with pytest.raises(OptionError, match=r"other settings.*--no-resume"):
            refused()


def test_a_damaged_one_is_damaged_whatever_its_run(tmp_path: Path) -> None:
    path, variables = tmp_path / "state", blank()
    write(path, saved(), {"run": RUN | {"seed": 4}, "history": None})
    checkpoint.require_same_run(path, RUN)
    assert resume(path, variables) is None


def test_what_cannot_be_opened_is_not_taken_for_damaged(tmp_path: Path) -> None:
    """It may be whole: hours of work that are not to be written over."""
    os.mkfifo(tmp_path / "state")
    for place in (tmp_path, tmp_path / "state"):
        with pytest.raises(ModelError, match=r"cannot be read \(.*\): add --no-resume"):
            resume(place, blank())
        with pytest.raises(ModelError, match="add --no-resume"):
            checkpoint.require_same_run(place, RUN)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


@pytest.mark.parametrize("optimizer", ["rmsprop", "adamw"])
def test_a_training_ends_as_without_the_damaged_one(
    optimizer: Any, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe("tiny", (Stage("tiny", (8,), 3, 128, 1e-3, optimizer=optimizer),))
    whole = stages.train(recipe, tiny, tmp_path / "whole.keras")
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", 0.0)
    out = tmp_path / "net.keras"
    state = checkpoint_path(out)

    def stop(_: Stage, history: History) -> None:
        if history.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.train(recipe, tiny, out, on_epoch=stop)
    with np.load(state) as archive:
        arrays = {name: archive[name] for name in archive.files}
    text = json.loads(str(arrays.pop("state")))
    last = f"arr_{len(arrays) - 1}"
    arrays[last] = arrays[last] * np.float32(np.nan)
    write(state, arrays, text)
    assert stages.train(recipe, tiny, out).network.sha256 == whole.network.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.keras",
        "net.keras.json",
        "whole.keras",
        "whole.keras.json",
    ]


def test_on_the_command_line(run: Callable[..., Any], tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.keras"
    checkpoint_path(out).write_bytes(b"cut off")
    options = ("--recipe", "article", "--epochs", 1, "--data", tiny_data, "--out", out, "--json")
    done = run("train", *options)
    assert done.code == 0
    assert done.json["recipe"]["stages"][0]["epochs"] == 1
    assert done.err.count(f"mnist-edge: the checkpoint {checkpoint_path(out)} is damaged") == 1
    assert not checkpoint_path(out).exists()


def test_one_of_the_layout_before_stages_is_of_another_run(
    refused: Callable[..., str], tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.keras"
    old = {"recipe": {"name": "article", "widths": [512, 512]}, "seed": 0, "data": "fingerprint"}
    write(checkpoint_path(out), saved(), {"run": old, "history": HISTORY})
    sentence = refused("train", "--recipe", "article", "--data", tiny_data, "--out", out)
    assert "of an interrupted run with other settings" in sentence
    assert "--no-resume" in sentence
