from pathlib import Path

import numpy as np
import onnx
import pytest

from mnist_edge.errors import ModelError, OptionError
from mnist_edge.runtime import model_file, session


@pytest.mark.parametrize("threads", [0, -1, 1.5, "many", None, True, 10**6])
def test_threads_that_make_no_sense(threads: object) -> None:
    with pytest.raises(OptionError, match="expected threads to be a whole number from 1 to 256 or 'auto'"):
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
        ModelError, match=r"to take image tensor\(float\) .* found picture tensor\(float\) \[batch, 784\]"
    ):
        session.open_session(model_file.read(model.SerializeToString()), 1)


def test_a_graph_that_loads_but_does_not_run(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    shape = onnx.numpy_helper.from_array(np.array([1, 784], np.int64), "one")
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, onnx.helper.make_node("Reshape", ["image", "one"], ["reshaped"]))
    model.graph.node[1].input[0] = "reshaped"
    with pytest.raises(ModelError, match=r"onnxruntime .* cannot run"):
        session.open_session(model_file.read(model.SerializeToString()), 1)


def test_a_graph_that_onnxruntime_refuses(tiny_onnx: Path) -> None:
    model = onnx.load(tiny_onnx)
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ModelError, match=r"onnxruntime .* cannot run"):
        session.open_session(model_file.read(model.SerializeToString()), 1)
