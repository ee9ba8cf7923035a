"""Pictures of digits that the tests draw themselves."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw


def blown_up(digit: np.ndarray, side: int = 224) -> np.ndarray:
    """(28, 28) uint8 -> (side, side) float, 0 paper to 1 ink, with edges as sharp as a pen's."""
    large = (
        np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), float)
        / 255
    )
    return np.clip((large - 0.5) * side / 28 / 2 + 0.5, 0, 1)


def coloured(ink: np.ndarray, pen: tuple[float, ...], paper: tuple[float, ...]) -> np.ndarray:
    return ink[..., None] * np.array(pen) + (1 - ink[..., None]) * np.array(paper)


def blurred(a: np.ndarray, sigma: float) -> np.ndarray:
    kernel = np.exp(-0.5 * (np.arange(-20, 21) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        a = np.apply_along_axis(
            lambda row: np.convolve(np.pad(row, 20, mode="edge"), kernel, mode="valid"), axis, a
        )
    return a


def shaded(ink: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : ink.shape[0] * 1j, 0 : 1 : ink.shape[1] * 1j]
    return (0.9 - 0.6 * ink) * (1 - 0.5 * x) * (1 - 0.3 * (y - 0.5) ** 2)


def under_a_shadow(ink: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : ink.shape[0] * 1j, 0 : 1 : ink.shape[1] * 1j]
    return (0.9 - 0.7 * ink) * (1 - 0.4 / (1 + np.exp(-(x + 0.4 * y - 0.75) * 120)))


def on_paper(ink: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(
        4
    )  # its own, so that the paper is the same whichever tests ran before
    grain = blurred(rng.normal(size=ink.shape), 1.5)
    return np.clip((0.8 - 0.5 * ink) * (1 + 0.1 * grain) + rng.normal(0, 0.02, ink.shape), 0, 1)


def framed(ink: np.ndarray) -> np.ndarray:
    sheet = np.pad(1 - ink, 10, constant_values=1)
    return np.pad(np.pad(sheet, 3, constant_values=0), 12, constant_values=0.8)


def on_a_page(ink: np.ndarray) -> np.ndarray:
    return np.pad(ink, ((60, 20), (90, 150)), constant_values=0.9)


def on_squared_paper(ink: np.ndarray) -> np.ndarray:
    lines = np.zeros_like(ink)
    lines[::23], lines[:, ::23] = 0.25, 0.25
    return 1 - np.maximum(lines, ink)


def in_a_corner(ink: np.ndarray) -> np.ndarray:
    return np.pad(1 - ink, ((0, 500), (700, 0)), constant_values=1)


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda ink: 1 - ink,
    "faint": lambda ink: 0.9 - 0.1 * ink,
    "tinted": lambda ink: coloured(ink, (0.1, 0.2, 0.7), (1, 0.95, 0.8)),
    "as bright as the paper": lambda ink: coloured(ink, (0.8, 0.2, 0.2), (0.2, 0.506, 0.2)),
    "light on colour": lambda ink: coloured(ink, (1, 1, 0.9), (0.1, 0.3, 0.2)),
    "shaded": shaded,
    "under a shadow": under_a_shadow,
    "blurred": lambda ink: blurred(1 - ink, 4),
    "on paper": on_paper,
    "framed": framed,
    "on a page": on_a_page,
    "on squared paper": on_squared_paper,
    "in a corner of a large picture": in_a_corner,
    "dark on nothing": lambda ink: np.stack([0 * ink, ink], axis=-1),
    "light on nothing": lambda ink: np.stack([ink > 0, ink], axis=-1).astype(float),
    "coloured on nothing": lambda ink: np.concatenate(
        [coloured(ink, (0, 0.4, 0), (0, 0, 0)), ink[..., None]], axis=-1
    ),
}


def seven() -> Image.Image:
    """A 7, drawn dark on white with a round pen."""
    image = Image.new("L", (280, 280), 255)
    draw = ImageDraw.Draw(image)
    points = [(75, 70), (205, 70), (165, 140), (135, 220)]
    draw.line(points, fill=0, width=22, joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - 11, y - 11, x + 11, y + 11), fill=0)
    return image
