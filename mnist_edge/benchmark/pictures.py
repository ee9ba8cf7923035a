"""What a picture costs beside the network: a file's bytes -> the class."""

import io
import statistics
import time
from pathlib import Path

from mnist_edge.benchmark.schema import PictureTimings
from mnist_edge.runtime.predictor import Predictor

SIZES = (
    ("28x28 PNG", 28, 28, "PNG"),
    ("300x300 JPEG", 300, 300, "JPEG"),
    ("1200x900 JPEG", 1200, 900, "JPEG"),
    ("4000x3000 JPEG", 4000, 3000, "JPEG"),
)

_FEWEST = 3  # calls


def read(model: Path, seconds: float) -> tuple[PictureTimings, ...]:
    """Time pictures of several sizes, one after the other.

    Args:
        model: An exported file that reads strokes.
        seconds: For each size; the calls that are begun in them count.
    """
    with Predictor(model) as predictor:
        timings = []
        for name, width, height, format in SIZES:
            data = drawn(width, height, format)
            predictor.predict_picture(data)  # what the first call imports is no picture's cost
            times: list[float] = []
            end = time.perf_counter() + seconds
            while len(times) < _FEWEST or time.perf_counter() < end:
                before = time.perf_counter_ns()
                predictor.predict_picture(data)
                times.append((time.perf_counter_ns() - before) / 1000)
            timings.append(PictureTimings(name, str(model), statistics.median(times), len(times)))
    return tuple(timings)


def drawn(width: int, height: int, format: str) -> bytes:
    """Return a picture file of a 7, dark ink on paper that is a little yellow."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), (240, 235, 220))
    scale = height / 28
    points = [(8, 7), (20, 7), (16, 14), (13, 22)]
    places = [(x * scale + (width - height) / 2, y * scale) for x, y in points]
    ImageDraw.Draw(image).line(places, fill=(40, 40, 60), width=max(2, round(2 * scale)))
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()
