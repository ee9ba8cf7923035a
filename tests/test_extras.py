import subprocess
import sys

import pytest

from mnist_edge.errors import MissingExtraError
from mnist_edge.extras import require


def test_what_is_here_is_fine() -> None:
    require("export", "numpy", "json")


def test_what_is_missing_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(
        MissingExtraError, match=r"needs nothing_here, .* pip install 'mnist-edge\[peers\]'"
    ):
        require("peers", "numpy", "nothing_here")


@pytest.mark.parametrize(
    "command", [["export"], ["train"], ["verify", "x.onnx"], ["data", "--data", "sample"]]
)
def test_workshop_commands_on_a_device_say_what_to_install(command: list[str]) -> None:
    code = f"""
import importlib.util
found = importlib.util.find_spec
absent = ('tensorflow', 'keras', 'tf2onnx', 'onnx', 'mlxtend')
importlib.util.find_spec = lambda name, *rest: None if name in absent else found(name, *rest)
from mnist_edge import cli
cli.main({command!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'mnist-edge[export]'" in done.stderr
    assert done.stderr.count("\n") == 1
