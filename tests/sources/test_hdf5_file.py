"""HDF5 files of whole models, of weights alone, and hostile ones; most of what they hold is in
test_keras_2.py."""

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mnist_edge.errors import ModelError
from mnist_edge.sources.hdf5_file import read
from mnist_edge.sources.keras_file import facts, from_bytes
from mnist_edge.sources.settings import SettingError
from tests.sources.keras_2 import hdf5, layer, sequential
from tests.sources.models import rows, save

CONFIG = sequential([layer("Dense", "dense", units=3, batch_input_shape=[None, 4])])
KERNEL = np.ones((4, 3), np.float32)
BIAS = np.arange(3, dtype=np.float64)
WEIGHTS = {"dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS}}


@pytest.mark.parametrize(("parts", "texts"), [(1, False), (2, True)])
def test_the_configuration_and_the_weights(parts: int, texts: bool) -> None:
    header, arrays = read(hdf5(CONFIG, WEIGHTS, "2.2.4", parts=parts, texts=texts))
    assert header["version"] == "2.2.4"
    assert '"units": 3' in header["config"]
    assert header["layers"] == [["dense", ["dense/kernel:0", "dense/bias:0"]]]
    np.testing.assert_array_equal(arrays[0], KERNEL)
    np.testing.assert_array_equal(arrays[1], BIAS)


def changed(change: Callable[[h5py.File], object]) -> bytes:
    buffer = io.BytesIO(hdf5(CONFIG, WEIGHTS))
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def replaced(make: Callable[[h5py.Group], object]) -> bytes:
    """A file in which the kernel is something else."""

    def change(file: h5py.File) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        make(group)

    return changed(change)


def renamed(name: str) -> bytes:
    def change(file: h5py.File) -> None:
        file["secret"] = KERNEL
        file["model_weights/dense"].attrs["weight_names"] = [name]

    return changed(change)


def without_weights(file: h5py.File) -> None:
    del file["model_weights"]


def linked_group(file: h5py.File) -> None:
    file.move("model_weights", "elsewhere")
    file["model_weights"] = h5py.SoftLink("/elsewhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (replaced(lambda group: group.create_dataset("kernel:0", (2**30,), "f4")), "bytes of numb"),
        (
            replaced(lambda group: group.create_dataset("kernel:0", (17_000_000,), "u1")),
            "at most 16,",
        ),
        (
            replaced(lambda group: group.__setitem__("kernel:0", h5py.ExternalLink("b.h5", "/a"))),
            "links that lead elsewhere",
        ),
        (
            replaced(lambda group: group.__setitem__("kernel:0", h5py.SoftLink("/secret"))),
            "links that lead elsewhere",
        ),
        (
            replaced(
                lambda group: group.create_dataset(
                    "kernel:0", (4, 3), "f4", external=[("a", 0, 48)]
                )
            ),
            "numbers in other files",
        ),
        (replaced(lambda group: group.__setitem__("kernel:0", "text")), "else than numbers"),
        (replaced(lambda _: None), "under the name 'dense/kernel:0', found none"),
        (renamed("/secret"), "under the name '/secret', found none"),
        (renamed("../secret"), "found none"),
        (changed(without_weights), "expected a model with its weights, found none"),
        (changed(linked_group), "expected a model with its weights, found none"),
        (
            changed(lambda file: file.attrs.__setitem__("model_config", "x" * 2**23)),
            "configuration of at most",
        ),
    ],
)
def test_what_is_more_than_a_model_and_its_weights(content: bytes, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        read(content)


def old_weights(file: h5py.File) -> None:
    file.attrs["layer_names"] = [b"dense"]


@pytest.mark.parametrize("ending", ["weights.h5", "h5"])
def test_weights_alone(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{ending}"
    if ending == "h5":  # as Keras 2 wrote them
        with h5py.File(path, "w") as file:
            old_weights(file)
    else:
        rows().save_weights(path)
    with pytest.raises(
        SettingError, match=r"found weights alone .*model\.load_weights on this file"
    ):
        read(path.read_bytes())


def test_the_advice_for_weights_alone_works(tmp_path: Path) -> None:
    rows().save_weights(tmp_path / "a.weights.h5")
    model = rows()
    model.load_weights(tmp_path / "a.weights.h5")
    content = save(model, tmp_path / "model.keras").read_bytes()
    assert from_bytes(content, "x").count_params() == model.count_params()


def test_another_hdf5_file() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["x"] = [1]
    with pytest.raises(SettingError, match="an HDF5 file of something else"):
        read(buffer.getvalue())


def test_a_child_reads_it_and_a_damaged_file_is_a_sentence() -> None:
    content = hdf5(CONFIG, WEIGHTS)
    assert from_bytes(content, "x").output_shape == (None, 3)
    assert facts(content) == {}
    for damaged in (content[:1000], content[:8] + bytes(len(content) - 8)):
        with pytest.raises(
            ModelError, match=r"^expected a Keras model, but x is damaged or cut off"
        ):
            from_bytes(damaged, "x")
    with pytest.raises(ModelError, match=r"^cannot open x: expected plain weights, .* links"):
        from_bytes(
            changed(lambda file: file["model_weights"].__setitem__("a", h5py.SoftLink("/"))), "x"
        )
    wrong = hdf5(CONFIG, WEIGHTS).replace(
        b'{"class_name": "Sequential"', b'["class_name": "Sequential"'
    )
    with pytest.raises(ModelError, match="damaged or cut off: it is not JSON"):
        from_bytes(wrong, "x")
