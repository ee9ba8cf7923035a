"""Files of others: what is made for them, and how they are opened."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from mnist_edge.benchmark import foreign
from mnist_edge.benchmark.runtimes import RUNTIMES
from mnist_edge.benchmark.setup import Candidate, Setup
from mnist_edge.runtime import model_file
from mnist_edge.runtime.foreign_file import ForeignFile, Tensor
from tests import models


def candidate(path: Path, api: str = foreign.DEFAULTS) -> Candidate:
    file = model_file.read_any(path)
    assert isinstance(file, ForeignFile)
    return Candidate(
        Setup("onnxruntime", api, str(path), "", 1), str(path), all_threads=False, feeds=file.inputs
    )


@pytest.mark.parametrize("api", foreign.APIS)
@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16])
def test_it_is_run_on_input_of_its_shape_and_type(tmp_path: Path, api: str, dtype: int) -> None:
    path = models.write(models.foreign(("N", 3, 8, 8), 5, 192, dtype), tmp_path / "m.onnx")
    opened = RUNTIMES["onnxruntime"].open(candidate(path, api))
    for batch in (1, 4):
        (answer,) = opened.read(batch)(np.zeros(1))  # it makes its own
        assert answer.shape == (batch, 5)
        (again,) = opened.bare(batch)()
        np.testing.assert_array_equal(answer, again)
    assert np.ptp(answer[0]) > 0


def test_it_may_take_several_inputs(tmp_path: Path) -> None:
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("a", "b", "c")
    ]
    nodes = [helper.make_node("Add", ["a", "b"], ["c"])]
    graph = helper.make_graph(nodes, "sum", values[:2], values[2:])
    opsets = [helper.make_opsetid("", 17)]
    path = models.write(
        helper.make_model(graph, ir_version=8, opset_imports=opsets), tmp_path / "sum.onnx"
    )
    opened = foreign.opened(candidate(path))
    assert opened.read(3)(np.zeros(1))[0].shape == (3, 2)


@pytest.mark.parametrize(
    ("shapes", "batch"),
    [
        ([(None, 3)], None),
        ([(1, 1, 28, 28)], 1),
        ([(32, 784)], 32),
        ([(None, 3), (7,)], None),
        ([()], 1),
    ],
)
def test_how_many_images_a_call_it_takes(
    shapes: list[tuple[int | None, ...]], batch: int | None
) -> None:
    feeds = [Tensor(f"x{number}", "float32", shape) for number, shape in enumerate(shapes)]
    assert foreign.fixed_batch(feeds) == batch


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("x", "string", (None, 1)), "its input x has the type string, of which none are"),
        (Tensor("x", None, None), "its input x has the type None"),
        (Tensor("x", "float32", None), "no fixed shape but for the batch: export it with one"),
        (Tensor("x", "float32", (None, 3, None, None)), "no fixed shape but for the batch"),
        (Tensor("x", "float32", (1, 2**13, 2**13)), "its input x has 67,108,864 numbers an image"),
    ],
)
def test_what_cannot_be_measured(tensor: Tensor, message: str) -> None:
    fine = Tensor("y", "int64", (None, 4))
    file = ForeignFile("m.onnx", 1, "", "", 8, {"": 17}, (), (fine, tensor), (), False, None)
    assert message in (foreign.limitation(file) or "")


def test_a_file_without_inputs_or_without_weights_cannot_be_measured() -> None:
    file = ForeignFile("m.onnx", 1, "", "", 8, {"": 17}, (), (), (), False, None)
    assert foreign.limitation(file) == "it has no input"
    outside = replace(file, inputs=(Tensor("x", "uint8", (1, 2)),), external_weights=True)
    assert "weights lie in other files" in (foreign.limitation(outside) or "")


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint8", "int8", "int32", "bool"]
)
def test_numbers_of_each_type(dtype: str) -> None:
    made = foreign.numbers(Tensor("x", dtype, (None, 4, 5)), 6)
    assert made.dtype == dtype
    assert made.shape == (6, 4, 5)
    assert len(np.unique(made)) > 1
    np.testing.assert_array_equal(made, foreign.numbers(Tensor("x", dtype, (None, 4, 5)), 6))
