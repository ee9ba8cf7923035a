"""What an exported file promises: the one module that the workshop and the device half share.

An ``mnist-edge`` ONNX file has one input, ``image`` [batch, 784], and one output, ``probabilities``
float32 [batch, 10]. The rest of the promise stands in the file's own metadata_props, as text, so that it
travels with the file: how the input is scaled, what it was made from, and how well it reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mnist_edge.errors import ModelError

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
SIDE = 28
PIXELS = SIDE * SIDE
CLASSES = 10
LABELS = ",".join(str(digit) for digit in range(CLASSES))

CONTRACT_VERSION = "1"
MAX_MODEL_BYTES = 64 * 2**20

PREPROCESSING = (
    "One digit, light ink (255) on black (0), 28x28 grey pixels row by row: longer side of the digit 20 pixels, "
    "aspect kept, centre of mass at the middle (MNIST's own preparation)."
)

InputKind = Literal["unit", "pixels"]
"""``unit``: float32 in 0..1, that is pixels / 255. ``pixels``: uint8, 0..255."""

INPUT_DTYPES: dict[str, str] = {"unit": "tensor(float)", "pixels": "tensor(uint8)"}
"""onnxruntime's name of the input's element type, for each kind of input."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The promises that the device half relies on, as read from a file's metadata_props."""

    precision: str
    input: InputKind
    reads_strokes: bool = False
    """Whether images are ink on paper, so that one without ink holds nothing to read."""

    @classmethod
    def read(cls, metadata: Mapping[str, str], origin: str) -> "Contract":
        """Reads the contract from metadata_props.

        Args:
            metadata: The file's metadata_props.
            origin: What to call the file in an error's text.

        Raises:
            ModelError: The file is not one of ours, or is of a version that this package does not know.
        """
        version = metadata.get("contract")
        if version is None:
            raise ModelError(f"expected a model made by 'mnist-edge export', but {origin} holds no mnist-edge contract")
        if version != CONTRACT_VERSION:
            raise ModelError(
                f"{origin} keeps contract version {version} but this mnist-edge reads version {CONTRACT_VERSION}: "
                "install the mnist-edge that made it, or export it again"
            )
        kind = metadata.get("input", "")
        if kind not in INPUT_DTYPES:
            raise ModelError(f"expected input=unit or input=pixels in the metadata of {origin}, received {kind!r}")
        if metadata.get("labels") != LABELS:
            raise ModelError(
                f"expected labels={LABELS} in the metadata of {origin}, received {metadata.get('labels')!r}"
            )
        return cls(
            precision=metadata.get("precision", ""),
            input=kind,  # type: ignore[arg-type]
            reads_strokes=metadata.get("preprocessing") == PREPROCESSING,
        )
