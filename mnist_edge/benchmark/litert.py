"""LiteRT: its Interpreter, and what a quantized model takes and answers."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_edge.benchmark.adapters import EVEN, to_classes
from mnist_edge.benchmark.inputs import scaler
from mnist_edge.benchmark.setup import Candidate, Images, Opened
from mnist_edge.model_spec import PIXEL_MAX


def interpreter(candidate: Candidate) -> Opened:
    """Open LiteRT's Interpreter: set_tensor, invoke, get_tensor.

    There is one for each batch size, which is fixed in it. Its newer CompiledModel was tried and is
    slower at one image: docs/research/benchmark.md.
    """
    from ai_edge_litert.interpreter import Interpreter

    @functools.cache
    def allocated(batch: int) -> Any:
        made = Interpreter(candidate.file, num_threads=candidate.setup.threads)
        source = made.get_input_details()[0]
        made.resize_tensor_input(source["index"], (batch, *source["shape"][1:]))
        made.allocate_tensors()
        return made

    def read(batch: int) -> Callable[[Images], Any]:
        engine = allocated(batch)
        source = engine.get_input_details()[0]
        target = engine.get_output_details()[0]
        index = source["index"]
        shape = tuple(source["shape"])
        prepare = _quantizer(candidate, source)

        def scores(images: Images) -> Any:
            engine.set_tensor(index, prepare(images).reshape(shape))
            engine.invoke()
            return engine.get_tensor(target["index"])

        return to_classes(scores, batch, candidate, _even(target))

    allocated(1)
    return Opened(read, lambda batch: allocated(batch).invoke)


def _even(target: dict[str, Any]) -> float | None:
    """Return what stands for an even probability in LiteRT's output, where that is a single one."""
    if target["shape"][-1] != 1:
        return None
    scale, zero_point = target["quantization"]
    return EVEN / scale + zero_point if scale else EVEN


def _quantizer(candidate: Candidate, source: dict[str, Any]) -> Callable[[Images], Images]:
    """Return a function of images (B, ...) to what LiteRT's input takes.

    Args:
        candidate: The model.
        source: The details of the input, as the Interpreter has them.
    """
    scaled = scaler(candidate.input, candidate.scaling)
    shape = candidate.input.shape
    dtype = source["dtype"]
    if dtype == np.float32:
        return scaled
    scale, zero_point = source["quantization"]
    limits = np.iinfo(dtype)

    def quantized(images: Images) -> Images:
        steps = np.rint(scaled(images) / scale) + zero_point
        clipped: Images = np.clip(steps, limits.min, limits.max).astype(dtype)
        return clipped

    if candidate.input.range is None or candidate.scaling.transposed:
        return quantized
    # Where its levels are those of the pixels, or next to them, these go in as they are.
    levels = np.arange(PIXEL_MAX + 1, dtype=np.uint8).reshape(-1, *[1] * len(shape))
    ramp = np.broadcast_to(levels, (len(levels), *[1] * (len(shape) - 1), shape[-1]))
    off = np.abs(quantized(ramp).astype(int) - ramp)
    return (lambda images: images) if off.max() <= 1 else quantized
