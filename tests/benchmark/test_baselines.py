"""What is made of Keras models of any shape, and that it answers as they do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.benchmark import baselines, inputs
from mnist_edge.benchmark.adapters import classes
from mnist_edge.benchmark.baselines import MADE, NUMPY_FILE, Made, Task, litert_file
from mnist_edge.benchmark.runtimes import RUNTIMES
from mnist_edge.benchmark.setup import Candidate, Setup
from mnist_edge.errors import ModelError
from mnist_edge.model_spec import UNIT_PIXELS, InputSpec, TrainedScaling
from tests.models import COLOUR, FEATURES

pytestmark = [
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]

Layers = keras.layers


def dense(shape: tuple[int, ...], units: int, head: str) -> Any:
    """A small stack of dense layers, with weights that decide by a margin."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input(shape), Layers.Flatten(), Layers.Dense(16, "relu"), Layers.Dropout(0.2)]
    return keras.Sequential([*layers, Layers.Dense(units, head)])


def convolutional() -> Any:
    keras.utils.set_random_seed(1)
    layers = [keras.Input((32, 32, 3)), Layers.Conv2D(4, 3, activation="relu")]
    layers += [Layers.MaxPooling2D(4), Layers.Flatten(), Layers.Dense(5, "softmax")]
    return keras.Sequential(layers)


def made(
    model: Any, folder: Path, spec: InputSpec | None, scaling: TrainedScaling, ending: str = "keras"
) -> Made:
    path = folder / f"net.{ending}"
    model.save(path)
    images = inputs.made(spec or UNIT_PIXELS)
    return baselines.convert(Task(path, folder, MADE, spec, scaling, images))


def candidate(
    runtime: str, folder: Path, name: str, spec: InputSpec, scaling: TrainedScaling
) -> Candidate:
    setup = Setup(runtime, "", "net.keras", "fp32", 1)
    return Candidate(setup, str(folder / name), all_threads=False, input=spec, scaling=scaling)


MODELS = {
    "colour, convolutions": (convolutional, COLOUR, TrainedScaling()),
    "three classes of features": (lambda: dense((4,), 3, "softmax"), FEATURES, TrainedScaling()),
    "two classes by one sigmoid": (lambda: dense((4,), 1, "sigmoid"), FEATURES, TrainedScaling()),
    "pixels in -1..1": (
        lambda: dense((28, 28, 1), 10, "softmax"),
        UNIT_PIXELS,
        TrainedScaling("-1..1"),
    ),
    "dark pixels in 0..255": (
        lambda: dense((784,), 26, "linear"),
        UNIT_PIXELS,
        TrainedScaling("0..255", inverted=True),
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_each_answers_as_keras(kind: str, tmp_path: Path) -> None:
    build, spec, scaling = MODELS[kind]
    model = build()
    ending = "h5" if spec is FEATURES else "keras"
    found = made(model, tmp_path, spec, scaling, ending)
    assert found.failed == {}
    assert found.shape == model.input_shape[1:]
    assert found.outputs == model.output_shape[-1]
    images = inputs.made(spec)[:200]
    scaled = inputs.scaler(spec, scaling)(images).reshape(-1, *model.input_shape[1:])
    scores = np.asarray(model(scaled, training=False))
    expected = scores[:, 0] > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)
    names = {litert_file("fp32"): 0.0, litert_file("int8-dynamic"): 0.05, litert_file("int8"): 0.1}
    if NUMPY_FILE not in found.unsuited:
        names[NUMPY_FILE] = 0.0
    assert (NUMPY_FILE in found.unsuited) == (kind == "colour, convolutions")
    for name, allowed in names.items():
        runtime = "numpy" if name == NUMPY_FILE else "litert"
        opened = RUNTIMES[runtime].open(candidate(runtime, tmp_path, name, spec, scaling))
        assert (classes(opened, images, 64) != expected).mean() <= allowed, name
        assert np.mean([opened.read(1)(image) for image in images[:20]] != expected[:20]) <= 0.15
        opened.bare(3)()


def test_only_relu_networks_are_done_in_numpy(tmp_path: Path) -> None:
    layers = [Layers.Dense(4, "tanh"), Layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((784,)), *layers])
    found = made(model, tmp_path, UNIT_PIXELS, TrainedScaling())
    assert "only a plain stack of Dense relu layers is done in numpy" in found.unsuited[NUMPY_FILE]
    assert found.failed == {}
    assert (tmp_path / litert_file("fp32")).exists()


def test_a_model_that_was_not_exported_is_calibrated_by_its_own_shape(tmp_path: Path) -> None:
    found = made(convolutional(), tmp_path, None, TrainedScaling())
    assert found.failed == {}
    assert found.shape == (32, 32, 3)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(b"no model")
    task = Task(path, tmp_path, MADE, UNIT_PIXELS, TrainedScaling(), inputs.made(UNIT_PIXELS))
    with pytest.raises(ModelError, match=r"x\.keras"):
        baselines.convert(task)
