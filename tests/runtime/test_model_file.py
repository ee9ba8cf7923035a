import contextlib
import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from mnist_edge import Predictor
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.model_spec import ModelSpec
from mnist_edge.runtime import model_file, shipped


def test_reads_what_onnx_reads(tiny_onnx: Path) -> None:
    ours, theirs = model_file.read(tiny_onnx), onnx.load(tiny_onnx)
    assert ours.ir_version == theirs.ir_version
    assert ours.opsets == {entry.domain: entry.version for entry in theirs.opset_import}
    assert ours.operators == tuple(node.op_type for node in theirs.graph.node)
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}
    assert ours.spec == ModelSpec("fp32")
    assert ours.input_shape == (784,)


def test_bytes_and_hash(tiny_onnx: Path) -> None:
    content = tiny_onnx.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert model_file.read(content, digest.upper()).content == content
    with pytest.raises(ModelError, match=f"expected SHA-256 {'0' * 64}, but .* has {digest}"):
        model_file.read(tiny_onnx, "0" * 64)


def test_the_shipped_model_is_the_default() -> None:
    assert Path(model_file.read().origin).name == shipped.DEFAULT_MODEL


def test_weights_in_another_file_are_refused(tiny_onnx: Path, tmp_path: Path) -> None:
    onnx.save(
        onnx.load(tiny_onnx), tmp_path / "split.onnx", save_as_external_data=True, size_threshold=0
    )
    with pytest.raises(ModelError, match="weights inside"):
        model_file.read(tmp_path / "split.onnx")


def test_weights_hidden_in_a_node_are_refused(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    outside = onnx.TensorProto(
        name="w", data_type=1, dims=[1], data_location=onnx.TensorProto.EXTERNAL
    )
    outside.external_data.add(key="location", value="weights.bin")
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["w"], value=outside))
    with pytest.raises(ModelError, match="found weights in a node"):
        model_file.read(model.SerializeToString())


def test_a_second_graph_is_refused(tiny_onnx: Path) -> None:
    """protobuf would merge the two, and onnxruntime run what was not looked at."""
    second = onnx.load(tiny_onnx)
    outside = onnx.TensorProto(
        name="w", data_type=1, dims=[1], data_location=onnx.TensorProto.EXTERNAL
    )
    hidden = onnx.ModelProto(graph=onnx.GraphProto(initializer=[outside]))
    for content in (
        second.SerializeToString() + hidden.SerializeToString(),
        hidden.SerializeToString() + second.SerializeToString(),
    ):
        with pytest.raises(ModelError, match=r"damaged|weights inside"):
            model_file.read(content)


def test_functions_and_sparse_weights_are_refused(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    model.functions.add(name="f")
    with pytest.raises(ModelError, match="functions"):
        model_file.read(model.SerializeToString())
    model = onnx.load(tiny_onnx)
    model.graph.sparse_initializer.add()
    with pytest.raises(ModelError, match="sparse"):
        model_file.read(model.SerializeToString())


def test_an_onnx_file_of_others_is_refused(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    del model.metadata_props[:]
    with pytest.raises(ModelError, match="made by 'mnist-edge export'"):
        model_file.read(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received an empty one"),
        (b"this is text, not a model", "found text in"),
        (b"\x89PNG\r\n\x1a\n", "is a picture: pass an .onnx file"),
        (b"\xff\xd8\xff\xe0", "is a picture: pass an .onnx file"),
        (b"RIFF....WEBP", "found text in"),
        (b"\x08\xff\xff", "damaged or something else"),
        (bytes(10), "holds no mnist-edge contract|damaged"),
        (b"\xff" * 50, "damaged"),
    ],
)
def test_what_is_no_model(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        model_file.read(content)


def test_every_truncation_is_refused_or_misses_only_metadata(tiny_onnx: Path) -> None:
    content = tiny_onnx.read_bytes()
    for cut in np.random.default_rng(0).integers(0, len(content), 300):
        with pytest.raises(ModelError):
            model_file.read(content[:cut])


def test_too_large_and_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model .*nowhere\.onnx: No such file"):
        model_file.read(tmp_path / "nowhere.onnx")
    with pytest.raises(ModelError, match="Is a directory"):
        model_file.read(tmp_path)
    monkeypatch.setattr(model_file, "MAX_MODEL_BYTES", 10)
    with pytest.raises(ModelError, match="larger"):
        model_file.read(b"12345678901")


def test_something_else_entirely() -> None:
    with pytest.raises(ModelError, match="as a path or bytes, received int"):
        model_file.read(3)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"null (byte|character)"):
        model_file.read("a\0b")
    with pytest.raises(OptionError, match="sha256 as a string"):
        model_file.read(b"x", sha256=5)  # type: ignore[arg-type]


def test_damaged_bytes_end_as_our_error(tiny_onnx: Path) -> None:
    content = bytearray(tiny_onnx.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(content)
        for position in rng.integers(0, 900, 3):
            damaged[position] = rng.integers(0, 256)
        with contextlib.suppress(ModelError):
            model_file.read(bytes(damaged))


def as_version_1(content: bytes) -> bytes:
    """Return a file's bytes as version 0.1 of mnist-edge wrote them."""
    model = onnx.load_model_from_string(content)
    del model.metadata_props[:]
    facts = {"contract": "1", "precision": "fp32", "input": "unit", "labels": "0,1,2,3,4,5,6,7,8,9"}
    onnx.helper.set_model_props(model, facts)
    unsealed = model.SerializeToString(deterministic=True)
    return unsealed + model_file.checksum_entry(
        hashlib.sha256(unsealed).hexdigest(), model_file.CHECKSUM_1
    )


def test_files_of_version_1_are_read_for_good(tiny_onnx: Path) -> None:
    old = as_version_1(tiny_onnx.read_bytes())
    assert (model_file.read(old).spec, model_file.read(old).intact) == (ModelSpec("fp32"), True)
    image = np.eye(28, dtype=bool)
    ours, theirs = Predictor(tiny_onnx).predict(image), Predictor(old).predict(image)
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)


def test_the_checksum_tells_a_file_that_was_changed(tiny_onnx: Path) -> None:
    content = tiny_onnx.read_bytes()
    assert model_file.read(content).intact is True
    model = onnx.load_model_from_string(content)
    model.graph.name = "changed"
    assert model_file.read(model.SerializeToString(deterministic=True)).intact is False
    entry = model.metadata_props.pop()
    assert entry.key == model_file.CHECKSUM
    assert model_file.read(model.SerializeToString()).intact is None


def test_a_text_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("no model\n")
    with pytest.raises(ModelError, match=r"expected an ONNX file, found text in \S+a\.onnx$"):
        model_file.read(tmp_path / "a.onnx")
    with pytest.raises(ModelError, match=r"is a Git LFS pointer \(git lfs pull fetches the file\)"):
        model_file.read(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")


@pytest.mark.parametrize("name", ["", "https://example.org/a.onnx"])
def test_a_name_that_is_no_path(name: str) -> None:
    with pytest.raises(
        OptionError, match=r"received an empty one|received the URL https://example"
    ):
        model_file.read(name)
