"""Draws what is found in three pictures of numbers: make numbers writes docs/numbers.png."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_edge import Predictor, datasets
from mnist_edge.cli.render.predictions import drawn_number
from mnist_edge.model_spec import MAX_PIXELS
from tests.measurements.made_numbers import PAPERS, Made, Style, drawn_digit, mnist_digit, number
from tests.measurements.pictures import encoded

WIDTH = 440  # of each picture, as shown
GAP = 10


def pictures() -> list[Made]:
    """MNIST's digits under a lamp and touching under a shadow, drawn ones in a form."""
    data = datasets.find()
    rng = np.random.default_rng(24)

    def row(text: str, way: Style, paper: str, is_drawn: bool = False) -> Made:
        digits = []
        for letter in text:
            of_class = np.flatnonzero(data.test_labels == int(letter))
            image = data.test_images[rng.choice(of_class)]
            one = drawn_digit(int(letter), rng) if is_drawn else mnist_digit(image, way.grow)
            digits.append(one)
        return number([digits], [text], way, PAPERS[paper], rng)

    return [
        row("937174", Style("clear", 60), "photographed"),
        row("860", Style("touching", 60), "under a shadow"),
        row("620264", Style("wide", 60, boxed=True), "white", is_drawn=True),
    ]


def drawn(picture: np.ndarray) -> Image.Image:
    """Return a picture with its boxes and digits."""
    content = encoded(picture)
    answer = Predictor().predict_number(content)
    found = Image.open(io.BytesIO(drawn_number(content, answer, MAX_PIXELS))).convert("RGB")
    return found.resize((WIDTH, round(found.height * WIDTH / found.width)), Image.Resampling.BOX)


def main() -> None:
    """Writes the file that is named."""
    shown = [drawn(made.picture) for made in pictures()]
    size = (len(shown) * (WIDTH + GAP) - GAP, max(image.height for image in shown))
    sheet = Image.new("RGB", size, "white")
    for place, image in enumerate(shown):
        sheet.paste(image, (place * (WIDTH + GAP), 0))
    sheet.save(Path(sys.argv[1]), optimize=True)


if __name__ == "__main__":
    main()
