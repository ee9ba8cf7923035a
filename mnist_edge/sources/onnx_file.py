"""An ONNX file of anybody's as a ``Source``: up to its scores, with itself as the reference."""

from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError
from mnist_edge.files import sha256
from mnist_edge.model_spec import IMAGE_CHANNELS, MAX_MODEL_BYTES
from mnist_edge.sources import packet
from mnist_edge.sources.archive import reason
from mnist_edge.sources.packet import ONNX
from mnist_edge.sources.settings import SettingError
from mnist_edge.sources.source import Source
from mnist_edge.sources.trial import TrialError, trial

_AT_ONCE = 256
"""Images that the reference answers at once, where it can."""


def open_onnx(content: bytes, path: Path) -> Source:
    """Return the model in an ONNX file.

    A child process reads and runs it first, within limits of memory and time (``trial``).

    Args:
        content: The file's bytes.
        path: Where it lies.

    Raises:
        ModelError: It is too large, damaged, cannot be run, or holds something else than a float
            classifier (see ``onnx_graph.read`` and ``onnx_graph.scores_of``).
    """
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(
            f"expected a model of at most {MAX_MODEL_BYTES >> 20} MiB, but {path} is larger"
        )
    try:
        with trial("run", {ONNX: content}) as answer:
            header, _ = answer()
        from mnist_edge.sources import onnx_graph

        graph = onnx_graph.read(content)
        scores = onnx_graph.scores_of(graph, packet.shapes(header["shapes"]))
        network = onnx_graph.up_to(graph, scores)
        weights = onnx_graph.count_weights(network)
        if not weights:
            raise SettingError("expected a trained network, found one without weights")
    except SettingError as error:
        raise ModelError(f"cannot open {path}: {error}") from error
    except TrialError as error:
        raise ModelError(
            f"expected an ONNX model, but {path} cannot be run: {reason(error)}"
        ) from error
    return Source(
        path=path,
        sha256=sha256(content),
        network=network,
        input_shape=graph.input_shape,
        channels_first=len(graph.input_shape) == 3 and graph.input_shape[0] in IMAGE_CHANNELS,
        outputs=scores.outputs,
        head=scores.head,
        weights=weights,
        facts={},
        scores=_reference(content, scores.tensor, graph.batch, scores.outputs),
    )


def _reference(
    content: bytes, tensor: str, batch: int | None, outputs: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what runs the file as it is, up to its scores."""
    from mnist_edge.sources import onnx_graph, onnx_run

    @cache
    def session() -> onnx_run.Session:
        return onnx_run.Session(onnx_graph.with_outputs(content, [tensor]), batch)

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(images):
            return np.empty((0, outputs), np.float32)
        at_once = max(1, min(_AT_ONCE, 2**22 // prod(images.shape[1:])))
        (answers,) = session().run(np.ascontiguousarray(images, np.float32), at_once)
        return answers.reshape(len(images), outputs)

    return scores
