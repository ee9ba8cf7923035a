"""The documents of predict and info; those of other commands stand where they are made."""

from dataclasses import dataclass, field
from typing import ClassVar

from mnist_edge.documents import INLINE, Share
from mnist_edge.model_spec import ModelSpec, Provenance


@dataclass(frozen=True, slots=True)
class ClassReport:
    """One of the most probable classes.

    Attributes:
        label: Its name.
        digit: The digit that it is; null where the classes are no digits.
        probability: Calibrated.
    """

    label: str
    digit: int | None
    probability: Share


@dataclass(frozen=True, slots=True)
class PredictionReport:
    """The answer for one picture.

    Attributes:
        path: The picture.
        label: The name of the most probable class.
        digit: The digit that it is; null where the classes are no digits.
        confidence: How probable it is that the label is right, if it is any of them.
        rejected: Whether the picture may show none of the classes; never where the model's file
            has no limit (reject_below of mnist-edge info).
        probabilities: Of each class, as the network gives them.
        top: The most probable classes, as many as --top asked for.
    """

    path: str
    label: str
    digit: int | None
    confidence: Share
    rejected: bool
    probabilities: tuple[float, ...]
    top: tuple[ClassReport, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that could not be read.

    Attributes:
        path: The picture.
        error: Why, in one sentence.
    """

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class PredictReport:
    """What predict found.

    Attributes:
        predictions: The answers, in the order given.
        failed: The pictures that could not be read.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/predict/1"

    predictions: tuple[PredictionReport, ...]
    failed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What an exported file is and promises.

    Attributes:
        path: The file.
        bytes: Its size.
        sha256: Its hash.
        intact: Whether it is as it was exported, by its own checksum; null where it has none.
        ir_version: Version of the ONNX format.
        opsets: Domains of operators, each with its version.
        operators: The graph's operators in order.
        multiply_adds: Of one image.
        onnxruntime: The versions that run it.
        spec: What it takes and answers.
        temperature: What logits are divided by for the confidence.
        reject_below: The confidence below which an answer is rejected; null where none was
            measured, and no answer is.
        provenance: What it was made from, and how well it reads.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/info/1"

    path: str
    bytes: int
    sha256: str
    intact: bool | None
    ir_version: int
    opsets: tuple[str, ...]
    operators: tuple[str, ...]
    multiply_adds: int
    onnxruntime: str
    temperature: float
    reject_below: float | None
    spec: ModelSpec = field(metadata=INLINE)
    provenance: Provenance = field(metadata=INLINE)
