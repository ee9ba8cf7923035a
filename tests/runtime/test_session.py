import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from mnist_edge.errors import ModelError, OptionError
from mnist_edge.runtime import model_file, session
from tests.conftest import ARTIFACTS


@pytest.mark.parametrize("threads", [0, -1, 1.5, "many", None, True, 10**6])
def test_threads_that_make_no_sense(threads: object) -> None:
    with pytest.raises(
        OptionError, match="expected threads to be a whole number from 1 to 256 or 'auto'"
    ):
        session.thread_count(threads)  # type: ignore[arg-type]


def test_auto_is_what_the_process_may_use() -> None:
    assert session.thread_count("auto") == session.available_cpus() >= 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
        ({"cpu.max": "nonsense"}, None),
    ],
)
def test_cgroup_quota(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert session.cgroup_quota(tmp_path) == expected


def test_one_thread_and_no_spinning(tiny_onnx: Path) -> None:
    options = session.open_session(model_file.read(tiny_onnx), 1).get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_graph_that_breaks_the_contract(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    model.graph.node[0].input[0] = model.graph.input[0].name = "picture"
    with pytest.raises(
        ModelError, match=r"to take image \[batch, 784\] .* found 'picture' \[batch, 784\]"
    ):
        session.open_session(model_file.read(model.SerializeToString()), 1)


def test_a_graph_that_loads_but_does_not_run(tiny_onnx: Path) -> None:
    """As many scales as there are pixels belong there; onnxruntime looks when it runs."""
    model = onnx.load(tiny_onnx)
    model.graph.initializer.extend(
        [
            onnx.numpy_helper.from_array(np.ones(3, np.float32), "scales"),
            onnx.numpy_helper.from_array(np.zeros(3, np.uint8), "zeros"),
        ]
    )
    quantize = onnx.helper.make_node("QuantizeLinear", ["image", "scales", "zeros"], ["steps"])
    dequantize = onnx.helper.make_node("DequantizeLinear", ["steps", "scales", "zeros"], ["again"])
    model.graph.node.insert(0, dequantize)
    model.graph.node.insert(0, quantize)
    model.graph.node[2].input[0] = "again"
    with pytest.raises(ModelError, match=r"onnxruntime .* cannot run"):
        session.open_session(model_file.read(model.SerializeToString()), 1)


def test_a_graph_that_onnxruntime_refuses(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    model.graph.node.insert(0, onnx.helper.make_node("Not", ["image"], ["inverted"]))
    model.graph.node[1].input[0] = "inverted"
    with pytest.raises(ModelError, match=r"onnxruntime .* cannot run"):
        session.open_session(model_file.read(model.SerializeToString()), 1)


def test_the_file_is_never_taken_for_another_format(tiny_onnx: Path) -> None:
    """A producer called ORTM stands where onnxruntime looks for the name of its own format."""
    model = onnx.load(tiny_onnx)
    model.producer_name = "ORTM"
    content = model.SerializeToString()
    assert content[4:8] == b"ORTM"
    opened = session.open_session(model_file.read(content), 1)
    assert [value.name for value in opened.get_inputs()] == ["image"]


def test_memory_of_all_sessions_is_capped() -> None:
    """In a process of its own, with a cap that a batch does not fit in."""
    code = """
import numpy as np
from mnist_edge import ModelError, Predictor
from mnist_edge.runtime import session
session.ARENA_BYTES = 3_000_000
predictor = Predictor("artifacts/mnist-mlp.fp32.onnx")
predictor.predict(np.zeros((28, 28), np.uint8))
try:
    predictor.predict_batch(np.zeros((1024, 28, 28), np.uint8))
except ModelError as error:
    print("Available memory" in str(error) or error)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ARTIFACTS.parent)
    assert done.stdout == "True\n"
