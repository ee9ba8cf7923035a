"""What a model takes: one input as apps pass it, and as the model was trained on it."""

import numpy as np
from numpy.typing import NDArray

from mnist_edge import pixels
from mnist_edge.datasets import Dataset, ModelInput
from mnist_edge.errors import OptionError
from mnist_edge.model_spec import (
    MNIST_SHAPE,
    InputSpec,
    ModelSpec,
    Preprocessing,
    TrainedScaling,
    float_input,
)
from mnist_edge.sources.source import Source


def specify(
    source: Source,
    scaling: TrainedScaling,
    labels: tuple[str, ...] = (),
    preprocessing: Preprocessing | None = None,
    *,
    features: bool = False,
) -> ModelSpec:
    """Return what an exported float file of a model takes and answers.

    Inputs with rows and columns are pixels, and so are 784 in a row; all others are features, which
    are taken as they are.

    Args:
        source: The model.
        scaling: What it was trained on.
        labels: The names of its classes; none for their numbers.
        preprocessing: How a picture becomes its input; None for what is usual: as ink on paper
            where it takes MNIST's shape and answers with digits and letters, else as a whole.
        features: Whether its inputs are features though they have rows and columns.

    Raises:
        OptionError: The model's inputs are not made of pictures in that way.
    """
    labels = labels or tuple(map(str, range(source.classes)))
    taken = input_of(source)
    if features:
        taken = InputSpec(taken.shape, "float32", None)
    if preprocessing is None:
        preprocessing = _usual(taken, labels)
    elif preprocessing == "strokes" and taken.shape != MNIST_SHAPE:
        raise OptionError(
            f"expected --preprocessing resize or none for {source.path}, which takes "
            f"{list(taken.shape)}, received strokes, which makes 28x28 pixels"
        )
    elif preprocessing == "resize" and taken.range is None:
        raise OptionError(
            f"expected --preprocessing none for {source.path}, which takes features, received "
            "resize"
        )
    return ModelSpec("fp32", taken, labels, preprocessing, scaling)


def _usual(taken: InputSpec, labels: tuple[str, ...]) -> Preprocessing:
    if taken.range is None:
        return "none"
    if taken.shape == MNIST_SHAPE and all(map(_is_written, labels)):
        return "strokes"
    return "resize"


def is_of_features(source: Source, dataset: Dataset | None) -> bool:
    """Return whether the data that is named for a model shows that it takes features.

    Signals, for one: they have rows and columns as pictures have.
    """
    if dataset is None or not dataset.is_named or dataset.has_pixels:
        return False
    return dataset.shape == input_of(source).shape


def _is_written(label: str) -> bool:
    """Return whether a label is a single digit or letter."""
    return len(label) == 1 and label.isalnum()


def wanted_by(source: Source, labels: tuple[str, ...] = ()) -> ModelInput:
    """Return what a model takes of a data set; ``labels`` as for ``specify``."""
    return ModelInput(input_of(source), source.classes, labels)


def input_of(source: Source) -> InputSpec:
    """Return what one input of a float file is."""
    shape = source.input_shape
    if source.channels_first:
        shape = (*shape[1:], shape[0])
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    return float_input(shape)


def as_trained(
    inputs: NDArray[np.generic], source: Source, scaling: TrainedScaling
) -> NDArray[np.float32]:
    """Return inputs as the model itself takes them.

    Args:
        inputs: (N, ...) as apps pass them: uint8 pixels, or features.
        source: The model.
        scaling: What it was trained on.

    Returns:
        float32 (N, *source.input_shape).
    """
    images = inputs.dtype == np.uint8
    values = pixels.as_trained(inputs, scaling) if images else inputs.astype(np.float32)
    return in_the_models_order(values, source)


def in_the_models_order(values: NDArray[np.float32], source: Source) -> NDArray[np.float32]:
    """Return inputs (N, ...), channels last, as float32 (N, *source.input_shape)."""
    if source.channels_first:
        channels, *sides = source.input_shape
        values = np.moveaxis(values.reshape(-1, *sides, channels), -1, 1)
    return np.ascontiguousarray(values.reshape(-1, *source.input_shape))
