from pathlib import Path

import onnx
import pytest

from mnist_edge.errors import ModelError
from mnist_edge.export import metadata


def test_metadata_is_replaced_whole_and_the_checksum_stands_last(tiny_onnx: Path) -> None:
    model = metadata.parse(tiny_onnx.read_bytes())
    again = metadata.parse(metadata.with_metadata(model, {"a": "b"}))
    assert [entry.key for entry in again.metadata_props] == ["a", "checksum"]


def test_same_network_looks_past_the_proof_but_not_past_the_weights(tiny_onnx: Path) -> None:
    content = tiny_onnx.read_bytes()
    model = metadata.parse(content)
    next(entry for entry in model.metadata_props if entry.key == "accuracy").value = "0.5"
    assert metadata.same_network(content, metadata.serialized(model))
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]) * 2
    model.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(weight, model.graph.initializer[0].name)
    )
    assert not metadata.same_network(content, metadata.serialized(model))


def test_what_is_no_onnx_file() -> None:
    with pytest.raises(ModelError, match="expected an ONNX file"):
        metadata.parse(b"\xff\xff")
