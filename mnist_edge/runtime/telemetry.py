"""onnxruntime's telemetry, off: imported by the package before anything imports onnxruntime."""

import functools
import os
import sys
import warnings

_ONNXRUNTIME_CAME_FIRST = "onnxruntime" in sys.modules and "ORT_DISABLE_TELEMETRY" not in os.environ
"""Whether it was imported before us, with nothing that keeps it from sending telemetry."""

# onnxruntime 1.29 and later looks at this once, while it is imported. Workers inherit it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@functools.cache
def warn_of_telemetry() -> None:
    """Warn once if onnxruntime came into this process before us, with its telemetry on."""
    if _ONNXRUNTIME_CAME_FIRST:
        warnings.warn(
            "onnxruntime was imported before mnist_edge and sends telemetry: import mnist_edge "
            "first, or set ORT_DISABLE_TELEMETRY=1 before Python starts",
            RuntimeWarning,
            stacklevel=2,
        )
