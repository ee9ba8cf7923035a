"""What a picture costs, and how well pictures are read: make pictures. Its tables stand in
docs/pictures.md.

Beside the recipe of OpenCV's tutorials, in one run, one thread each, in CPU time: the picture
decoded as grey, Otsu's threshold, the largest component in a box of 20, its mass in the middle.
Peak memory is that of a new process. MNIST's test digits are made into pictures in eight ways;
scikit-learn's digits are by other writers, and real drawings are read where HANDWRITING names a
folder with labels.csv.
"""

import gc
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mnist_edge import ImageError, Predictor, datasets
from tests.measurements.handwriting import drawings, enlarged
from tests.measurements.made_pictures import WAYS, light_on, made
from tests.output import say

ROUNDS = 30
DIGITS = 300  # of each way

SIZES = {
    "28x28 PNG": (28, 28),
    "300x300 JPEG": (300, 300),
    "1200x900 JPEG": (1200, 900),
    "4000x3000 JPEG": (4000, 3000),
}

MEMORY = """
import resource, sys
from mnist_edge import Predictor
from mnist_edge.runtime.preprocess import prepare
predictor = Predictor()
predictor.predict_picture(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
predictor.predict_picture(sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def recipe(data: bytes) -> np.ndarray:
    """Return what OpenCV's tutorials make of a picture: (28, 28) uint8, light ink on black."""
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    dark = cv2.mean(grey)[0] > 127
    kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
    _, mask = cv2.threshold(grey, 0, 255, kind + cv2.THRESH_OTSU)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        return np.zeros((28, 28), np.uint8)
    left, top, width, height = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax(), :4].tolist()
    scale = 20 / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    box = mask[top : top + height, left : left + width]
    small = cv2.resize(box, size, interpolation=cv2.INTER_AREA)
    moments = cv2.moments(small)
    x, y = (moments[name] / moments["m00"] for name in ("m10", "m01"))
    return cv2.warpAffine(small, np.float32([[1, 0, 13.5 - x], [0, 1, 13.5 - y]]), (28, 28))


def encoded(pixels: np.ndarray, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, quality=85)
    return file.getvalue()


def photo(digit: np.ndarray, width: int, height: int) -> bytes:
    """Return a digit on lit, yellowish paper, with a sensor's noise; of MNIST's size as it is."""
    if width == len(digit):
        return encoded(255 - digit)
    rng = np.random.default_rng(0)
    side = int(0.7 * height)
    large = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
    ink = np.zeros((height, width), np.float32)
    top, left = (height - side) // 2, (width - side) // 2
    ink[top : top + side, left : left + side] = np.clip((large / 255 - 0.5) * 5 + 0.5, 0, 1)
    grey = light_on(ink.shape, rng).astype(np.float32) * (0.75 - 0.6 * ink)
    grey += rng.normal(0, 0.01, ink.shape).astype(np.float32)
    colours = grey[..., None] * np.float32([1, 0.97, 0.9])
    return encoded(np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8), "JPEG")


def cpu_ms(calls: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Return the CPU time of each call in milliseconds, ROUNDS times, in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            before = time.process_time()
            call()
            taken.append(1000 * (time.process_time() - before))
    return times


def speed(digits: np.ndarray) -> None:
    say("| picture | recipe, CPU ms | mnist-edge, CPU ms | ratio | middle half |")
    say("| --- | ---: | ---: | ---: | --- |")
    predictor = Predictor()
    for name, (width, height) in SIZES.items():
        theirs: list[float] = []
        ours: list[float] = []
        for digit in digits[: 4 if width > 2000 else 8]:
            data = photo(digit, width, height)
            for call in (recipe, predictor.predict_picture):
                call(data)
            repeats = 20 if width < 100 else 1  # a clock tick is longer than one

            def one(data: bytes = data, repeats: int = repeats) -> None:
                for _ in range(repeats):
                    recipe(data)

            def other(data: bytes = data, repeats: int = repeats) -> None:
                for _ in range(repeats):
                    predictor.predict_picture(data)

            some, others = cpu_ms([one, other])
            theirs += [value / repeats for value in some]
            ours += [value / repeats for value in others]
        ratios = np.array(ours) / np.array(theirs)
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        say(
            f"| {name} | {np.median(theirs):.2f} | {np.median(ours):.2f} | {middle:.2f} "
            f"| {low:.2f} to {high:.2f} |"
        )


def memory(digit: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for width, height in ((300, 300), (4000, 3000)):
            paths.append(Path(folder) / f"{width}.jpg")
            paths[-1].write_bytes(photo(digit, width, height))
        run = subprocess.run(
            [sys.executable, "-c", MEMORY, *paths], check=True, capture_output=True, text=True
        )
    say(f"\nPeak memory for 4000x3000 after 300x300: +{float(run.stdout):.1f} MB")


def accuracy(digits: np.ndarray, labels: list[int]) -> None:
    say("\n| pictures | recipe | mnist-edge | rejected, of the wrong | of the right |")
    say("| --- | ---: | ---: | ---: | ---: |")
    sets: dict[str, tuple[Sequence, list[int]]] = {}
    for name, way in WAYS.items():
        sets[f"MNIST's test digits, {name}"] = (made(digits, way), labels)
    sets["scikit-learn's digits, enlarged"] = enlarged()
    sets["real drawings"] = drawings()
    predictor = Predictor()
    for name, (pictures, wanted) in sets.items():
        if not len(pictures):
            continue
        say(f"| {name}, {len(wanted):,} | {row(predictor, pictures, wanted)} |")


def row(predictor: Predictor, pictures: Sequence, wanted: list[int]) -> str:
    theirs = 0
    right = {True: 0, False: 0}
    wrong = {True: 0, False: 0}
    for picture, digit in zip(pictures, wanted, strict=True):
        data = picture.read_bytes() if isinstance(picture, Path) else encoded(picture)
        theirs += predictor.predict(recipe(data)).digit == digit
        try:
            answer = predictor.predict_picture(data)
        except ImageError:  # nothing was found: that is no wrong digit, but none
            wrong[True] += 1
            continue
        (right if answer.digit == digit else wrong)[answer.rejected] += 1
    share = sum(right.values()) / len(wanted)
    return (
        f"{theirs / len(wanted):.1%} | {share:.1%} | {wrong[True]} of {sum(wrong.values())} "
        f"| {right[True]} of {sum(right.values())}"
    )


def main() -> None:
    """Prints the tables in Markdown."""
    cv2.setNumThreads(1)
    dataset = datasets.find()
    gc.disable()
    speed(dataset.train_images[:8])
    gc.enable()
    memory(dataset.train_images[0])
    accuracy(dataset.test_images[:DIGITS], dataset.test_labels[:DIGITS].tolist())


if __name__ == "__main__":
    main()
