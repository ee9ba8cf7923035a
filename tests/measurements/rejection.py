"""What `rejected` catches: make rejection. Its table stands in docs/confidence.md.

The limit of confidence is the file's own, found on the validation images; here it meets MNIST's
test images and things that are no digit, all as pictures.
"""

import sys
from collections.abc import Iterator

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from mnist_edge import ImageError, Predictor, datasets

COUNT = 500
# Without those that are a digit's twin in one font or another: B I O Q S Z b g i l o q s z.
LETTERS = "ACDEFGHJKLMNPRTUVWXYacdefhjkmnprtuvwxy"
FONTS = [
    font_manager.findfont(name) for name in ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")
]


def pictures(digits: np.ndarray, rng: np.random.Generator) -> dict[str, Iterator[np.ndarray]]:
    """Each kind of picture, dark on white, COUNT times."""
    large = [np.asarray(Image.fromarray(255 - digit).resize((112, 112))) for digit in digits]
    return {
        "MNIST's test digits": iter(large),
        "letters, printed": (letter(rng) for _ in range(COUNT)),
        "two digits": (np.concatenate([large[i], large[-1 - i]], axis=1) for i in range(COUNT)),
        "a digit on its side": (np.rot90(large[i]) for i in range(COUNT)),
        "noise": (rng.integers(0, 256, (112, 112), np.uint8) for _ in range(COUNT)),
        "noise, smooth": (smooth_noise(rng) for _ in range(COUNT)),
        "scribbles": (scribble(rng) for _ in range(COUNT)),
        "blank, noisy paper": (
            rng.normal(230, 4, (112, 112)).astype(np.uint8) for _ in range(COUNT)
        ),
    }


def letter(rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (112, 112), 255)
    font = ImageFont.truetype(FONTS[rng.integers(len(FONTS))], 72)
    ImageDraw.Draw(image).text(
        (56, 56), LETTERS[rng.integers(len(LETTERS))], fill=0, font=font, anchor="mm"
    )
    return np.asarray(image)


def smooth_noise(rng: np.random.Generator) -> np.ndarray:
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7), np.uint8))
    return np.asarray(coarse.resize((112, 112), Image.Resampling.BICUBIC))


def scribble(rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (112, 112), 255)
    points = [tuple(point) for point in rng.integers(15, 97, (6, 2)).tolist()]
    ImageDraw.Draw(image).line(points, fill=0, width=8, joint="curve")
    return np.asarray(image)


def main() -> None:
    """Prints the table in Markdown."""
    predictor = Predictor()
    found = datasets.find()
    kinds = pictures(found.test_images[: 10 * COUNT], np.random.default_rng(0))
    sys.stdout.write(
        "| picture | pictures | refused as blank | rejected | of these by confidence |\n"
    )
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    for name, kind in kinds.items():
        refused = rejected = unsure = count = 0
        for picture in kind:
            count += 1
            try:
                answer = predictor.predict_picture(picture)
            except ImageError:
                refused += 1
                continue
            rejected += answer.rejected
            unsure += answer.confidence < answer.calibration.reject_below
        row = (f"{value / count:.1%}" for value in (refused, rejected, unsure))
        sys.stdout.write(f"| {name} | {count:,} | {' | '.join(row)} |\n")


if __name__ == "__main__":
    main()
