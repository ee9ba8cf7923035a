"""onnxruntime's quantizers write files and give advice: here they do neither."""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx


def through_file(quantize: Callable[[str], object]) -> onnx.ModelProto:
    """Run a quantizer that writes its result to a file, and return the result.

    Args:
        quantize: Called with the path to write.
    """
    with tempfile.TemporaryDirectory() as folder, quiet_logging():
        path = Path(folder) / "quantized.onnx"
        quantize(str(path))
        return onnx.load(path)


@contextlib.contextmanager
def quiet_logging() -> Iterator[None]:
    """Keep warnings out of the log for a while."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
