"""The gate: the code that passes, and damage that does not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.c99 import gate, network, source
from mnist_edge.c99.compilers import Compiler
from mnist_edge.c99.requantize import Staircase
from mnist_edge.runtime import model_file
from tests.c99.files import Stack, images
from tests.conftest import ARTIFACTS


def test_a_shipped_file_is_exact_on_real_digits(digits: datasets.Dataset) -> None:
    file = model_file.read(ARTIFACTS / "mnist-mlp-small.int8.onnx")
    pixels = digits.test_images[:2000].reshape(-1, 784)
    expected = gate.onnxruntime_answers(file, pixels)
    assert list(gate.arithmetic_failures(network.read(file), pixels, expected)) == []


@pytest.mark.parametrize(
    "stack",
    [
        Stack(),
        Stack(scale=0.9),
        Stack(activation="", zero_point=77, widths=(25, 71, 4)),
        Stack(activation="Softplus", scale=0.01),
        Stack(activation="Softsign", widths=(25, 9, 5, 4), zero_point=9, scale=0.02),
        Stack(widths=(27, 1 + 64, 33, 2)),
        Stack(widths=(27, 9, 1), sigmoid=True),
    ],
)
def test_compiled_code_is_exact(all_compilers: Sequence[Compiler], stack: Stack) -> None:
    integers = network.read(model_file.read(stack.content()))
    code = source.render(integers, "tiny", "0")
    given = images(stack.widths[0])
    assert list(gate.compiled_failures(code, integers, given, all_compilers)) == []


def test_other_code_fails(all_compilers: Sequence[Compiler]) -> None:
    integers = network.read(model_file.read(Stack().content()))
    code = source.render(integers, "tiny", "0")
    damaged = replace(code, code=code.code.replace("+ by.half", "+ 0"))
    failures = list(gate.compiled_failures(damaged, integers, images(), all_compilers[:1]))
    assert len(failures) >= len(gate.VARIANTS)
    assert any("its own test failed" in failure for failure in failures)
    assert any("are not those of onnxruntime" in failure for failure in failures)


def test_code_that_does_not_compile_fails(all_compilers: Sequence[Compiler]) -> None:
    integers = network.read(model_file.read(Stack().content()))
    code = source.render(integers, "tiny", "0")
    damaged = replace(code, code=f"{code.code}\n#error on purpose\n")
    failures = list(gate.compiled_failures(damaged, integers, images(), all_compilers[:1]))
    assert len(failures) == len(gate.VARIANTS)
    assert "on purpose" in failures[0]


def test_a_sum_that_onnxruntime_rounds_otherwise_is_found() -> None:
    file = model_file.read(Stack().content())
    integers = network.read(file)
    stairs = integers.layers[0].stairs
    assert isinstance(stairs, Staircase)
    moved = stairs.bytes.copy()
    place = int(np.flatnonzero(np.diff(moved))[100])
    moved[place] += 1  # one of some hundred sums, which no image may have
    first = replace(integers.layers[0], stairs=replace(stairs, bytes=moved))
    other = replace(integers, layers=(first, *integers.layers[1:]))
    expected = gate.onnxruntime_answers(file, images())
    failures = list(gate.arithmetic_failures(other, images(), expected))
    assert "1 sums of layer 1 are rounded otherwise by onnxruntime here" in failures


def test_other_arithmetic_fails() -> None:
    file = model_file.read(Stack().content())
    integers = network.read(file)
    expected = gate.onnxruntime_answers(file, images())
    other = replace(integers, logit_scale=np.float32(integers.logit_scale * 1.5))
    (failure,) = gate.arithmetic_failures(other, images(), expected)
    assert "logits of 400 images are not those of onnxruntime here" in failure
