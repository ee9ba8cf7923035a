"""Models that read a known share of some images in each scaling."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.export.inputs import as_trained
from mnist_edge.export.readings import LabelledExamples
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.sources.source import Source

CLASSES = 4
COUNT = 400
MEAN_STD = TrainedScaling("mean,std", (0.3,), (0.2,))

_rng = np.random.default_rng(0)
TRIAL = LabelledExamples(
    images=_rng.integers(1, 256, (COUNT, 6, 6), np.uint8),
    labels=np.arange(COUNT) % CLASSES,
    name="a set",
    mean_std=MEAN_STD,
)


def reader(
    shares: Mapping[TrainedScaling, float],
    otherwise: float = 0.1,
    normalized: Mapping[int, float] | None = None,
    shape: tuple[int, ...] = (6, 6, 1),
) -> Source:
    """Make a model that reads these shares of ``TRIAL``, by the scaling or the normalized axis."""

    def scores(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        share = otherwise
        for scaling, known in shares.items():
            if np.array_equal(inputs, as_trained(TRIAL.images, source, scaling)):
                share = known
        images = inputs.reshape(TRIAL.images.shape if len(shape) > 1 else (COUNT, -1))
        for axis, known in (normalized or {}).items():
            if np.allclose(np.linalg.norm(images, axis=axis), 1):
                share = known
        answers = TRIAL.labels.copy()
        wrong = round((1 - share) * COUNT)
        answers[:wrong] = (answers[:wrong] + 1) % CLASSES
        return np.eye(CLASSES, dtype=np.float32)[answers]

    source = Source(
        path=Path("reader.keras"),
        sha256="",
        network=None,
        input_shape=shape,
        channels_first=False,
        outputs=CLASSES,
        head="softmax",
        weights=0,
        facts={},
        scores=scores,
    )
    return source
