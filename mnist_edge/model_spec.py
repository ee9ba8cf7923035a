"""What a model file takes, answers and was made from: the one module that both halves import.

An ``mnist-edge`` ONNX file has one input, ``image`` [batch, ...], and one output, ``probabilities``
float32 [batch, classes]. All else that an app must know stands in the file's own metadata_props, as
text, so that it travels with the file: ``ModelSpec`` is what it takes and answers, ``Provenance``
what it was made from and how well it reads.

This is contract version 2. Files of version 1 were all of one kind, 28x28 pixels to ten digits, and
are read too.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

from mnist_edge.errors import ModelError, shown

CONTRACT_VERSION = "2"
MAX_MODEL_BYTES = 64 * 2**20

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"

FEATURE_NAMES = "feature_names"
"""The entry of the metadata with the names of a table's columns."""

OPSETS = range(13, 19)
"""Opsets that tf2onnx 1.17 writes and that onnxruntime reads from 1.15 on."""

DEFAULT_OPSET = 17

PIXEL_MAX = 255
"""The lightest of a uint8 pixel's values."""

SIDE = 28
MNIST_SHAPE = (SIDE, SIDE)
"""One image of MNIST: rows and columns."""

MAX_PIXELS = 24_000_000
"""Of a picture that is read, by its header: 96 MB as Pillow holds colours."""

DIGITS = tuple("0123456789")
"""The labels of a network that reads digits."""


def are_digits(labels: tuple[str, ...]) -> bool:
    """Return whether labels are the digits 0 to 9: the same tuple in nearly every file."""
    return labels is DIGITS or labels == DIGITS


Dtype = Literal["float32", "uint8"]

Preprocessing = Literal["strokes", "resize", "none"]
"""How a picture becomes an input: ``strokes`` as MNIST's makers prepared ink on paper, ``resize``
any image, ``none`` where the input is no picture."""

Resize = Literal["smooth", "stretch", "crop", "pad"]
"""How a whole picture gets a model's size. ``smooth`` stretches it and takes means of its pixels
where it shrinks. The others take the four nearest pixels, as Keras' image_dataset_from_directory
does: ``stretch`` changes its proportions, ``crop`` cuts off what is too much, ``pad`` adds
black."""

