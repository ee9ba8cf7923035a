"""``Source``: anybody's model, checked: what files are made of, and what answers beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

    from mnist_edge.backend import keras

Shape = tuple[int, ...]

Head = Literal["softmax", "sigmoid", "logits"]
"""How a model's last values become probabilities: by a ``softmax`` over the classes, by one
``sigmoid`` unit, which has two classes, or not at all: to ``logits`` the export adds a softmax."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model of anybody's, without its head.

    Attributes:
        path: The file.
        sha256: Its hash.
        network: What the file holds, in float32 and up to its scores: a Keras model, or an ONNX
            graph with all constants among its initializers.
        input_shape: Of one input, as the model takes it: (784,), (28, 28, 1), (3, 32, 32).
        channels_first: Whether an image's channels come before its rows.
        outputs: How many scores it answers with.
        head: What the model itself makes of them.
        weights: How many numbers it holds.
        facts: What this package's training wrote into the file; empty for files of others.
        scores: The reference: float32 (N, *input_shape) to float32 (N, outputs), the values before
            the head, as Keras or onnxruntime works them out.
    """

    path: Path
    sha256: str
    network: "keras.Model | onnx.ModelProto"
    input_shape: Shape
    channels_first: bool
    outputs: int
    head: Head
    weights: int
    facts: Mapping[str, Any]
    scores: Callable[[NDArray[np.float32]], NDArray[np.float32]]

    @property
    def classes(self) -> int:
        """How many classes it has."""
        return 2 if self.head == "sigmoid" else self.outputs


def probabilities(scores: NDArray[np.float32], head: Head) -> NDArray[np.float32]:
    """Return the probabilities, float32 (N, classes), of scores (N, outputs).

    Worked out in float64, so that their last bits are those of no machine.
    """
    wide = scores.astype(np.float64)
    if head == "sigmoid":
        wide = np.concatenate([np.zeros_like(wide), wide], axis=1)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
