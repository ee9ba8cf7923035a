"""What export and verify report, and the manifest that stands beside an exported file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mnist_edge.datasets.dataset import DataSummary
from mnist_edge.documents import INLINE, Failure, Share

Status = Literal[
    "written",
    "unchanged",
    "kept",
    "unverified",
    "rejected",
    "failed",
    "not offered",
    "passed",
]
"""What became of a file. Of export: ``written``, ``unchanged`` (it was there already), ``kept`` (a
file verified on better images is there), ``unverified`` (it agrees with its reference, which does
not read the images), ``rejected`` (it missed its gate and was not written), ``failed`` (it could
not be made), ``not offered`` (as these two, where nobody named its precision). Of verify:
``passed``, ``unverified`` or ``failed``."""


@dataclass(frozen=True, slots=True)
class Flip:
    """An image that gets another label from the file than from its reference.

    Attributes:
        index: Its place among the test images, from 0.
        label: What it is; null where the inputs were made.
        reference: The reference's answer.
        model: The file's answer.
        margin: By how much the reference preferred its answer to the file's, in probability.
    """

    index: int
    label: int | None
    reference: int
    model: int
    margin: float


@dataclass(frozen=True, slots=True)
class Parity:
    """How close a file comes to its reference; null where it was not verified.

    Attributes:
        max_abs_diff: Largest difference of a probability.
        mean_abs_diff: Mean difference of the probabilities.
        max_sum_error: Largest difference from 1 of the sum of an image's probabilities.
        max_score_diff: Largest difference of a score (a value before the last softmax or sigmoid),
            as a share of the largest score; null where no gate asks for it.
        agreement: Share of images with the same answer.
        clear_agreement: The same of the images that the reference answers with a margin of 0.1;
            null where these are few.
        accuracy: Share of images that the file reads right; null where they have no labels.
        reference_accuracy: Share of images that the reference reads right, likewise.
        flips: The images with another answer.
    """

    max_abs_diff: float | None = None
    mean_abs_diff: float | None = None
    max_sum_error: float | None = None
    max_score_diff: float | None = None
    agreement: Share | None = None
    clear_agreement: Share | None = None
    accuracy: Share | None = None
    reference_accuracy: Share | None = None
    flips: tuple[Flip, ...] = ()


@dataclass(frozen=True, slots=True)
class InactiveUnits:
    """The hidden units of a file.

    Attributes:
        dropped: How many were left out for being inactive, by layer.
        left: How many are left, by layer.
    """

    dropped: tuple[int, ...]
    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One file of a report.

    Attributes:
        path: The file.
        precision: How its weights are stored.
        status: What became of it.
        bytes: Its size; null where it could not be made.
        parity: How close it comes to its reference.
        failures: A sentence for each part of its gate that it missed.
        passed: Whether it kept its gate; null where it was not verified.
        inactive_units: Its hidden units, where inactive ones were looked for.
        reference: The model's file that it was verified against; null in export's document, which
            has one for all files.
        images: How many inputs it was verified on; null likewise.
    """

    path: str
    precision: str
    status: Status
    bytes: int | None
    parity: Parity = field(default_factory=Parity, metadata=INLINE)
    failures: tuple[str, ...] = ()
    passed: bool | None = None
    inactive_units: InactiveUnits | None = None
    reference: str | None = None
    images: int | None = None


@dataclass(frozen=True, slots=True)
class WideNetworkReport:
    """The wide network that a compressed one was made of.

    Attributes:
        sha256: Hash of its .keras file.
        widths: Units of each hidden layer.
        accuracy: Share of the same images that it reads right; null where it was tested on others.
    """

    sha256: str
    widths: tuple[int, ...]
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What files were verified against.

    Attributes:
        path: The model's file.
        sha256: Its hash.
        compressed_from: The wide network that it was made of, if it was.
        classes: How many the model has; null where it was not run.
    """

    path: str
    sha256: str
    compressed_from: WideNetworkReport | None = None
    classes: int | None = None


@dataclass(frozen=True, slots=True)
class ParityReport:
    """What the documents of export and verify have in common."""

    images: int
    data: DataSummary | None
    reference: ReferenceReport | None
    models: tuple[ModelReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no file missed its gate."""
        return all(model.passed is not False for model in self.models)


@dataclass(frozen=True, slots=True)
class VerifyReport(ParityReport):
    """What verify found.

    Files of several models are verified in turn: images, data and reference are then of the first.

    Attributes:
        images: How many images the files were verified on; 0 for none.
        data: The set that they are of; null for none.
        reference: What the files were verified against; null where none could be verified.
        models: The files.
        notes: What is worth knowing of the model, a sentence each.
        failed: The files that could not be verified.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/verify/1"

    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReport(ParityReport):
    """What export made.

    Attributes:
        images: How many images the files were verified on; 0 for none.
        data: The set that they are of; null for none.
        reference: What the files were made from.
        models: The files.
        notes: What is worth knowing of the model, a sentence each.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/export/1"

    reference: ReferenceReport

    @property
    def passed(self) -> bool:
        """Whether no file that was asked for missed its gate, and one at least was made."""
        made = [model for model in self.models if model.status != "not offered"]
        return bool(made) and all(model.passed is not False for model in made)


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """What stands beside an exported file, as NAME.onnx.json.

    Attributes:
        file: Its name.
        bytes: Its size.
        sha256: Its hash.
        metadata: What the file says of itself.
        parity: How close it came to its reference; null where it was not verified.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/export-manifest/1"

    file: str
    bytes: int
    sha256: str
    metadata: Mapping[str, str]
    parity: Parity | None
