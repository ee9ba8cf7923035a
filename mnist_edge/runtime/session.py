"""The onnxruntime session: a few options on purpose, threads within what the process may use."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort

from mnist_edge.contract import CLASSES, INPUT_DTYPES, INPUT_NAME, OUTPUT_NAME, PIXELS
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.runtime.model_file import ModelFile

MAX_THREADS = 256
Threads = int | Literal["auto"]


def open_session(model: ModelFile, threads: int) -> ort.InferenceSession:
    """Builds a CPU session from the model's bytes.

    One thread and no spinning are the right default for a network this small: onnxruntime's own default pins a
    spinning thread to every core, which ignores CPU quotas and burns idle time (onnxruntime #11581, rembg #448).

    Raises:
        ModelError: onnxruntime cannot run the model, or its inputs and outputs are not the contract's.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            model.content, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
        _require_contract(session, model)
    except ModelError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        reason = str(error).splitlines()[0]
        raise ModelError(f"onnxruntime {ort.__version__} cannot run {model.origin}: {reason}") from error
    return session


def thread_count(threads: Threads) -> int:
    """The number of threads that ``threads`` stands for.

    Raises:
        OptionError: Neither a number from 1 to ``MAX_THREADS`` nor "auto".
    """
    if threads == "auto":
        return available_cpus()
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or not 1 <= threads <= MAX_THREADS:
        raise OptionError(
            f"expected threads to be a whole number from 1 to {MAX_THREADS} or 'auto', received {threads!r}"
        )
    return int(threads)


def available_cpus() -> int:
    """CPUs that this process may use: its affinity mask, cut to the cgroup's quota (v1 or v2), at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, int(cgroup_quota() or affinity)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """CPUs granted by the cgroup, or None where there is no limit (or no cgroup)."""
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
    """Holds inputs and outputs against the contract, and reads two blank images: what loads may still not run."""
    received = [(value.name, value.type, value.shape[1:]) for value in (*session.get_inputs(), *session.get_outputs())]
    expected = [(INPUT_NAME, INPUT_DTYPES[model.contract.input], [PIXELS]), (OUTPUT_NAME, "tensor(float)", [CLASSES])]
    if received != expected:
        raise ModelError(
            f"expected {model.origin} to take {INPUT_NAME} {INPUT_DTYPES[model.contract.input]} [batch, {PIXELS}] "
            f"and to answer with {OUTPUT_NAME} tensor(float) [batch, {CLASSES}], found {_in_words(received)}"
        )
    blank = np.zeros((2, PIXELS), np.uint8 if model.contract.input == "pixels" else np.float32)
    answer = session.run((OUTPUT_NAME,), {INPUT_NAME: blank})[0]
    if answer.shape != (2, CLASSES):
        raise ModelError(
            f"expected an answer of shape (2, {CLASSES}) for two images from {model.origin}, received {answer.shape}"
        )


def _in_words(values: list[tuple[str, str, list[int | str]]]) -> str:
    return ", ".join(f"{name} {kind} {['batch', *shape]}".replace("'", "") for name, kind, shape in values)
