"""The onnxruntime session: a few options on purpose, threads within what the process may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort

from mnist_edge.errors import MnistEdgeError, ModelError, OptionError
from mnist_edge.model_spec import INPUT_NAME, OUTPUT_NAME
from mnist_edge.runtime.lifetime import OPENING, remember
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.runtime.telemetry import warn_of_telemetry

MAX_THREADS = 256
Threads = int | Literal["auto"]

ARENA_BYTES = 512 * 2**20
"""Memory that all sessions of a process may take together, beside their weights."""

_SETTINGS = {
    "session.intra_op.allow_spinning": "0",
    "session.inter_op.allow_spinning": "0",
    # Left to itself, onnxruntime takes a file with "ORTM" in the right place for another format.
    "session.load_model_format": "ONNX",
    # The arena is for what is worked out; weights are bounded by the file that they come from.
    "session.use_device_allocator_for_initializers": "1",
}

_ENGINE_TYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}
"""What onnxruntime calls the types of an input's elements."""

_arena_process: int | None = None


def open_session(model: ModelFile, threads: int) -> ort.InferenceSession:
    """Build a CPU session from the model's bytes.

    One thread and no spinning are the right default for a network this small: onnxruntime's own
    default pins a spinning thread to every core, which ignores CPU quotas and burns idle time
    (onnxruntime #11581, rembg #448).

    Raises:
        ModelError: onnxruntime cannot run the model, or its inputs and outputs are not the
            contract's.
    """
    warn_of_telemetry()
    options = session_options(threads)
    with OPENING, engine_errors(model.origin):
        if _arena_is_capped():
            options.add_session_config_entry("session.use_env_allocators", "1")
        session = ort.InferenceSession(
            model.content, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
        remember(session)
        _require_contract(session, model)
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """Return the options of every session of ours, but for the arena that they share."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    for key, value in _SETTINGS.items():
        options.add_session_config_entry(key, value)
    return options


@contextmanager
def engine_errors(origin: str) -> Iterator[None]:
    """Turn what onnxruntime raises into a ModelError.

    Args:
        origin: What to call the model's file.
    """
    try:
        yield
    except MnistEdgeError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise engine_error(origin, error) from error


def engine_error(origin: str, error: Exception) -> ModelError:
    """Return the ModelError for what onnxruntime raised."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelError(f"onnxruntime {ort.__version__} cannot run {origin}: {reason}")


def _arena_is_capped() -> bool:
    """Register the arena that all our sessions share, once; return whether this process has it.

    A child after fork goes without: a thread that stayed behind may have held the arena's lock.
    """
    global _arena_process  # noqa: PLW0603  # onnxruntime's registry is the process' too
    if _arena_process is None:
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(ARENA_BYTES, -1, -1, -1))
        _arena_process = os.getpid()
    return _arena_process == os.getpid()


def thread_count(threads: Threads) -> int:
    """Return the number of threads that ``threads`` stands for.

    Raises:
        OptionError: Neither a number from 1 to ``MAX_THREADS`` nor "auto".
    """
    if threads == "auto":
        return available_cpus()
    if (
        isinstance(threads, bool)
        or not isinstance(threads, int | np.integer)
        or not 1 <= threads <= MAX_THREADS
    ):
        raise OptionError(
            f"expected threads to be a whole number from 1 to {MAX_THREADS} or 'auto', received "
            f"{threads!r}"
        )
    return int(threads)


def available_cpus() -> int:
    """Return how many CPUs this process may use, at least 1.

    Its affinity mask, cut to the cgroup's quota (v1 or v2).
    """
    affinity = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # on Linux
        affinity = len(os.sched_getaffinity(0))
    return max(1, min(affinity, int(cgroup_quota() or affinity)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the CPUs granted by the cgroup, or None where there is no limit (or no cgroup)."""
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _require_contract(session: ort.InferenceSession, model: ModelFile) -> None:
    """Check inputs and outputs, and read two blank images: what loads may still not run."""
    values = (*session.get_inputs(), *session.get_outputs())
    received = [(value.name, value.type) for value in values]
    dtype = _ENGINE_TYPES[model.spec.input.dtype]
    expected = [(INPUT_NAME, dtype), (OUTPUT_NAME, "tensor(float)")]
    if received != expected:
        raise ModelError(
            f"expected {model.origin} to take {INPUT_NAME} as {dtype} and to answer with "
            f"{OUTPUT_NAME} as tensor(float), found "
            f"{', '.join(f'{name!r} as {kind}' for name, kind in received)}"
        )
    blank = np.zeros((2, *model.input_shape), model.spec.input.dtype)
    answer = session.run((OUTPUT_NAME,), {INPUT_NAME: blank})[0]
    expected_shape = (2, len(model.spec.labels))
    if answer.shape != expected_shape:
        raise ModelError(
            f"expected an answer of shape {expected_shape} for two images from {model.origin}, "
            f"received {answer.shape}"
        )
