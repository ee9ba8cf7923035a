"""Train the classic MNIST network, export it to verified ONNX, run it anywhere.

    >>> from mnist_edge import Predictor
    >>> Predictor().predict(image).digit   # image: (28, 28) uint8, white ink on black
    7

The classes are loaded when first asked for, so that ``mnist-edge --version`` and ``--help`` need
not wait for numpy and onnxruntime.
"""

from mnist_edge.errors import (
    DataError,
    DataNotFoundError,
    DownloadError,
    ImageError,
    MissingExtraError,
    MnistEdgeError,
    ModelError,
    OptionError,
    OutputError,
)
from mnist_edge.runtime import telemetry as _telemetry  # noqa: F401  # which it turns off

# typing's own takes 8 ms to import, in which an interrupt would show as a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mnist_edge.runtime.number import Number
    from mnist_edge.runtime.prediction import Prediction, Predictions
    from mnist_edge.runtime.predictor import Predictor

__version__ = "0.2.0"

__all__ = [
    "DataError",
    "DataNotFoundError",
    "DownloadError",
    "ImageError",
    "MissingExtraError",
    "MnistEdgeError",
    "ModelError",
    "Number",
    "OptionError",
    "OutputError",
    "Prediction",
    "Predictions",
    "Predictor",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in ("Prediction", "Predictions", "Predictor"):
        from mnist_edge.runtime import predictor

        return getattr(predictor, name)
    if name == "Number":
        from mnist_edge.runtime.number import Number

        return Number
    raise AttributeError(f"module 'mnist_edge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
