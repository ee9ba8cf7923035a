"""The code in docs/c.md runs, or compiles, as it is written."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_edge import __version__
from mnist_edge.c99 import network, source
from mnist_edge.runtime import model_file

PAGE = (Path(__file__).parents[1] / "docs" / "c.md").read_text()

ARDUINO = """
#include <stdint.h>
struct Port { void begin(long); void println(const char *); };
extern Port Serial;
void delay(unsigned long);
"""


def example(language: str) -> str:
    """Return the first example in a language."""
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def folder(tmp_path: Path, all_compilers: object) -> Path:
    """A folder with the code of the small network in firmware/."""
    code = source.render(network.read(model_file.read("small")), "mnist_mlp_small", __version__)
    (tmp_path / "firmware").mkdir()
    for name, content in code.files.items():
        (tmp_path / "firmware" / name).write_text(content)
    return tmp_path


def run(*command: object, where: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_class(folder: Path) -> None:
    (folder / "example.py").write_text(example("python"))
    assert run(sys.executable, "-W", "error", "example.py", where=folder) == "1\n"


def main_program() -> str:
    include, _, body = example("c").partition("\n\n")
    return (
        f"{include}\nstatic uint8_t pixels[784];\nint main(void) {{ {body}\nreturn digit > 9; }}\n"
    )


def test_the_c_example(folder: Path) -> None:
    (folder / "main.c").write_text(main_program())
    files = ("main.c", "firmware/mnist_mlp_small.c")
    run("cc", "-Wall", "-Wextra", "-Werror", "-Ifirmware", *files, "-o", "main", where=folder)
    run("./main", where=folder)


def test_cmake(folder: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("no CMake here")
    (folder / "main.c").write_text(main_program())
    (folder / "CMakeLists.txt").write_text(example("cmake"))
    run("cmake", "-B", "build", where=folder)
    run("cmake", "--build", "build", where=folder)
    run("build/reader", where=folder)


def test_the_arduino_sketch(folder: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler here")
    (folder / "Arduino.h").write_text(ARDUINO)
    (folder / "sketch.cpp").write_text(example("cpp"))
    flags = ("-Wall", "-Wextra", "-Werror", "-I.", "-Ifirmware")
    run(compiler, *flags, "-c", "sketch.cpp", "-o", "sketch.o", where=folder)
