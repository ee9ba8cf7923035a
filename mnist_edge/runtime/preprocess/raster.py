"""An opened picture, upright and on paper: any part of it, at any size."""

from __future__ import annotations  # Pillow's types are named, Pillow is not loaded

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

DETAIL = 1024  # pixels a side that are kept of a large picture, to look closer at a small digit

_BLOCKS = 1.6  # times as many pixels as are wanted, from which means are over whole blocks
_ENOUGH = 0.9  # of the pixels that are asked for: then a JPEG is not decoded at its next size


class Part(NamedTuple):
    """A part of a picture, in shares of its height and width from 0 to 1."""

    top: float
    bottom: float
    left: float
    right: float


WHOLE = Part(0, 1, 0, 1)


class Loaded(NamedTuple):
    """A picture as it was decoded.

    Attributes:
        image: In one of the modes L, RGB and F (grey, 0 to 255), upright.
        size: Width and height of the picture itself, upright; the image may be smaller.
    """

    image: Image.Image
    size: tuple[int, int]


class Raster:
    """An opened picture.

    A large JPEG is first decoded at an eighth of its size or a quarter, which takes a fraction of
    the time, and again where more of it is asked for.

    Args:
        load: Gives the picture with so many pixels on its longer side or more, if it has them.
        longest: Pixels on the longer side to begin with.

    Attributes:
        size: Width and height of the picture itself.
    """

    def __init__(self, load: Callable[[int], Loaded], longest: int) -> None:
        self._load = load
        self._asked = longest
        self._image, self.size = load(longest)

    def image(self, longest: int) -> Image.Image:
        """Return the picture with about so many pixels on its longer side or more, if it has them.

        Raises:
            ImageError: It is damaged.
        """
        is_all = self._image.size == self.size
        if not is_all and self._asked < longest and max(self._image.size) < _ENOUGH * longest:
            self._image = self._load(longest).image
            self._asked = longest
        return self._image

    def view(self, part: Part, side: int) -> NDArray[Any]:
        """Return a part of the picture with about ``side`` pixels a side, as means over areas.

        At most a quarter less or an eighth more, so that areas can be whole blocks; or as many as
        the picture has.

        Returns:
            (h, w) if it is grey, else (h, w, 3); uint8, or float32 from 0 to 255.

        Raises:
            ImageError: It is damaged.
        """
        width, height = self._image.size
        tall = (part.bottom - part.top) * height
        wide = (part.right - part.left) * width
        image = self.image(math.ceil(side * max(width, height) / max(tall, wide)))
        width, height = image.size
        top = min(int(part.top * height), height - 1)
        left = min(int(part.left * width), width - 1)
        bottom = max(math.ceil(part.bottom * height), top + 1)
        right = max(math.ceil(part.right * width), left + 1)
        area = (left, top, right, bottom)
        ratio = max(bottom - top, right - left) / side
        if area == (0, 0, width, height) and ratio <= 1:
            pass  # all of it
        elif ratio <= 1:
            image = image.crop(area)
        elif ratio < _BLOCKS:
            size = (
                max(1, round((right - left) / ratio)),
                max(1, round((bottom - top) / ratio)),
            )
            image = image.resize(size, resample=_BILINEAR, box=area)
        else:
            image = image.reduce(math.ceil(ratio - 0.25), area)
        return _grey_if_it_is(np.asarray(image))


_BILINEAR = 2  # Image.Resampling.BILINEAR, without Pillow


def _grey_if_it_is(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    red = pixels[..., 0]
    # The blue of most colours differs from their red, and few pixels show it.
    if np.array_equal(red[::8], pixels[::8, :, 2]):
        green = pixels[..., 1]
        if np.array_equal(red, green) and np.array_equal(red, pixels[..., 2]):
            return red
    return pixels
