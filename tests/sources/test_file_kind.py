"""Files of many kinds, by their first bytes."""

import io
import json
import pickle
import re
import zipfile

import h5py
import numpy as np
import onnx
import pytest
from onnx import helper

from mnist_edge.sources.file_kind import HDF5, KERAS, ONNX, recognise, refusal


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def hdf5() -> bytes:
    buffer = io.BytesIO()
    h5py.File(buffer, "w").close()
    return buffer.getvalue()


def onnx_file(**settings: object) -> bytes:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    content: bytes = helper.make_model(graph, **settings).SerializeToString()
    return content


def field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer, shorter than 16 KiB."""
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + content


NODE = field(1, field(1, b"dense/MatMul") + field(2, b"MatMul"))
META_GRAPH = field(2, field(1, field(1, b"x" * 100) + field(2, bytes(200))))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped("config.json", "model.weights.h5", "metadata.json"), KERAS),
        (zipped("config.json"), KERAS),
        (hdf5(), HDF5),
        (onnx_file(), ONNX),
        (onnx_file(producer_name="pytorch", ir_version=3), ONNX),
        (onnx.ModelProto(producer_name="x", ir_version=8).SerializeToString(), ONNX),
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "lfs"),
        (b"\x1c\0\0\0TFL3" + bytes(64), "tflite"),
        (b"\x08\x01" + META_GRAPH, "saved_model"),
        (NODE, "graph"),
        (pickle.dumps({"a": np.ones(3)}), "pickle"),
        (pickle.dumps({"a": 3}, protocol=2), "pickle"),
        (zipped("model/data.pkl", "model/data/0"), "pytorch"),
        (zipped("archive/constants.pkl"), "pytorch"),
        (json.dumps({"cells": [], "nbformat": 4}).encode(), "notebook"),
        (json.dumps({"class_name": "Sequential", "config": {}}).encode(), "architecture"),
        (b"\n<!DOCTYPE html>\n<html>", "web page"),
        (zipped("x.npy"), "zip"),
        (zipped("config.json")[:40], "cut zip"),
        (b"\x1f\x8b\x08\0", "packed"),
        (b"import keras\n", "text"),
        (b"epoch,loss\r\n1,\t0.5\r\n", "text"),
        (b"\x08\x08" + bytes(64), "else"),
        (bytes(100), "else"),
    ],
)
def test_what_a_file_is(content: bytes, kind: str) -> None:
    assert recognise(content) == kind


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("lfs", "git lfs pull"),
        ("empty", "fetch or save it again"),
        ("tflite", "python -m tf2onnx.convert --tflite FILE --output model.onnx"),
        ("saved_model", "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"),
        ("graph", "python -m tf2onnx.convert --graphdef FILE"),
        ("pickle", r"model\.save\('model\.keras'\)"),
        ("pytorch", r"torch\.onnx\.export\(model, image, 'model\.onnx'"),
        ("notebook", "run it"),
        ("architecture", "keras.models.model_from_json"),
        ("text", r"save it with model\.save\('model\.keras'\)"),
        ("else", "something else"),
    ],
)
def test_each_sentence_gives_advice(kind: str, advice: str) -> None:
    sentence = refusal(kind, "x.bin", "a Keras model")
    assert sentence.startswith("expected a Keras model, but x.bin is ")
    assert re.search(advice, sentence)
