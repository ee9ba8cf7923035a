"""How well networks read digits that are not MNIST's: make handwriting. Its table stands in
docs/training.md.

Real drawings (a folder with labels.csv, named in HANDWRITING; left out where there is none) as
pictures, through Predictor.predict_picture; and scikit-learn's digits (UCI Optical Recognition of
Handwritten Digits, 1,797 of 43 Turkish writers, 8x8 grey pixels), enlarged. None of them was ever
trained on.
"""

import csv
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from mnist_edge import ImageError, Predictor
from mnist_edge.export.pipeline import export
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.sources import open_source

ARTIFACTS = Path(__file__).parents[2] / "artifacts"


def drawings() -> tuple[list[Path], list[int]]:
    folder = Path(os.environ.get("HANDWRITING", "nowhere"))
    if not (folder / "labels.csv").exists():
        return [], []
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [folder / row["file"] for row in rows], [int(row["label"]) for row in rows]


def enlarged() -> tuple[list[np.ndarray], list[int]]:
    """scikit-learn's digits, dark on white, with a margin."""
    digits = load_digits()
    small = [
        Image.fromarray((255 - image * (255 / 16)).astype(np.uint8)) for image in digits.images
    ]
    pictures = [np.asarray(image.resize((80, 80), Image.Resampling.BICUBIC)) for image in small]
    return [
        np.pad(picture, 20, constant_values=255) for picture in pictures
    ], digits.target.tolist()


def wrong(predictor: Predictor, pictures: list, labels: list[int]) -> list[str]:
    """Each misread picture as "label as digit"; one that is refused is misread."""
    misread = []
    for picture, label in zip(pictures, labels, strict=True):
        try:
            digit: int | str = predictor.predict_picture(picture).digit
        except ImageError:
            digit = "none"
        if digit != label:
            misread.append(f"{label} as {digit}")
    return misread


def predictor_of(path: Path) -> Predictor:
    """Of an .onnx file, or of a .keras file as fp32 ONNX."""
    if path.suffix != ".keras":
        return Predictor(path)
    with tempfile.TemporaryDirectory() as folder:
        export(open_source(path), Path(folder), [PRECISIONS["fp32"]], dataset=None)
        return Predictor((Path(folder) / f"{path.stem}.fp32.onnx").read_bytes())


def main() -> None:
    """Prints the table in Markdown, for the .keras or .onnx files that are named."""
    sys.stdout.write("| network | pictures | accuracy | errors |\n| --- | --- | ---: | --- |\n")
    named = [Path(argument) for argument in sys.argv[1:]]
    for path in named or [ARTIFACTS / "mnist-mlp.keras", ARTIFACTS / "mnist-mlp-article.keras"]:
        predictor = predictor_of(path)
        for kind, (pictures, labels) in (("drawings", drawings()), ("scikit-learn's", enlarged())):
            if not pictures:
                continue
            misread = wrong(predictor, pictures, labels)
            common = ", ".join(
                f"{pair} ({count})" for pair, count in Counter(misread).most_common(6)
            )
            share = 1 - len(misread) / len(pictures)
            sys.stdout.write(
                f"| {path.name} | {kind}, {len(pictures):,} | {share:.1%} | {common} |\n"
            )


if __name__ == "__main__":
    main()