_MAX_INPUT_RANK = 4
_MAX_ELEMENTS = 2**24
_MAX_LABELS = 2**16
_MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input of a model.

    Attributes:
        shape: Shape of one image as apps pass it: (28, 28), (32, 32, 3), or (4,) for features. The
            ONNX input may have another shape with as many elements.
        dtype: Element type of the ONNX input.
        range: Smallest and largest pixel value of the ONNX input; None for features, which are not
            scaled.
    """

    shape: tuple[int, ...]
    dtype: Dtype = "float32"
    range: tuple[int, int] | None = (0, 1)

    @property
    def elements(self) -> int:
        """The number of elements of one image."""
        return math.prod(self.shape)

    @property
    def is_row(self) -> bool:
        """Whether it is features in a row, as a table has them."""
        return self.range is None and len(self.shape) == 1

    @property
    def size(self) -> str:
        """The shape as text, such as 28x28."""
        return "x".join(map(str, self.shape))


UNIT_PIXELS = InputSpec(MNIST_SHAPE, "float32", (0, 1))
"""Pixels divided by 255."""

RAW_PIXELS = InputSpec(MNIST_SHAPE, "uint8", (0, PIXEL_MAX))
"""Pixels as they are."""

IMAGE_CHANNELS = (1, 3, 4)
"""How many channels an image has: grey, colour, colour with alpha."""


def float_input(shape: tuple[int, ...]) -> InputSpec:
    """Return what one input of a shape is, channels last, where nothing else says it.

    What has rows and columns is pixels, and so are as many numbers in a row as MNIST's images have;
    all else is features.
    """
    if shape == (UNIT_PIXELS.elements,):
        return UNIT_PIXELS
    are_pixels = len(shape) == 2 or (len(shape) == 3 and shape[2] in IMAGE_CHANNELS)
    return InputSpec(shape, "float32", (0, 1) if are_pixels else None)


@dataclass(frozen=True, slots=True)
class TrainedScaling:
    """What the network was trained on: a record. The file's graph carries what makes it so.

    Attributes:
        name: The scaling of the pixels: 0..1, 0..255, -1..1 or mean,std.
        mean: Of each channel, for mean,std.
        std: Likewise.
        inverted: Whether it was trained on dark ink on white.
        transposed: Whether rows and columns were exchanged.
    """

    name: str = "0..1"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    inverted: bool = False
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The input, labels and preprocessing of a model.

    Attributes:
        precision: Precision of the weights: fp32, int8, ...
        input: Shape, type and range of the input.
        labels: The name of each class, in the order of the probabilities.
        preprocessing: How a picture becomes the input: ``strokes``, ``resize`` or ``none``.
        trained_scaling: The pixel scaling that the network was trained on.
        resize: How a picture is scaled, where ``preprocessing`` is ``resize``.
        feature_names: The names of the features, in the order of the input; none for pixels, or
            where nothing names them.
    """

    precision: str
    input: InputSpec = UNIT_PIXELS
    labels: tuple[str, ...] = DIGITS
    preprocessing: Preprocessing = "strokes"
    trained_scaling: TrainedScaling = field(default_factory=TrainedScaling)
    resize: Resize = "smooth"
    feature_names: tuple[str, ...] = ()

    @property
    def reads_digits(self) -> bool:
        """Whether the labels are the digits 0 to 9."""
        return are_digits(self.labels)

    @property
    def reads_strokes(self) -> bool:
        """Whether inputs are ink on paper (``preprocessing`` is ``strokes``)."""
        return self.preprocessing == "strokes"

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> Self:
        """Read a ModelSpec from a file's metadata.

        Args:
            metadata: The file's metadata_props.
            origin: Name of the file, for error messages.

        Raises:
            ModelError: The metadata is missing, invalid, or of an unknown version.
        """
        version = metadata.get("contract")
        if version is None:
            raise no_contract(origin)
        if version not in ("1", CONTRACT_VERSION):
            raise ModelError(
                f"{origin} keeps contract version {version} but this mnist-edge reads versions 1 "
                f"and {CONTRACT_VERSION}: install the mnist-edge that made it, or export it again"
            )
        try:
            if version == "1":
                return cls._version_1(metadata)
            return cls._version_2(metadata)
        except ValueError as error:
            raise ModelError(
                f"expected metadata that makes sense in {origin}, found {error}"
            ) from error

    @classmethod
    def _version_1(cls, metadata: Mapping[str, str]) -> Self:
        inputs = {"unit": UNIT_PIXELS, "pixels": RAW_PIXELS}
        kind = metadata.get("input", "")
        if kind not in inputs:
            raise ValueError(f"input={shown(kind)} where input=unit or input=pixels may stand")
        if metadata.get("labels") != ",".join(DIGITS):
            raise ValueError(
                f"labels={shown(metadata.get('labels'))} where the ten digits may stand"
            )
        return cls(metadata.get("precision", ""), inputs[kind])

    @classmethod
    def _version_2(cls, metadata: Mapping[str, str]) -> Self:
        labels = _json(metadata, "labels")
        _require_labels(labels)
        if not _is_name(metadata.get("precision")):
            raise ValueError(f"precision={shown(metadata.get('precision'))} where a name may stand")
        preprocessing = metadata.get("preprocessing")
        if preprocessing not in get_args(Preprocessing):
            raise ValueError(
                f"preprocessing={shown(preprocessing)} where {_listed(get_args(Preprocessing))} "
                "may stand"
            )
        resize = metadata.get("resize", "smooth")
        if resize not in get_args(Resize):
            raise ValueError(f"resize={shown(resize)} where {_listed(get_args(Resize))} may stand")
        found = _input(_json(metadata, "input"))
        if preprocessing == "strokes" and found.shape != MNIST_SHAPE:
            raise ValueError(
                f"preprocessing=strokes, which makes 28x28 pixels, for {list(found.shape)}"
            )
        return cls(
            precision=metadata["precision"],
            input=found,
            # The same tuple, so that a prediction need not compare labels.
            labels=DIGITS if tuple(labels) == DIGITS else tuple(labels),
            preprocessing=preprocessing,  # type: ignore[arg-type]  # one of them
            trained_scaling=_scaling(_json(metadata, "trained_scaling")),
            resize=resize,  # type: ignore[arg-type]  # one of them
            feature_names=_feature_names(metadata, found),
        )

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata entries that ``from_metadata`` reads."""
        scaling = asdict(self.trained_scaling)
        entries = {
            "contract": CONTRACT_VERSION,
            "precision": self.precision,
            "input": _text(asdict(self.input)),
            "labels": _text(self.labels),
            "preprocessing": self.preprocessing,
            "trained_scaling": _text({name: value for name, value in scaling.items() if value}),
        }
        if self.resize != "smooth":  # what files that say nothing of it mean
            entries["resize"] = self.resize
        if self.feature_names:
            entries[FEATURE_NAMES] = _text(self.feature_names)
        return entries


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def no_contract(origin: str) -> ModelError:
    """Return the error for an ONNX file of others.

    Args:
        origin: What to call the file.
    """
    return ModelError(
        f"expected a model made by 'mnist-edge export', but {origin} holds no mnist-edge contract: "
        "export it first ('mnist-edge export FILE')"
    )


def _read_text(metadata: Mapping[str, str], name: str) -> str | None:
    return metadata.get(name)


def _read_count(metadata: Mapping[str, str], name: str) -> int | None:
    value = _json(metadata, name) if name in metadata else None
    if value is not None and not _is_count(value):
        raise ValueError(f"{name}={shown(metadata[name])} where a whole number from 1 may stand")
    return value


def _read_share(metadata: Mapping[str, str], name: str) -> float | None:
    value = _json(metadata, name) if name in metadata else None
    if value is not None and not (_is_number(value) and 0 <= value <= 1):
        raise ValueError(f"{name}={shown(metadata[name])} where a share from 0 to 1 may stand")
    return value


def _read_counts(metadata: Mapping[str, str], name: str) -> tuple[int, ...] | None:
    if name not in metadata:
        return None
    value = _json(metadata, name)
    if not isinstance(value, list) or not all(_is_count(count, least=0) for count in value):
        raise ValueError(f"{name}={shown(metadata[name])} where a list of whole numbers may stand")
    return tuple(value)


def _read_versions(metadata: Mapping[str, str], name: str) -> Mapping[str, str] | None:
    if name not in metadata:
        return None
    value = _json(metadata, name)
    if not isinstance(value, dict) or not all(map(_is_name, [*value, *value.values()])):
        raise ValueError(f"{name}={shown(metadata[name])} where a version for each name may stand")
    return value


def _entry(read: Callable[[Mapping[str, str], str], Any], *, verification: bool = False) -> Any:
    """Declare an entry of the metadata: how it is read, and whether verifying a file makes it."""
    return field(default=None, metadata={"read": read, "verification": verification})


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a file was made from, and how well it reads; None for what it does not record.

    Attributes:
        source_sha256: Hash of the .keras file.
        tools: Versions of what decided its bytes.
        calibration_data: The set that ranges and inactive units were found on.
        calibration_images: How many images of it.
        inactive_units_dropped: Hidden units left out, by layer.
        hidden_units: Those that are left.
        data: The set that it was verified on.
        data_fingerprint: Hash of that set.
        images: How many images of it.
        accuracy: Share of them that the file reads right.
        reference_accuracy: Share that the .keras file reads right.
        agreement: Share for which the two answer with the same class.
        unverified: Why that does not count: the model itself does not read these images.
    """

    source_sha256: str | None = _entry(_read_text)
    tools: Mapping[str, str] | None = _entry(_read_versions)
    calibration_data: str | None = _entry(_read_text)
    calibration_images: int | None = _entry(_read_count)
    inactive_units_dropped: tuple[int, ...] | None = _entry(_read_counts)
    hidden_units: tuple[int, ...] | None = _entry(_read_counts)
    data: str | None = _entry(_read_text, verification=True)
    data_fingerprint: str | None = _entry(_read_text, verification=True)
    images: int | None = _entry(_read_count, verification=True)
    accuracy: float | None = _entry(_read_share, verification=True)
    reference_accuracy: float | None = _entry(_read_share, verification=True)
    agreement: float | None = _entry(_read_share, verification=True)
    unverified: str | None = _entry(_read_text, verification=True)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> Self:
        """Read what a file was made from; arguments as for ``ModelSpec.from_metadata``.

        Raises:
            ModelError: Its metadata makes no sense.
        """
        entries = _from_version_1(metadata) if metadata.get("contract") == "1" else metadata
        try:
            values = {
                entry.name: entry.metadata["read"](entries, entry.name) for entry in fields(cls)
            }
            return cls(**values)
        except ValueError as error:
            raise ModelError(
                f"expected metadata that makes sense in {origin}, found {error}"
            ) from error

    def to_metadata(self) -> dict[str, str]:
        """Return the entries of a file's metadata that ``from_metadata`` reads."""
        entries = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None:
                entries[entry.name] = _text(value)
        return entries


