"""The images that ``NAME_selftest`` makes, and the hash that their logits must have.

They are noise, from a recurrence that C repeats, so that they take no room on a device. They reach
every row of the first layer; a real digit reaches fewer.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99.layers import Integers
from mnist_edge.c99.network import IntegerNetwork

IMAGES = 16

_MODULUS = 2**32


def images(pixels: int) -> NDArray[np.uint8]:
    """Return uint8 (IMAGES, pixels): a quarter of the pixels has ink."""
    noise = 1
    made = np.zeros(IMAGES * pixels, np.uint8)
    for number in range(len(made)):
        noise = (noise * 1664525 + 1013904223) % _MODULUS
        made[number] = 0 if noise >> 30 else noise >> 16 & 255
    return made.reshape(IMAGES, pixels)


def hash_of(network: IntegerNetwork) -> int:
    """Return the hash of the logits of those images, 32 bits."""
    return fnv(network.logits(images(network.model.spec.input.elements)))


def fnv(logits: Integers) -> int:
    """Return a hash of int32 logits: FNV-1a, a logit at a time."""
    hashed = 2166136261
    for logit in logits.reshape(-1).tolist():
        hashed = (hashed ^ logit % _MODULUS) * 16777619 % _MODULUS
    return hashed
