"""Pixels as apps have them -> the numbers that a network was trained on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import OptionError
from mnist_edge.model_spec import IMAGE_CHANNELS, PIXEL_MAX, TrainedScaling

AFFINE = {"0..1": (1.0, 0.0), "0..255": (float(PIXEL_MAX), 0.0), "-1..1": (2.0, -1.0)}
"""The factor and the offset that make of pixels in 0..1 what each scaling has."""

MEAN_STD = "mean,std"
"""The scaling that has numbers of its own."""

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class AskedScaling:
    """The scaling that somebody asks for.

    Attributes:
        name: One of ``AFFINE``, ``MEAN_STD`` or ``AUTO``; None for what the model itself shows.
        mean: Of each channel, for ``MEAN_STD``; empty for those of the training images.
        std: Likewise.
        inverted: Whether the model was trained on dark ink on white.
        transposed: Whether rows and columns were exchanged.
    """

    name: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    inverted: bool = False
    transposed: bool = False

    @property
    def is_given(self) -> bool:
        """Whether anything is asked for."""
        return self.name is not None or self.inverted or self.transposed


def parse_scaling(
    text: str | None, *, inverted: bool = False, transposed: bool = False
) -> AskedScaling:
    """Return the scaling that an option names.

    Args:
        text: One of ``AFFINE``, "mean,std", "auto", or numbers: the mean of each channel, then the
            standard deviation of each, of pixels in 0..1.
        inverted: As in ``AskedScaling``.
        transposed: Likewise.

    Raises:
        OptionError: It names none, or "auto" comes with what it finds out.
    """
    if text == AUTO and (inverted or transposed):
        raise OptionError(
            "expected --scaling auto alone, received --invert or --transpose, which it finds out"
        )
    if text is None or text in (*AFFINE, MEAN_STD, AUTO):
        return AskedScaling(text, inverted=inverted, transposed=transposed)
    numbers = _numbers(text)
    channels, odd = divmod(len(numbers), 2)
    std = numbers[channels:]
    if odd or channels not in IMAGE_CHANNELS or not all(value > 0 for value in std):
        raise OptionError(
            f"expected --scaling as {', '.join(AFFINE)}, {AUTO}, {MEAN_STD} (of the training "
            "images), or a mean and a standard deviation of pixels in 0..1 such as 0.1307,0.3081 "
            f"(three of each for colour, four with alpha), received {text!r}"
        )
    return AskedScaling(MEAN_STD, numbers[:channels], std, inverted, transposed)


def _numbers(text: str) -> tuple[float, ...]:
    """Return the finite numbers in a list; none if it holds anything else."""
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def affine(
    scaling: TrainedScaling, channels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the factor and the offset that make of pixels in 0..1 what was trained on.

    Args:
        scaling: What that was. Means and standard deviations are of pixels in 0..1.
        channels: Of an image.

    Returns:
        Two arrays, each () or (channels,).

    Raises:
        OptionError: The scaling is none that is known, or does not fit the channels.
    """
    if scaling.name == MEAN_STD:
        mean = np.array(scaling.mean)
        std = np.array(scaling.std)
        if mean.shape != std.shape or mean.shape not in ((1,), (channels,)) or not std.all():
            raise OptionError(
                f"expected a mean and a standard deviation for each of {channels} channels, "
                f"received {list(scaling.mean)} and {list(scaling.std)}"
            )
        factor = 1 / std
        offset = -mean / std
    elif scaling.name in AFFINE:
        factor, offset = map(np.atleast_1d, AFFINE[scaling.name])
    else:
        raise OptionError(
            f"expected a scaling out of {', '.join((*AFFINE, MEAN_STD))}, received {scaling.name!r}"
        )
    if scaling.inverted:  # of 1 - p
        offset = offset + factor
        factor = -factor
    if len(factor) == 1:
        return factor.reshape(()), offset.reshape(())
    return factor, offset


def as_trained(pixels: NDArray[np.generic], scaling: TrainedScaling) -> NDArray[np.float32]:
    """Return images as a network was trained on them.

    Args:
        pixels: uint8 (N, rows, columns) or (N, rows, columns, channels).
        scaling: What it was trained on.

    Returns:
        float32, rows and columns exchanged where the scaling says so.

    Raises:
        OptionError: As ``affine``.
    """
    channels = pixels.shape[3] if pixels.ndim > 3 else 1
    factor, offset = affine(scaling, channels)
    # Pixels have 256 values: what each becomes is worked out once, in float64.
    levels = np.linspace(0, 1, PIXEL_MAX + 1)[:, None]
    table = (levels * factor + offset).astype(np.float32)
    turned = pixels.swapaxes(1, 2) if scaling.transposed else pixels
    if table.shape[1] == 1:
        return np.asarray(table[:, 0][turned])
    return np.asarray(table[turned, np.arange(channels)])
