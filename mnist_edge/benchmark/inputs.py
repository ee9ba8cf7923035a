"""What is read: images with labels where they fit a model, else inputs that are made for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_edge.model_spec import (
    PIXEL_MAX,
    InputSpec,
    ModelSpec,
    TrainedScaling,
)
from mnist_edge.pixels import affine

if TYPE_CHECKING:
    from mnist_edge.datasets import Dataset

MADE_INPUTS = 1_000
"""How many are made, where all together have no more than ``_MADE_ELEMENTS`` numbers."""

_MADE_ELEMENTS = 2**24
_FEWEST = 16

WHITE = np.float32(PIXEL_MAX)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a candidate reads, as an app passes it.

    Attributes:
        values: (N, ...): uint8 pixels, or float32 features.
        labels: Class indices (N,); None where it is not known what is right.
        made: Whether they were made here, and are of no data set.
    """

    values: NDArray[np.generic]
    labels: NDArray[np.integer] | None
    made: bool


def fits(spec: InputSpec, dataset: "Dataset | None") -> bool:
    """Return whether a model takes a data set's examples; axes of length 1 do not count."""
    if dataset is None or dataset.has_pixels == (spec.range is None):
        return False
    sizes = dataset.shape
    elements = [spec.elements] if spec.elements == np.prod(sizes) else None
    return _long_axes(spec.shape) in (_long_axes(sizes), elements)


def to_read(spec: ModelSpec, dataset: "Dataset | None") -> Inputs:
    """Return the test examples of a data set that fits, with labels if they are the model's."""
    dataset = dataset and dataset.in_order_of(spec.feature_names)
    if dataset is None or not fits(spec.input, dataset):
        return Inputs(made(spec.input), None, made=True)
    images = dataset.test_images.reshape(-1, *spec.input.shape)
    labels = dataset.test_labels if dataset.has_classes_of(spec.labels) else None
    return Inputs(images, labels, made=False)


def to_calibrate(spec: InputSpec, dataset: "Dataset | None") -> NDArray[np.generic]:
    """Return inputs for the ranges of int8: training images that fit, else made ones."""
    if dataset is None or not fits(spec, dataset):
        return made(spec)
    return dataset.train_images.reshape(-1, *spec.shape)


def made(spec: InputSpec) -> NDArray[np.generic]:
    """Make inputs of a shape, the same ones each time: (N, ...), uint8 pixels or float32 features.

    Pixels are evenly distributed, features normally; one image is black and one white.
    """
    count = min(MADE_INPUTS, max(_FEWEST, _MADE_ELEMENTS // spec.elements))
    rng = np.random.default_rng(0)
    if spec.range is None:
        return rng.standard_normal((count, *spec.shape), np.float32)
    pixels = rng.integers(0, PIXEL_MAX + 1, (count, *spec.shape), np.uint8)
    pixels[0] = 0
    pixels[1] = PIXEL_MAX
    return pixels


def scaler(
    spec: InputSpec, scaling: TrainedScaling
) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
    """Return a function of inputs (N, ...) as apps pass them to float32 as a network takes them.

    Raises:
        OptionError: The scaling is none that is known, or does not fit the channels.
    """
    if spec.range is None:
        return lambda features: features.astype(np.float32)
    if scaling == TrainedScaling("0..1"):
        return lambda pixels: pixels.astype(np.float32) / WHITE
    factor, offset = affine(scaling, spec.shape[2] if len(spec.shape) > 2 else 1)
    step = (factor / PIXEL_MAX).astype(np.float32)
    start = offset.astype(np.float32)

    def scaled(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        numbers = pixels.astype(np.float32)
        turned = numbers.swapaxes(1, 2) if scaling.transposed else numbers
        return np.asarray(turned * step + start)

    return scaled


def _long_axes(shape: tuple[int, ...]) -> list[int]:
    return [axis for axis in shape if axis != 1]
