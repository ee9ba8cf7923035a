"""What holds of the package as a whole: its public names, and what importing it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_edge
from mnist_edge import errors

ROOT = Path(__file__).parents[1]
HEAVY = (
    *("tensorflow", "keras", "tf2onnx", "onnx", "typer", "rich", "PIL", "matplotlib", "mlxtend"),
    *("pyarrow", "fsspec", "ray"),
)


def python(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_public_names_are_sorted_and_there() -> None:
    assert list(mnist_edge.__all__) == sorted(mnist_edge.__all__)
    assert dir(mnist_edge) == mnist_edge.__all__
    for name in mnist_edge.__all__:
        assert getattr(mnist_edge, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mnist_edge.nothing


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    assert errors.__doc__ is not None
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert name in mnist_edge.__all__
            assert name in errors.__doc__


def test_the_runtime_imports_three_packages_and_the_standard_library() -> None:
    """Import contracts in pyproject.toml hold the same within the package."""
    allowed = {*sys.stdlib_module_names, "mnist_edge", "numpy", "onnxruntime"}
    shared = [ROOT / "mnist_edge" / name for name in ("model_spec.py", "errors.py")]
    for path in [*(ROOT / "mnist_edge" / "runtime").rglob("*.py"), *shared]:
        of_pictures = {"PIL"} if "preprocess" in path.parts else set()
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            for module in modules:
                assert module.partition(".")[0] in allowed | of_pictures, path


@pytest.mark.parametrize("what", ["import mnist_edge", "from mnist_edge import Predictor"])
def test_import_loads_nothing_of_the_workshop(what: str) -> None:
    loaded = python(
        f"import sys; {what}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    assert loaded.strip() == ""


def test_device_half_works_where_the_workshop_is_not_installed() -> None:
    code = f"""
import sys
from pathlib import Path
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {HEAVY!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import numpy as np
from mnist_edge import Predictor
print(Predictor().predict(np.zeros((28, 28), np.uint8)).probabilities.shape)
"""
    assert python(code).strip() == "(10,)"


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--version"], f"mnist-edge {mnist_edge.__version__}\n"),
        (["--help"], "Usage: mnist-edge "),
        (["benchmark", "--help"], "Usage: mnist-edge benchmark "),
    ],
)
def test_what_needs_no_numpy_is_printed_without_it(arguments: list[str], start: str) -> None:
    code = f"""
import sys
from mnist_edge import cli
try: cli.main({arguments!r})
except SystemExit as end: print(end.code, 'numpy' in sys.modules)
"""
    printed = python(code)
    assert printed.lstrip().startswith(start)
    assert printed.endswith("\n0 False\n")


def test_a_command_imports_no_other() -> None:
    code = """
import sys
from mnist_edge import cli
try: cli.main(["-q", "compare", "--help"])
except SystemExit: print([name for name in cli.ORDER if f"mnist_edge.cli.{name}" in sys.modules])
"""
    assert python(code).endswith("\n['compare']\n")


README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_readme_lists_each_command_as_its_help_does() -> None:
    from mnist_edge.cli import app, register

    register()
    for command in app.registered_commands:
        assert command.callback is not None
        summary = (command.callback.__doc__ or "").splitlines()[0]
        assert f"| `mnist-edge {command.callback.__name__}` | {summary} |" in README


def test_readme_example_runs_as_written() -> None:
    example = README.partition("```python\n")[2].partition("```")[0]
    digit, digits, picture = python(example).splitlines()
    assert digit.startswith("1 ")
    assert digits == "[1 1]"
    assert picture == "7 False"


def test_the_changelog_has_this_version() -> None:
    versions = [line.split()[1] for line in CHANGELOG.splitlines() if line.startswith("## ")]
    assert mnist_edge.__version__ in versions
