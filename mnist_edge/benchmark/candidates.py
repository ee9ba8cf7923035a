"""Which candidates a run has: the user's files in the Predictor, and the peers that are asked for."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark import peers
from mnist_edge.benchmark.runtimes import RUNTIMES, Candidate
from mnist_edge.errors import MissingExtraError, ModelError, OptionError
from mnist_edge.extras import require
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.runtime import model_file
from mnist_edge.runtime.session import available_cpus

PEERS = tuple(name for name in RUNTIMES if name != "mnist-edge")


class Form(NamedTuple):
    """One way to run the network in a peer: its API, its precision, and where the file comes from."""

    api: str
    precision: str
    source: str


FORMS = {
    "onnxruntime": [Form("session.run", "fp32", "fp32.onnx")],
    "openvino": [Form("", "fp32", "fp32.onnx"), Form("", "int8", "int8.onnx")],
    "litert": [Form("", precision, peers.litert_file(precision)) for precision in peers.LITERT_PRECISIONS],
    "keras": [Form(api, "fp32", "keras") for api in ("predict", "call", "tf.function")],
    "numpy": [Form("", "fp32", peers.NUMPY_FILE)],
}
"""What is measured of each peer. fp32.onnx and int8.onnx are the exported files, keras is the .keras file itself, the
others are made from it for the run."""


class Plan(NamedTuple):
    """What a run is to measure.

    Attributes:
        candidates: In the order of the report.
        errors: Why one cannot be measured, by its place in ``candidates``.
        missing: A sentence for each peer that is not installed.
    """

    candidates: list[Candidate]
    errors: dict[int, str]
    missing: list[str]


def of_models(models: Sequence[Path], threads: Sequence[int]) -> Plan:
    """The Predictor with each file and each number of threads.

    Raises:
        ModelError: A file is not there.
    """
    plan = Plan([], {}, [])
    for model in models:
        try:
            spec = model_file.read(model).spec
            precision, shape, error = spec.precision, spec.input.shape, None
        except ModelError as why:
            if not model.exists():
                raise
            precision = model.suffixes[-2].lstrip(".") if len(model.suffixes) > 1 else ""
            shape, error = MNIST_SHAPE, str(why)
        for count in threads:
            if error:
                plan.errors[len(plan.candidates)] = error
            plan.candidates.append(_candidate("mnist-edge", Form("", precision, ""), model, model, count, shape))
    return plan


def of_peers(
    names: Sequence[str],
    models: Sequence[Path],
    keras_files: Sequence[Path],
    threads: Sequence[int],
    images: NDArray[np.uint8],
    folder: Path,
    ours: Plan,
) -> Plan:
    """Adds the peers to a plan, each in its ``FORMS``, with each number of threads.

    Args:
        names: Which of ``PEERS``.
        models: The files of the Predictor; peers that read ONNX take theirs from these, or from beside the .keras file.
            Where there are several networks, only those that are called as the .keras file is.
        keras_files: The networks that the other forms are made from.
        threads: Threads a call may use.
        images: Training images, uint8 (N, ...), for the ranges of LiteRT's int8.
        folder: For the files that are made.
        ours: The plan to add them to.

    Raises:
        OptionError: A name that is none of ``PEERS``.
    """
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise OptionError(f"expected runtimes out of {', '.join(PEERS)}, received {unknown[0]!r}")
    plan = Plan([*ours.candidates], {**ours.errors}, [])
    installed = []
    for name in names:
        try:
            require(RUNTIMES[name].extra or "peers", *RUNTIMES[name].packages)
            if any(form.source in _MADE for form in FORMS[name]):
                require("peers", "tensorflow", "keras")  # they make the file
            installed.append(name)
        except MissingExtraError as error:
            plan.missing.append(f"{name} is left out: {error}")
    made = {form.source for name in installed for form in FORMS[name]} & _MADE
    for number, keras_file in enumerate(dict.fromkeys(keras_files)):
        own, into = models, folder / str(number)
        if len(keras_files) > 1:
            own = [path for path in models if path.name.split(".")[0] == keras_file.stem]
        into.mkdir()
        failed = _convert(keras_file, images, into) if made else {}
        for name in installed:
            for form in FORMS[name]:
                model, file, why = _locate(form, own, keras_file, into, failed)
                for count in threads:
                    if why:
                        plan.errors[len(plan.candidates)] = why
                    plan.candidates.append(_candidate(name, form, model, file, count))
    return plan


_MADE = {peers.NUMPY_FILE, *map(peers.litert_file, peers.LITERT_PRECISIONS)}


def _candidate(
    runtime: str, form: Form, model: Path, file: Path, threads: int, shape: tuple[int, ...] = MNIST_SHAPE
) -> Candidate:
    everything = threads == available_cpus()
    return Candidate(runtime, form.api, form.precision, str(model), str(file), threads, everything, shape)


def _locate(
    form: Form, models: Sequence[Path], keras_file: Path, folder: Path, failed: dict[str, str]
) -> tuple[Path, Path, str | None]:
    """The model as the user knows it, the file that is opened, and why there is none."""
    if form.source in _MADE:
        return keras_file, folder / form.source, failed.get(form.source)
    if form.source == "keras":
        return keras_file, keras_file, _refusal(keras_file)
    # One of the models that were named, or the file of that precision beside one of them or beside the .keras file.
    ending = "." + form.source
    named = [path for path in models if path.name.endswith(ending)]
    beside = [path.with_name(path.name.split(".")[0] + ending) for path in (*models, keras_file)]
    found = next((path for path in (*named, *beside) if path.is_file()), None)
    wanted = found or beside[-1]
    return wanted, wanted, None if found else f"it needs {wanted}, which is not there: export it"


def _refusal(keras_file: Path) -> str | None:
    """Why Keras is not to be given a file, if there is a reason."""
    from mnist_edge.sources.keras_file import read_keras, require_loadable

    try:
        require_loadable(read_keras(keras_file), str(keras_file))
    except ModelError as error:
        return str(error)
    return None


def _convert(keras_file: Path, images: NDArray[np.uint8], folder: Path) -> dict[str, str]:
    """Has the files made, in another process; why those are missing that could not be."""
    calibration = folder / "calibration.npy"
    np.save(calibration, images[: peers.CALIBRATION_IMAGES])
    command = [sys.executable, "-m", "mnist_edge.benchmark.peers", str(keras_file), str(calibration), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return dict.fromkeys(_MADE, f"converting {keras_file} failed: {said}")
    failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return failed