VERIFICATION_ENTRIES = tuple(
    entry.name for entry in fields(Provenance) if entry.metadata["verification"]
)
"""The entries that depend on the images a file was verified on."""


def _require_labels(labels: object) -> None:
    fits = isinstance(labels, list) and 1 < len(labels) <= _MAX_LABELS
    if not fits or not all(map(_is_name, labels)):  # type: ignore[call-overload]  # a list
        raise ValueError(f"labels={shown(labels)} where a list of names may stand")
    if len(set(labels)) < len(labels):  # type: ignore[call-overload, arg-type]  # a list
        raise ValueError("two labels of one name")


def _input(value: object) -> InputSpec:
    if not isinstance(value, dict) or value.keys() != {"shape", "dtype", "range"}:
        raise ValueError(f"input={shown(value)} where its shape, dtype and range may stand")
    shape = value["shape"]
    dtype = value["dtype"]
    limits = value["range"]
    sizes = shape if isinstance(shape, list) else []
    counts = 1 <= len(sizes) <= _MAX_INPUT_RANK and all(map(_is_count, sizes))
    if not counts or math.prod(sizes) > _MAX_ELEMENTS:
        raise ValueError(f"an input of shape {shown(shape)}")
    known = (("uint8", [0, PIXEL_MAX]), ("float32", [0, 1]), ("float32", None))
    exact = limits is None or (isinstance(limits, list) and {*map(type, limits)} == {int})
    if not exact or (dtype, limits) not in known:
        raise ValueError(f"an input of type {shown(dtype)} in the range {shown(limits)}")
    return InputSpec(tuple(sizes), dtype, None if limits is None else tuple(limits))


