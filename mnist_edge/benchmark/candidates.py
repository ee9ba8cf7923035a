"""Which candidates a run has: the user's files in the Predictor, and the baselines asked for."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.benchmark import baselines
from mnist_edge.benchmark.adapters import Candidate, Setup
from mnist_edge.benchmark.runtimes import BASELINES, PREDICTOR, RUNTIMES, Variant
from mnist_edge.errors import MissingExtraError, ModelError, OptionError
from mnist_edge.extras import require
from mnist_edge.model_spec import MNIST_SHAPE
from mnist_edge.runtime import model_file
from mnist_edge.runtime.session import available_cpus


class Planned(NamedTuple):
    """A candidate that is to be measured, or why it cannot be."""

    candidate: Candidate
    error: str | None


def of_models(models: Sequence[Path], threads: Sequence[int]) -> list[Planned]:
    """Plan the Predictor with each file and each number of threads.

    Raises:
        ModelError: A file is not there.
    """
    planned = []
    for model in models:
        error = None
        try:
            spec = model_file.read(model).spec
            precision = spec.precision
            shape = spec.input.shape
        except ModelError as reason:
            if not model.exists():
                raise
            error = str(reason)
            precision = model.suffixes[-2].lstrip(".") if len(model.suffixes) > 1 else ""
            shape = MNIST_SHAPE
        for count in threads:
            setup = Setup(PREDICTOR, "", str(model), precision, count)
            planned.append(Planned(_candidate(setup, model, shape), error))
    return planned


def of_baselines(
    names: Sequence[str],
    models: Sequence[Path],
    keras_files: Sequence[Path],
    threads: Sequence[int],
    images: NDArray[np.uint8],
    folder: Path,
) -> tuple[list[Planned], list[str]]:
    """Plan the baselines, each in its variants, with each number of threads.

    Args:
        names: Which of ``BASELINES``.
        models: The files of the Predictor; baselines that read ONNX take theirs from these, or
            from beside the .keras file. Where there are several networks, only those that are
            called as the .keras file is.
        keras_files: The networks that the other files are made from.
        threads: Threads a call may use.
        images: Training images, uint8 (N, ...), for the ranges of LiteRT's int8.
        folder: For the files that are made.

    Returns:
        The plan, and a sentence for each baseline that is not installed.

    Raises:
        OptionError: A name that is none of ``BASELINES``.
    """
    for name in names:
        if name not in BASELINES:
            raise OptionError(f"expected runtimes out of {', '.join(BASELINES)}, received {name!r}")
    installed, missing = _installed(names)
    variants = [(name, variant) for name in installed for variant in RUNTIMES[name].variants]
    must_convert = any(variant.source in baselines.MADE for _, variant in variants)
    planned = []
    for number, keras_file in enumerate(dict.fromkeys(keras_files)):
        own = models
        if len(keras_files) > 1:
            own = [path for path in models if path.name.split(".")[0] == keras_file.stem]
        into = folder / str(number)
        into.mkdir()
        failed = _convert(keras_file, images, into) if must_convert else {}
        for name, variant in variants:
            model, file, error = _locate(variant, own, keras_file, into, failed)
            for count in threads:
                setup = Setup(name, variant.api, str(model), variant.precision, count)
                planned.append(Planned(_candidate(setup, file), error))
    return planned, missing


def _installed(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which baselines are installed, and a sentence for each that is not."""
    installed = []
    missing = []
    for name in names:
        runtime = RUNTIMES[name]
        try:
            require(runtime.extra or "peers", *runtime.packages)
            if any(variant.source in baselines.MADE for variant in runtime.variants):
                require("peers", "tensorflow", "keras")  # they make the file
            installed.append(name)
        except MissingExtraError as error:
            missing.append(f"{name} is left out: {error}")
    return installed, missing


def _candidate(setup: Setup, file: Path, shape: tuple[int, ...] = MNIST_SHAPE) -> Candidate:
    return Candidate(setup, str(file), setup.threads == available_cpus(), shape)


def _locate(
    variant: Variant,
    models: Sequence[Path],
    keras_file: Path,
    folder: Path,
    failed: Mapping[str, str],
) -> tuple[Path, Path, str | None]:
    """Return the model as the user knows it, the file that is opened, and why there is none."""
    if variant.source in baselines.MADE:
        return keras_file, folder / variant.source, failed.get(variant.source)
    if variant.source == "keras":
        return keras_file, keras_file, _refusal(keras_file)
    # One of the models that were named, or the file of that precision beside one of them or
    # beside the .keras file.
    ending = "." + variant.source
    named = [path for path in models if path.name.endswith(ending)]
    beside = [path.with_name(path.name.split(".")[0] + ending) for path in (*models, keras_file)]
    for path in (*named, *beside):
        if path.is_file():
            return path, path, None
    wanted = beside[-1]
    return wanted, wanted, f"it needs {wanted}, which is not there: export it"


def _refusal(keras_file: Path) -> str | None:
    """Return why Keras is not to be given a file; None where it may be."""
    from mnist_edge.sources.keras_file import read_keras, require_loadable

    try:
        require_loadable(read_keras(keras_file), str(keras_file))
    except ModelError as error:
        return str(error)
    return None


def _convert(keras_file: Path, images: NDArray[np.uint8], folder: Path) -> dict[str, str]:
    """Have the files made in another process; return why those are missing that could not be."""
    calibration = folder / "calibration.npy"
    np.save(calibration, images[: baselines.CALIBRATION_IMAGES])
    arguments = (str(keras_file), str(calibration), str(folder))
    command = [sys.executable, "-m", "mnist_edge.benchmark.baselines", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return dict.fromkeys(baselines.MADE, f"converting {keras_file} failed: {reason}")
    failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return failed
