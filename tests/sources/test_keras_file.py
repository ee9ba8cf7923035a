"""A .keras file, from its bytes to a model; its configuration is in test_configuration.py."""

import io
import json
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError
from mnist_edge.sources import keras_file
from mnist_edge.sources.keras_file import facts, from_bytes, read_keras, reload, require_loadable
from mnist_edge.training import network

layers = keras.layers

Members = dict[str, bytes]
Run = Callable[..., str]


def saved(model: keras.Model) -> bytes:
    return network.to_bytes(model, {})


def quantized_by_keras() -> keras.Model:
    model = keras.Sequential([keras.Input((784,)), layers.Dense(10, "softmax")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    return model


def too_large() -> keras.Model:
    return keras.Sequential(
        [keras.Input((784,)), layers.Dense(22_000), layers.Dense(10, "softmax")]
    )


def code() -> keras.Model:
    return keras.Sequential(
        [keras.Input((784,)), layers.Lambda(lambda x: x), layers.Dense(10, "softmax")]
    )


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (quantized_by_keras, "quantized by Keras: export the model that it was made from"),
        (too_large, "cannot open x: expected at most 16,777,216 weights, found 17,490,010"),
        (code, "a Lambda layer, which runs code of its own"),
    ],
)
def test_what_is_not_taken_is_refused(make: Callable[[], keras.Model], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        from_bytes(saved(make()), "x")


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_training_is_refused(value: float) -> None:
    model = network.build((8,), 0)
    weights = model.get_weights()
    weights[0][3, 3] = value
    model.set_weights(weights)
    with pytest.raises(ModelError, match="expected finite weights"):
        from_bytes(saved(model), "x")


@pytest.mark.parametrize("where", ["layer", "activation"])
def test_modules_that_are_not_keras_own_are_never_imported(where: str) -> None:
    """Under an innocent class name, and nested where Keras would look for it."""
    evil = {
        "module": "os",
        "class_name": "Dense",
        "config": {"name": "evil"},
        "registered_name": None,
    }

    def change(members: Members) -> None:
        config = json.loads(members["config.json"])
        layer = config["config"]["layers"][1]
        if where == "layer":
            layer["module"] = "os"
        else:
            layer["config"]["activation"] = evil
        members["config.json"] = json.dumps(config).encode()

    with pytest.raises(ModelError, match="of Keras' own, found something of 'os'"):
        from_bytes(rewritten(change), "x")


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -100, -1])
def test_truncated_files_are_refused(cut: int) -> None:
    with pytest.raises(ModelError, match="x"):
        from_bytes(saved(network.build((8,), 1))[:cut], "x")


def rewritten(change: Callable[[Members], None]) -> bytes:
    """A small network's file with some of its members changed."""
    with zipfile.ZipFile(io.BytesIO(saved(network.build((8,), 1)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"class_name": "Sequential"}',
        b'{"class_name": "Functional", "config": '
        b'{"layers": [{"class_name": "Dense", "config": 3}]}}',
        b'{"class_name": "Sequential", "config": {"layers": [3]}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"class_name": "Sequential", "config": {"layers": [], "rate": NaN}}',
        b'{"class_name": "Sequential", "config": {"layers": [], "rate": 1e999}}',
        b'{"class_name": "Sequential", "config": {"layers": [], "name": "\\ud800"}}',
        b'{"class_name": "Sequential", "config": {"layers": [], "units": ' + b"9" * 10_000 + b"}}",
        b'{"class_name": "\\u001b[2J"}',
    ],
)
def test_odd_configurations_are_refused(config: bytes) -> None:
    with pytest.raises(ModelError) as error:
        from_bytes(rewritten(lambda members: members.update({"config.json": config})), "x")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot load x"):
        from_bytes(
            rewritten(lambda members: members.update({"model.weights.h5": b"no weights"})), "x"
        )


BOMB = bytes(2**26)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "'config.json' unpacks to more than 4,194,304 bytes"),
        ("metadata.json", "'metadata.json' unpacks to more than 4,194,304 bytes"),
        ("model.weights.h5", r"'model\.weights\.h5' unpacks to more than 1\d,\d{3},\d{3} bytes"),
    ],
)
def test_a_zip_bomb_is_not_unpacked(name: str, message: str) -> None:
    content = rewritten(lambda members: members.update({name: BOMB}))
    for lie in (content, claiming(content, name, 100)):
        tracemalloc.start()
        with pytest.raises(ModelError, match=message if lie is content else f"{name}' is damaged"):
            require_loadable(lie, "x")
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**24
        tracemalloc.stop()


def claiming(content: bytes, name: str, size: int) -> bytes:
    """``content`` with another size for one of its members in the archive's directory."""
    entry = content.rindex(name.encode()) - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    return content[: entry + 24] + struct.pack("<I", size) + content[entry + 28 :]


def test_an_archive_that_says_it_is_too_large_is_refused() -> None:
    content = rewritten(lambda members: members.update({"assets/bomb": b"x"}))
    with pytest.raises(ModelError, match="unpacks to more than 384 MiB"):
        require_loadable(claiming(content, "assets/bomb", 2**30), "x")


