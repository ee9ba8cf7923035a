"""What is timed: from uint8 pixels in a numpy array to the digits out, one small adapter a runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark.clock import once_ms
from mnist_edge.runtime.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Candidate:
    """One runtime with one model at one batch size.

    Attributes:
        runtime: Name of the engine.
        model: The model's file.
        precision: What the file says it is.
        batch: Images a call.
        threads: Threads a call may use.
        call: Given the number of the call, reads that batch.
        load_ms: Milliseconds from the file to a predictor that is ready.
        first_ms: Milliseconds of the first call.
    """

    runtime: str
    model: Path
    precision: str
    batch: int
    threads: int
    call: Callable[[int], object]
    load_ms: float
    first_ms: float


def onnxruntime(model: Path, batch: int, threads: int, images: NDArray[np.uint8]) -> Candidate:
    """The Predictor, as an app uses it.

    Raises:
        ModelError: The model cannot be loaded.
    """
    loaded: list[Predictor] = []
    load_ms = once_ms(lambda: loaded.append(Predictor(model, threads=threads)))
    predictor = loaded[0]
    batches = _batches(images, batch)

    def call(number: int) -> object:
        image = batches[number % len(batches)]
        return predictor.predict(image[0]).digit if batch == 1 else predictor.predict_batch(image).digits

    return Candidate(
        runtime="onnxruntime",
        model=model,
        precision=predictor.precision,
        batch=batch,
        threads=threads,
        call=call,
        load_ms=load_ms,
        first_ms=once_ms(lambda: call(0)),
    )


def accuracy(model: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> float:
    """Share of the images that a model reads right, in batches as large as ``predict_batch`` makes them."""
    return float((Predictor(model).predict_batch(images).digits == labels).mean())


def _batches(images: NDArray[np.uint8], batch: int) -> list[NDArray[np.uint8]]:
    """Different images each call: whole batches, and the images again from the start where they do not suffice."""
    needed = np.resize(np.arange(len(images)), max(batch, len(images) // batch * batch))
    return [np.ascontiguousarray(images[part]) for part in needed.reshape(-1, batch)]
