"""The code: what a person and a compiler find in it."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mnist_edge.c99 import gate, network, source
from mnist_edge.c99.compilers import WARNINGS, CompileError, Compiler
from mnist_edge.c99.source import Source
from mnist_edge.runtime import model_file
from tests.c99.files import Stack, images

STACKS = {
    "odd": Stack(widths=(27, 13, 7, 3)),
    "corrected": Stack(scale=0.9, widths=(25, 40, 4)),
    "zero points": Stack(activation="", zero_point=100, widths=(25, 70, 4)),
    "activation": Stack(activation="Tanh", zero_point=128, scale=1 / 127),
    "one layer": Stack(widths=(25, 3)),
    "one sigmoid": Stack(widths=(25, 13, 1), sigmoid=True),
    "rejects": Stack(metadata={"temperature": "1.1", "reject_below": "0.8"}),
}
FLAGS = ("-O2", "-Os", "-O3 -march=native -DMNIST_EDGE_SIMD", "-O3 -DMNIST_EDGE_PORTABLE")


def rendered(stack: Stack, name: str = "tiny") -> Source:
    return source.render(network.read(model_file.read(stack.content())), name, "0")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mnist-mlp.int8.onnx", "mnist_mlp"),
        ("mnist-mlp-small.int8.onnx", "mnist_mlp_small"),
        ("My Net (2).onnx", "my_net_2"),
        ("7.int8.onnx", "network_7"),
        ("string.int8.onnx", "network_string"),
        ("дом.onnx", "network"),
        (f"{'x' * 90}.onnx", "x" * 40),
    ],
)
def test_names(file: str, name: str) -> None:
    assert source.name_of(Path(file)) == name


def test_the_same_file_gives_the_same_code() -> None:
    assert rendered(Stack()) == rendered(Stack())


def test_the_code_needs_stdint_alone_and_has_no_float() -> None:
    code = rendered(STACKS["rejects"])
    header = set(re.findall(r"#include (\S+)", code.header))
    includes = set(re.findall(r"#include (\S+)", code.code))
    assert header == {"<stdint.h>"}
    assert includes == {'"tiny.h"', "<immintrin.h>", "<arm_neon.h>"}  # the latter by macro alone
    statements = re.sub(r"/\*.*?\*/", "", code.code, flags=re.DOTALL)
    for word in ("float", "double", "malloc", "printf"):
        assert word not in statements


def test_labels_and_names_cannot_break_out_of_the_code() -> None:
    labels = ('a"b', "\\", "??/", "Ärger\n*/")
    code = rendered(Stack(labels=labels))
    for text in (r'"a\042b"', r'"\134"', r'"\077\077\057"', r'"\303\204rger\012\052\057"'):
        assert text in code.code


@pytest.mark.parametrize("name", STACKS)
def test_no_compiler_warns(all_compilers: Sequence[Compiler], tmp_path: Path, name: str) -> None:
    files = gate.write_program(rendered(STACKS[name]), tmp_path)
    for compiler in all_compilers:
        for flags in FLAGS:
            compiler.build(files, [*WARNINGS, "-Werror", *flags.split()], tmp_path / "check")


def test_it_compiles_as_cpp(all_compilers: Sequence[Compiler], tmp_path: Path) -> None:
    gate.write_program(rendered(STACKS["rejects"]), tmp_path)
    warnings = [flag for flag in WARNINGS if "std" not in flag]
    for compiler in all_compilers:
        for flags in FLAGS:
            given = ["-x", "c++", *warnings, "-Werror", "-c", *flags.split()]
            try:
                compiler.build([tmp_path / "tiny.c"], given, tmp_path / "tiny.o")
            except CompileError as error:
                if "cc1plus" not in str(error):  # a C compiler alone
                    raise


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("name", STACKS)
def test_no_sanitizer_complains(
    all_compilers: Sequence[Compiler], tmp_path: Path, name: str, flags: str
) -> None:
    stack = STACKS[name]
    file = model_file.read(stack.content())
    integers = network.read(file)
    compiler = all_compilers[0]
    files = gate.write_program(source.render(integers, "tiny", "0"), tmp_path)
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
    try:
        compiler.build(files, [*sanitizers, *flags.split()], tmp_path / "check")
    except CompileError as error:
        pytest.skip(f"no sanitizers here: {error}")
    given = images(stack.widths[0], 60)
    (tmp_path / "images").write_bytes(given.tobytes())
    wrong = gate.differences(
        "", [str(tmp_path / "check")], tmp_path / "images", integers.logits(given)
    )
    assert list(wrong) == []


@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm here")
def test_all_data_is_constant(all_compilers: Sequence[Compiler], tmp_path: Path) -> None:
    gate.write_program(rendered(STACKS["rejects"]), tmp_path)
    all_compilers[0].build([tmp_path / "tiny.c"], ["-Os", "-fno-pic", "-c"], tmp_path / "tiny.o")
    symbols = subprocess.run(
        ["nm", tmp_path / "tiny.o"], capture_output=True, text=True, check=True
    ).stdout
    kinds = {line.split()[-2] for line in symbols.splitlines()}
    assert kinds <= {"T", "t", "R", "r", "U"}  # no D, d, B or b: nothing that can change