def test_what_no_layer_needs_is_not_unpacked() -> None:
    content = claiming(
        rewritten(lambda members: members.update({"assets/bomb": BOMB})), "assets/bomb", 1
    )
    tracemalloc.start()
    require_loadable(content, "x")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_other_zip_files_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(ModelError, match="x is a zip archive without a Keras model: unpack it"):
        from_bytes(buffer.getvalue(), "x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*nowhere\.keras: No such file"):
        read_keras(tmp_path / "nowhere.keras")


def test_a_file_beyond_reason_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.keras"
    path.write_bytes(bytes(1001))
    monkeypatch.setattr(keras_file, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ModelError, match=r"large\.keras: it has more than 1,000 bytes"):
        read_keras(path)


def test_facts_are_read_within_bounds() -> None:
    content = network.to_bytes(network.build((8,), 1), {"recipe": "test"})
    assert facts(content) == {"recipe": "test"}
    for metadata in (
        b"",
        b"[]",
        b"3",
        b'{"mnist_edge": []}',
        b"[" * 10**5,
        b" " * 2**23,
        b'{"mnist_edge": {"a": NaN}}',
    ):
        changes = {"metadata.json": metadata}
        assert facts(rewritten(lambda members, changes=changes: members.update(changes))) == {}
    assert facts(b"no archive") == {}


def encrypted(name: str) -> bytes:
    content = rewritten(lambda _: None)
    flags = content.rindex(name.encode()) - 46 + 8
    return content[:flags] + b"\x01" + content[flags + 1 :]


def with_units(units: int) -> bytes:
    def change(members: Members) -> None:
        config = json.loads(members["config.json"])
        config["config"]["layers"][1]["config"]["units"] = units
        members["config.json"] = json.dumps(config).encode()

    return rewritten(change)


def with_weights(fill: Callable[[h5py.File], object]) -> bytes:
    def change(members: Members) -> None:
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            fill(file)
        members["model.weights.h5"] = buffer.getvalue()

    return rewritten(change)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: encrypted("config.json"), "'config.json' is encrypted"),
        (lambda: encrypted("metadata.json"), "'metadata.json' is encrypted"),
        (lambda: encrypted("model.weights.h5"), "'model.weights.h5' is encrypted"),
        (lambda: with_units(10**9), "expected whole numbers up to 65,536"),
        (lambda: with_units(65_536), "expected at most 16,777,216 weights"),
        (
            lambda: with_weights(
                lambda file: file.__setitem__("a", h5py.ExternalLink("b.h5", "/a"))
            ),
            "lead elsewhere",
        ),
        (
            lambda: with_weights(
                lambda file: file.create_dataset("a", (2**40,), "f4", chunks=True)
            ),
            "bytes of numbers",
        ),
    ],
)
def test_export_ends_with_a_sentence(
    make: Callable[[], bytes],
    message: str,
    tmp_path: Path,
    refused: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "x.keras").write_bytes(make())
    assert message in refused(
        "export", tmp_path / "x.keras", "--out-dir", tmp_path / "out", "--no-verify"
    )
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_verify_opens_no_file_of_another_hash(
    tiny_onnx: Path, tmp_path: Path, refused: Run
) -> None:
    (tmp_path / "x.keras").write_bytes(with_units(10**9))
    assert "x.keras is another: name its own with --reference" in refused(
        "verify", tiny_onnx, "--reference", tmp_path / "x.keras", "--data", "sample"
    )


def test_a_file_is_refused_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(with_units(10**9))
    code = (
        "import sys; from pathlib import Path; from mnist_edge.errors import ModelError\n"
        "from mnist_edge.sources.keras_file import from_bytes\n"
        "try: from_bytes(Path(sys.argv[1]).read_bytes(), 'x')\n"
        "except ModelError: print({'tensorflow', 'keras', 'h5py'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_a_model_is_the_same_as_keras_loads_it(tmp_path: Path) -> None:
    """Functional, with names, dropout and a softmax of its own, and the settings of a training."""
    image = keras.Input((28, 28, 1), name="picture")
    hidden = layers.Dense(16, keras.layers.LeakyReLU(0.2), kernel_regularizer="l2", name="first")(
        layers.Flatten()(image)
    )
    hidden = layers.Dense(12, "gelu", use_bias=False, kernel_initializer="he_normal")(
        layers.Dropout(0.5)(hidden)
    )
    model = keras.Model(image, layers.Softmax()(layers.Dense(10)(layers.ReLU(6)(hidden))))
    model.compile("adam", "sparse_categorical_crossentropy")
    picture = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    model.fit(picture, np.arange(5), verbose=0)
    model.save(tmp_path / "model.keras")
    content = read_keras(tmp_path / "model.keras")
    wanted = model(picture, training=False)
    for loaded in (from_bytes(content, "x"), reload(content, "x")):
        np.testing.assert_array_equal(loaded(picture, training=False), wanted)
        assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
