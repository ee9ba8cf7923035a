"""onnxruntime on ONNX files of anybody's: what the reference answers."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from mnist_edge.runtime.telemetry import warn_of_telemetry
from mnist_edge.sources import onnx_graph
from mnist_edge.sources.onnx_graph import Graph
from mnist_edge.sources.settings import SettingError, Shape

_TRIED = 3
"""Images on which the model for any number of images is compared with the file."""

_TOLERANCE = 1e-3
"""Of the largest value: the two sum in another order, no more."""


class Session:
    """A model on one thread.

    Args:
        content: Of an ONNX file.
        batch: How many images it takes at once; None for any number.
    """

    def __init__(self, content: bytes, batch: int | None) -> None:
        warn_of_telemetry()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self._session = ort.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
        self._input = self._session.get_inputs()[0].name
        self._batch = batch

    def run(self, images: NDArray[np.float32], at_once: int) -> list[NDArray[np.float32]]:
        """Return each output for all images.

        Args:
            images: float32 (N, ...).
            at_once: How many to run at once where the file takes any number.
        """
        size = self._batch or at_once
        parts = []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            missing = (self._batch or len(part)) - len(part)
            given = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            answers = self._session.run(None, {self._input: given})
            parts.append([answer[: len(part)] for answer in answers])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def shapes_of(content: bytes, graph: Graph) -> dict[str, Shape]:
    """Run a file, and the same model for any number of images; return the shapes at its end.

    Args:
        content: The file's bytes.
        graph: Of ``onnx_graph.read``.

    Returns:
        The shape of each of its ``tail_tensors`` for one image.

    Raises:
        SettingError: The two answer differently, or nothing is worked out.
        Exception: onnxruntime's exceptions share no base but Exception.
    """
    tensors = graph.tail_tensors
    rng = np.random.default_rng(0)
    images = rng.random((_TRIED, *graph.input_shape), np.float32)
    known = set(_present(graph, tensors))
    wanted = [name for name in tensors if name in known]
    if tensors[0] not in known:
        raise SettingError("expected a model that works out scores, found one that works out none")
    file = Session(onnx_graph.with_outputs(content, wanted), graph.batch)
    expected = dict(zip(wanted, file.run(images, 1), strict=True))
    free = Session(onnx_graph.with_outputs(graph.model.SerializeToString(), wanted), None)
    try:
        answers = dict(zip(wanted, free.run(images, _TRIED), strict=True))
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise _fixed(graph) from error
    if not _agree(answers, expected):
        raise _fixed(graph)
    return {name: answer.shape[1:] for name, answer in expected.items()}


def _present(graph: Graph, tensors: Sequence[str]) -> list[str]:
    """Return those of the tensors that nodes work out: inputs and constants are no outputs."""
    made = {output for node in graph.model.graph.node for output in node.output}
    return [name for name in tensors if name in made]


def _agree(
    answers: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]
) -> bool:
    for name, wanted in expected.items():
        if answers[name].shape != wanted.shape:
            return False
        if wanted.dtype != np.float32:
            raise SettingError(
                f"expected a model that answers with float32 scores or probabilities, found "
                f"{wanted.dtype}: export it again up to these"
            )
        limit = _TOLERANCE * max(1.0, float(np.abs(wanted).max()))
        if not np.allclose(answers[name], wanted, rtol=0, atol=limit, equal_nan=True):
            return False
    return True


def _fixed(graph: Graph) -> SettingError:
    if graph.batch is None:
        return SettingError(
            "expected a model that reads each image by itself, found one whose answers depend on "
            "the other images at hand: export it for inference, without operators over the batch"
        )
    return SettingError(
        f"expected a model that reads each image by itself, found one for {graph.batch} at "
        "once that cannot be changed: export it again with a batch axis of any length "
        "(dynamic_axes or dynamic_shapes in torch.onnx.export)"
    )