def are_feature_names(names: Sequence[object], taken: InputSpec) -> bool:
    """Return whether names can be those of an input's features: one each, none twice."""
    fits = taken.range is None and len(names) == taken.elements and all(map(_is_name, names))
    return fits and len(set(names)) == len(names)


def _feature_names(metadata: Mapping[str, str], taken: InputSpec) -> tuple[str, ...]:
    if FEATURE_NAMES not in metadata:
        return ()
    value = _json(metadata, FEATURE_NAMES)
    if not isinstance(value, list) or not are_feature_names(value, taken):
        raise ValueError(
            f"{FEATURE_NAMES}={shown(metadata[FEATURE_NAMES])} where a name for each feature may "
            "stand"
        )
    return tuple(value)


def _scaling(value: object) -> TrainedScaling:
    known = {entry.name for entry in fields(TrainedScaling)}
    if not isinstance(value, dict) or not value.keys() <= known or not _is_name(value.get("name")):
        raise ValueError(f"trained_scaling={shown(value)}")
    flags = (value.get("inverted", False), value.get("transposed", False))
    if not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"trained_scaling={shown(value)}")
    mean = _numbers(value.get("mean", []), "mean")
    std = _numbers(value.get("std", []), "std")
    return TrainedScaling(value["name"], mean, std, *flags)


def _from_version_1(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return version 1's entries as version 2 writes them."""
    renamed = dict(metadata)
    names = {"keras_sha256": "source_sha256", "silent_units_dropped": "inactive_units_dropped"}
    for old, new in names.items():
        if old in metadata:
            renamed[new] = metadata[old]
    for name in ("inactive_units_dropped", "hidden_units"):
        if name in renamed:
            renamed[name] = f"[{renamed[name]}]"
    if "tools" in metadata:
        pairs = [tool.rpartition(" ") for tool in metadata["tools"].split(", ")]
        renamed["tools"] = _text({name: version for name, _, version in pairs})
    return renamed


def _json(metadata: Mapping[str, str], name: str) -> Any:
    """Return the JSON value of an entry."""
    if name not in metadata:
        raise ValueError(f"no entry {name!r}")
    try:
        return json.loads(metadata[name])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}={shown(metadata[name])}, which is not JSON") from error


def _text(value: object) -> str:
    """Return a value as an entry has it: names as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _numbers(value: object, name: str) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(map(_is_number, value)):
        raise ValueError(f"{name}={shown(value)} where a list of numbers may stand")
    return tuple(map(float, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= 10**9


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_CHARACTERS
