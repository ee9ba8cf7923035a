"""What a file is verified on: labelled images where they fit the model, else inputs made here."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.datasets import Dataset, DataSummary
from mnist_edge.errors import DataError, listed
from mnist_edge.model_spec import PIXEL_MAX, InputSpec, ModelSpec

SAMPLE_NAME = "MNIST sample (training images)"
MADE_NAME = "generated inputs"

MADE_INPUTS = 1_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs as an app passes them, uint8 pixels or float32 features.

    Attributes:
        inputs: (N, *shape).
        labels: Class indices (N,); None for inputs that were made, which show nothing.
        summary: Which they are.
    """

    inputs: NDArray[np.generic]
    labels: NDArray[np.integer] | None
    summary: DataSummary

    @property
    def name(self) -> str:
        """What a file's metadata calls them."""
        return SAMPLE_NAME if self.summary.split == "train" else self.summary.name


def fits(spec: ModelSpec, dataset: Dataset | None) -> bool:
    """Return whether a data set's images and labels are of the kind that a model takes."""
    return (
        dataset is not None
        and dataset.has_pixels == (spec.input.range is not None)
        and dataset.shape == spec.input.shape
        and dataset.has_classes_of(spec.labels)
    )


def require_fit(spec: ModelSpec, dataset: Dataset, origin: str) -> None:
    """Refuse a data set that a model does not take.

    Args:
        spec: What the model takes and answers.
        dataset: The data.
        origin: What to call the model in the error's text.

    Raises:
        DataError: Its examples have another shape or are of another kind, or it has other classes.
    """
    if not fits(spec, dataset):
        what = "features" if spec.input.range is None else "images"
        advice = ""
        too_many = len(dataset.columns) > spec.input.elements
        if too_many and dataset.has_classes_of(spec.labels):
            advice = f": remove what is no feature; the columns are {listed(dataset.columns)}"
        raise DataError(
            f"expected data that {origin} takes, {spec.input.size} {what} of "
            f"{len(spec.labels)} classes, received {dataset.described} ({dataset.source}){advice}"
        )


def choose(spec: ModelSpec, dataset: Dataset | None) -> Examples:
    """Return the test images of a data set that fits, else inputs made for the model."""
    if dataset is None or not fits(spec, dataset):
        return made(spec.input)
    return Examples(dataset.test_images, dataset.test_labels, dataset.summary)


def made(spec: InputSpec) -> Examples:
    """Make inputs of a shape: the same ones each time.

    Pixels are noise, coarse and fine, on backgrounds from black to white; blank images, single
    pixels, bars and ramps. Features are normally distributed, small and large, and zeros.
    """
    rng = np.random.default_rng(_SEED)
    inputs = _features(rng, spec.shape) if spec.range is None else _pixels(rng, spec.shape)
    digest = hashlib.sha256(inputs.tobytes()).hexdigest()
    return Examples(inputs, None, DataSummary(MADE_NAME, digest, "made"))


def _features(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values = rng.standard_normal((MADE_INPUTS, *shape), np.float32)
    scales = np.float32(10) ** rng.integers(-2, 3, MADE_INPUTS)
    values *= scales.astype(np.float32).reshape(-1, *[1] * len(shape))
    values[0] = 0
    values[1] = 1
    return values


def _pixels(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    rows, columns, *channels = shape if len(shape) > 1 else (1, *shape)
    # Noise of a few coarse cells is smooth over many pixels, as drawings are; of many, it is not.
    images = np.empty((MADE_INPUTS, rows, columns, *channels))
    for number, image in enumerate(images):
        cell = (1, 2, 4, 8)[number % 4]
        coarse = (-(-rows // cell), -(-columns // cell), *channels)
        noise = rng.random(coarse).repeat(cell, axis=0).repeat(cell, axis=1)
        image[...] = noise[:rows, :columns]
    contrast = rng.random((MADE_INPUTS, *[1] * (images.ndim - 1)))
    light = rng.random(contrast.shape) * (1 - contrast)
    images = light + contrast * images
    # A third is mostly black, as ink on paper is.
    sides = tuple(range(1, images.ndim))
    images[::3] *= images[::3] >= np.median(images[::3], axis=sides, keepdims=True)
    for number, edge in enumerate(_edges(rows, columns)):
        images[number] = edge.reshape(rows, columns, *[1] * len(channels))
    pixels = np.rint(images * PIXEL_MAX).astype(np.uint8)
    return pixels.reshape(MADE_INPUTS, *shape)


def _edges(rows: int, columns: int) -> list[NDArray[np.float64]]:
    """Return images at the edge of what may come: values in 0..1."""
    black = np.zeros((rows, columns))
    dot = black.copy()
    dot[rows // 2, columns // 2] = 1
    bar = black.copy()
    bar[:, columns // 2] = 1
    ramp = np.broadcast_to(np.linspace(0, 1, columns), black.shape)
    plain = [black, 1 - black, black + 0.5, dot, bar, ramp]
    return [*plain, *(1 - edge for edge in plain)]
