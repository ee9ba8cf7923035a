"""Data sets for the zoo, written as files that --data takes: MNIST in other shapes, and others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn import datasets as scikit

from mnist_edge import datasets
from mnist_edge.datasets import Dataset

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
GLYPHS = "0123456789" + LETTERS + "abdefghnqrt"
"""The 47 classes of EMNIST's balanced split."""

SIGNALS = ("sawtooth", "sine", "square")

_GLYPHS_OF_EACH = 240
_SIGNALS_OF_EACH = 1_500
_SIGNAL_LENGTH = 128
_SIDE = 28


@dataclass(frozen=True, slots=True)
class Arrays:
    """A data set as it is written to an .npz.

    Attributes:
        inputs: uint8 pixels or float32 features, (N, ...).
        labels: (N,), whole numbers from 0.
        test: (N,), whether an example is kept for the test.
    """

    inputs: NDArray[np.generic]
    labels: NDArray[np.integer]
    test: NDArray[np.bool_]


def _of_mnist(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Arrays:
    found: Dataset = datasets.find(allow_sample=True)
    if found.test_split == "train":  # the sample: its last images are kept for the test
        images = found.train_images
        test = np.arange(len(images)) >= len(images) * 4 // 5
        return Arrays(change(images), found.train_labels, test)
    images = np.concatenate([found.train_images, found.test_images])
    labels = np.concatenate([found.train_labels, found.test_labels])
    return Arrays(change(images), labels, np.arange(len(images)) >= len(found.train_images))


def digits() -> Arrays:
    """MNIST as it is."""
    return _of_mnist(lambda images: images)


def small_digits() -> Arrays:
    """MNIST at 14x14: means of 2x2 pixels."""

    def halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        blocks = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
        return np.rint(blocks).astype(np.uint8)

    return _of_mnist(halved)


def colour_digits() -> Arrays:
    """MNIST at 32x32 in random colours of ink and of a darker background."""

    def coloured(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rng = np.random.default_rng(0)
        framed = np.zeros((len(images), 32, 32), np.uint8)
        framed[:, 2:-2, 2:-2] = images
        ink = rng.integers(128, 256, (len(images), 3), np.uint8)
        paper = rng.integers(0, 96, (len(images), 3), np.uint8)
        colours = np.empty((*framed.shape, 3), np.uint8)
        for channel in range(3):
            share = framed / np.float32(255)
            light = ink[:, None, None, channel] * share
            dark = paper[:, None, None, channel] * (1 - share)
            colours[..., channel] = light + dark
        return colours

    return _of_mnist(coloured)


def fives() -> Arrays:
    """MNIST with two classes: five, or another digit."""
    all_digits = digits()
    return Arrays(all_digits.inputs, (all_digits.labels == 5).astype(np.uint8), all_digits.test)


def letters() -> Arrays:
    """Capital letters, drawn from fonts."""
    return _of_glyphs(LETTERS)


def glyphs() -> Arrays:
    """Digits and letters in 47 classes, drawn from fonts."""
    return _of_glyphs(GLYPHS)


def _fonts() -> list[Path]:
    """Return DejaVu's text fonts, which matplotlib ships."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [path for path in sorted(folder.glob("DejaVu*.ttf")) if "Display" not in path.name]


def _of_glyphs(characters: str) -> Arrays:
    """Draw each character in each font, turned, scaled and moved; a sixth is kept for the test."""
    rng = np.random.default_rng(0)
    fonts = _fonts()
    images = []
    labels = []
    for label, character in enumerate(characters):
        for number in range(_GLYPHS_OF_EACH):
            images.append(_glyph(character, fonts[number % len(fonts)], rng))
            labels.append(label)
    order = rng.permutation(len(images))
    test = np.arange(len(images)) % 6 == 0
    return Arrays(np.stack(images)[order], np.array(labels)[order], test)


def _glyph(character: str, font: Path, rng: np.random.Generator) -> NDArray[np.uint8]:
    large = Image.new("L", (4 * _SIDE, 4 * _SIDE))
    size = int(rng.integers(60, 92))
    middle = 2 * _SIDE + rng.integers(-8, 9, 2)
    ImageDraw.Draw(large).text(
        (float(middle[0]), float(middle[1])), character, 255, ImageFont.truetype(font, size), "mm"
    )
    turned = large.rotate(float(rng.normal(0, 8)), Image.Resampling.BILINEAR)
    return np.asarray(turned.resize((_SIDE, _SIDE), Image.Resampling.BOX))


def scanned_digits() -> Arrays:
    """scikit-learn's digits: 8x8 pixels of 17 greys."""
    found = scikit.load_digits()
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)
    return _split(images, found.target)


def iris() -> Arrays:
    """Four lengths of a flower, three species."""
    return _features(scikit.load_iris())


def wine() -> Arrays:
    """Thirteen properties of a wine, three growers."""
    return _features(scikit.load_wine())


def cancer() -> Arrays:
    """Thirty measures of cells, two diagnoses."""
    return _features(scikit.load_breast_cancer())


def _features(found: "scikit.Bunch") -> Arrays:
    # A few hundred examples, twenty times with a little noise: a test of fewer shows nothing.
    rng = np.random.default_rng(0)
    values = np.repeat(found.data, 20, axis=0)
    values = values + rng.normal(0, 0.02, values.shape) * found.data.std(axis=0)
    examples = np.repeat(np.arange(len(found.data)), 20)
    return Arrays(values.astype(np.float32), np.repeat(found.target, 20), examples % 5 == 0)


def _split(inputs: NDArray[np.generic], labels: NDArray[np.integer]) -> Arrays:
    return Arrays(inputs, labels, np.arange(len(inputs)) % 5 == 0)


def signals() -> Arrays:
    """Waves of three forms with noise: (128, 1) float32."""
    rng = np.random.default_rng(0)
    count = len(SIGNALS) * _SIGNALS_OF_EACH
    labels = rng.permutation(np.arange(count) % len(SIGNALS))
    periods = rng.uniform(2, 8, (count, 1))
    phase = (np.linspace(0, 1, _SIGNAL_LENGTH) * periods + rng.random((count, 1))) % 1
    waves = np.stack([2 * phase - 1, np.sin(2 * np.pi * phase), np.sign(phase - 0.5)])
    values = waves[labels, np.arange(count)] + rng.normal(0, 0.3, phase.shape)
    return _split(values.astype(np.float32)[..., None], labels)


SETS: dict[str, Callable[[], Arrays]] = {
    "digits": digits,
    "digits 14x14": small_digits,
    "digits 32x32x3": colour_digits,
    "fives": fives,
    "letters": letters,
    "digits and letters": glyphs,
    "scanned digits 8x8": scanned_digits,
    "iris": iris,
    "wine": wine,
    "cancer": cancer,
    "signals": signals,
}
"""By the name that networks.py and the page call them."""


def write(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write each set as an .npz in Keras' layout, unless it is there; yield its name and path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SETS.items():
        path = folder / f"{name.replace(' ', '-')}.npz"
        if not path.exists():
            made = make()
            np.savez(
                path,
                x_train=made.inputs[~made.test],
                y_train=made.labels[~made.test],
                x_test=made.inputs[made.test],
                y_test=made.labels[made.test],
            )
        yield name, path
