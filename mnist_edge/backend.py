"""Import TensorFlow and Keras: quietly, and with Keras on its TensorFlow backend.

TensorFlow writes a dozen lines to file descriptor 2 while it is imported, before any of its
settings can keep it from that; they are held back here and shown only if the import fails.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from mnist_edge.errors import MissingExtraError
from mnist_edge.extras import require, require_address_space

ADDRESS_SPACE = 2500 * 2**20
"""Bytes of address space that TensorFlow was seen to need; with less it aborts."""

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; write it after all if the block raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


require("export", "tensorflow", "keras")
require_address_space("TensorFlow", ADDRESS_SPACE)
# Without a home directory Keras would make a folder called "~" where the process stands.
if os.path.expanduser("~") == "~":  # noqa: PTH111  # Path.home raises there
    os.environ.setdefault("KERAS_HOME", os.path.join(tempfile.gettempdir(), ".keras"))  # noqa: PTH118
try:
    with _quiet_stderr():
        import keras
        import tensorflow as tf
except ImportError as error:
    reason = str(error).strip().splitlines()[0]
    raise MissingExtraError(
        f"TensorFlow or Keras is installed but cannot be loaded: {reason}"
    ) from error

__all__ = ["keras", "tf"]
