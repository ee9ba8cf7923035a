"""The documents of predict and info; those of other commands stand where they are made."""

from dataclasses import dataclass, field
from typing import ClassVar

from mnist_edge.documents import INLINE, Failure, Share
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
class DigitReport:
    """A digit of a number.

    Attributes:
        label: The digit; a question mark for what may be none.
        confidence: How probable it is that its likeliest digit is right, if it is any.
        rejected: Whether it may be no digit.
        box: Where it is, in pixels of the picture as it is seen: from the left, from the top,
            width and height.
    """

    label: str
    confidence: Share
    rejected: bool
    box: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NumberReport:
    """The answer for one picture of a number.

    Attributes:
        path: The picture.
        text: What it reads, rows joined by a line break, a question mark for what may be no digit;
            empty if nothing was found.
        confidence: The product of the digits'; 0 if nothing was found.
        rejected: Whether this may be no number.
        digits: Row by row from left to right.
    """

    path: str
    text: str
    confidence: Share
    rejected: bool
    digits: tuple[DigitReport, ...]


@dataclass(frozen=True, slots=True)
class NumbersReport:
    """What predict --number found.

    Attributes:
        numbers: The answers, in the order given.
        failed: The pictures that could not be read.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/predict-number/1"

    numbers: tuple[NumberReport, ...]
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
        multiply_adds: The work for one input: multiply-adds, and one for each number that another
            operator makes.
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


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of a file of others.

    Attributes:
        name: Its name.
        dtype: The type of its elements; null where it is no tensor.
        shape: Its shape, null for each axis that is left open; null where none is declared.
    """

    name: str
    dtype: str | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class ForeignFileInfo:
    """What an ONNX file is that mnist-edge did not make.

    Attributes:
        path: The file.
        bytes: Its size.
        sha256: Its hash.
        producer: The tool that wrote it and its version, as the file has it.
        ir_version: Version of the ONNX format.
        opsets: Domains of operators, each with its version.
        operators: The graph's operators in order; those of graphs within nodes are not among them.
        inputs: What it takes, without weights.
        outputs: What it answers with.
        external_weights: Whether weights lie in other files.
        multiply_adds: The same of an mnist-edge file; null where that is not known.
        advice: That it is no file of mnist-edge, and how one is made of it.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/foreign-info/1"

    path: str
    bytes: int
    sha256: str
    producer: str
    ir_version: int
    opsets: tuple[str, ...]
    operators: tuple[str, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    external_weights: bool
    multiply_adds: int | None
    advice: str


@dataclass(frozen=True, slots=True)
class FilesInfo:
    """What several files are.

    Attributes:
        files: Those that could be read, in the order given.
        failed: Those that could not.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/files-info/1"

    files: tuple[FileInfo | ForeignFileInfo, ...]
    failed: tuple[Failure, ...]
