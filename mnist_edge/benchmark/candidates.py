"""Which candidates a run has: the user's files, and the baselines that were asked for."""

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mnist_edge.benchmark import baselines, foreign, inputs
from mnist_edge.benchmark.baselines import Made, Task
from mnist_edge.benchmark.networks import Network, Read
from mnist_edge.benchmark.runtimes import BASELINES, C_LIBRARY, PREDICTOR, RUNTIMES, Variant
from mnist_edge.benchmark.setup import Candidate, Setup
from mnist_edge.c99 import library
from mnist_edge.c99 import network as integers
from mnist_edge.c99.library import require_compiler
from mnist_edge.datasets import Dataset
from mnist_edge.errors import MissingExtraError, MnistEdgeError, ModelError, OptionError
from mnist_edge.extras import require
from mnist_edge.model_spec import UNIT_PIXELS, ModelSpec, float_input
from mnist_edge.runtime import model_file
from mnist_edge.runtime.foreign_file import ForeignFile
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.runtime.session import available_cpus


class Planned(NamedTuple):
    """A candidate that is to be measured, or why it cannot be.

    Attributes:
        candidate: What it is.
        spec: What its model takes and answers; None for files of others, and where that is unknown.
        error: Why it cannot be measured, where something is wrong.
        limitation: The same, where it is of a kind that its runtime does not do.
    """

    candidate: Candidate
    spec: ModelSpec | None
    error: str | None = None
    limitation: str | None = None


class _Located(NamedTuple):
    """Where a baseline's file is.

    Attributes:
        model: The model as the user knows it.
        file: The file that is opened.
        error: As in ``Planned``.
        limitation: As in ``Planned``.
    """

    model: Path
    file: Path
    error: str | None = None
    limitation: str | None = None


def of_files(files: Sequence[Read], threads: Sequence[int]) -> list[Planned]:
    """Plan each file with each number of threads: ours in the Predictor, others in a session."""
    planned = []
    for read in files:
        for count in threads:
            if isinstance(read.file, ForeignFile):
                planned += _of_others(read, read.file, count)
                continue
            setup = Setup(PREDICTOR, "", str(read.path), read.precision, count)
            candidate = _candidate(setup, read.path, read.spec)
            planned.append(Planned(candidate, read.spec, read.error))
    return planned


def _of_others(read: Read, file: ForeignFile, threads: int) -> list[Planned]:
    """Plan a file of others in a session, with both kinds of options."""
    planned = []
    for api in foreign.APIS:
        setup = Setup("onnxruntime", api, str(read.path), "", threads)
        candidate = Candidate(
            setup,
            str(read.path),
            threads == available_cpus(),
            feeds=file.inputs,
            fixed_batch=None if read.limitation else foreign.fixed_batch(file.inputs),
            numbers=0 if read.limitation else sum(map(foreign.elements, file.inputs)),
        )
        planned.append(Planned(candidate, None, limitation=read.limitation))
    return planned


def of_baselines(
    names: Sequence[str],
    networks: Sequence[Network],
    threads: Sequence[int],
    dataset: Dataset | None,
    folder: Path,
) -> tuple[list[Planned], list[str]]:
    """Plan the baselines, each in its variants, with each number of threads.

    Args:
        names: Which of ``BASELINES``.
        networks: What they are made from.
        threads: Threads a call may use.
        dataset: Its training images are for the ranges of LiteRT's int8, where they fit a model.
        folder: For the files that are made.

    Returns:
        The plan, and a sentence for each baseline that is not installed.
    """
    installed, missing = _installed(names)
    variants = [(name, variant) for name in installed for variant in RUNTIMES[name].variants]
    planned = []
    for number, network in enumerate(networks):
        into = folder / str(number)
        into.mkdir()
        made = _convert(network, [variant for _, variant in variants], dataset, into)
        spec = network.spec
        if spec is None and made.shape:
            labels = tuple(map(str, range(max(2, made.outputs))))
            spec = ModelSpec("fp32", float_input(made.shape), labels, "none")
        for name, variant in variants:
            located = _locate(variant, network, into, made)
            # C has one thread, whatever it may use.
            for count in (1,) if variant.source == C_LIBRARY else threads:
                setup = Setup(name, variant.api, str(located.model), variant.precision, count)
                candidate = _candidate(setup, located.file, spec, network)
                planned.append(Planned(candidate, spec, located.error, located.limitation))
    return planned, missing


def require_known(names: Sequence[str]) -> None:
    """Refuse names of runtimes that are none.

    Raises:
        OptionError: One that is not among ``BASELINES``.
    """
    for name in names:
        if name not in BASELINES:
            raise OptionError(f"expected runtimes out of {', '.join(BASELINES)}, received {name!r}")


def _installed(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which baselines are installed, and a sentence for each that is not."""
    installed = []
    missing = []
    for name in names:
        runtime = RUNTIMES[name]
        try:
            require(runtime.extra or "peers", *runtime.packages)
            if any(variant.source == C_LIBRARY for variant in runtime.variants):
                require_compiler()
            if any(variant.source in baselines.MADE for variant in runtime.variants):
                require("peers", "tensorflow", "keras")  # they make the file
            installed.append(name)
        except MissingExtraError as error:
            missing.append(f"{name} is left out: {error}")
    return installed, missing


def _candidate(
    setup: Setup, file: Path, spec: ModelSpec | None, network: Network | None = None
) -> Candidate:
    """Return a candidate; ``network`` is what a baseline is made from."""
    found = Candidate(setup, str(file), setup.threads == available_cpus())
    if spec is not None:
        found = replace(found, input=spec.input)
    if network is not None:
        found = replace(found, scaling=network.scaling, numbers=network.numbers)
    return found


def _locate(variant: Variant, network: Network, folder: Path, made: Made) -> _Located:
    """Return a baseline's file, or why there is none."""
    if variant.source == C_LIBRARY:
        return _compiled(variant, network)
    if variant.source != "keras" and variant.source not in baselines.MADE:
        return _exported(variant, network)
    if network.keras_file is None:
        path = network.path
        return _Located(path, path, network.missing, network.unsuited)
    if variant.source == "keras":
        refusal = _refusal(network.keras_file)
        return _Located(network.keras_file, network.keras_file, refusal)
    error = made.failed.get(variant.source)
    unsuited = made.unsuited.get(variant.source)
    return _Located(network.keras_file, folder / variant.source, error, unsuited)


def _exported(variant: Variant, network: Network) -> _Located:
    """Return the exported file of a precision: one of the run's, or one beside those."""
    precision, _, _ = variant.source.partition(".")
    for read in network.exported:
        if read.precision == precision and isinstance(read.file, ModelFile):
            return _Located(read.path, read.path)
    digests = {read.source_sha256 for read in network.exported}
    places = [read.path for read in network.exported]
    if network.keras_file is not None:
        places.append(network.keras_file)
    beside = [path.with_name(f"{path.name.split('.')[0]}.{variant.source}") for path in places]
    for path in beside:
        if path.is_file() and _belongs(path, digests):
            return _Located(path, path)
    wanted = beside[-1]
    return _Located(wanted, wanted, f"it needs {wanted}, which is not there: export it")


def _compiled(variant: Variant, network: Network) -> _Located:
    """Compile the exported int8 file; return the shared library."""
    source = _exported(variant._replace(source=f"{variant.precision}.onnx"), network)
    if source.error:
        return source
    try:
        model = model_file.read(source.file)
        integers.read(model)
    except ModelError as error:
        return source._replace(limitation=str(error))
    try:
        return source._replace(file=library.compiled(model))
    except MnistEdgeError as error:
        return source._replace(error=str(error))


def _belongs(path: Path, digests: set[str | None]) -> bool:
    """Return whether a file was made from the same model as those of the run, if there are any."""
    try:
        digest = model_file.read(path).provenance.source_sha256
    except ModelError:
        return True  # what is wrong with it shows when it is opened
    return not digests or digest in digests


def _refusal(keras_file: Path) -> str | None:
    """Return why Keras is not to be given a file; None where it may be."""
    from mnist_edge.sources.keras_file import read_keras, require_loadable

    try:
        require_loadable(read_keras(keras_file), str(keras_file))
    except ModelError as error:
        return str(error)
    return None


def _convert(
    network: Network, variants: Sequence[Variant], dataset: Dataset | None, folder: Path
) -> Made:
    """Have files made in another process; return which could not be."""
    wanted = [variant.source for variant in variants if variant.source in baselines.MADE]
    is_needed = wanted or (network.spec is None and any(v.source == "keras" for v in variants))
    if network.keras_file is None or not is_needed:
        return Made()
    spec = network.spec
    if dataset and spec:
        dataset = dataset.in_order_of(spec.feature_names)
    images = inputs.to_calibrate(spec.input if spec else UNIT_PIXELS, dataset)
    task = Task(
        keras_file=network.keras_file,
        folder=folder,
        wanted=wanted,
        input=spec.input if spec else None,
        scaling=network.scaling,
        images=images[: baselines.CALIBRATION_IMAGES],
    )
    command = [sys.executable, "-m", "mnist_edge.benchmark.baselines"]
    done = subprocess.run(command, input=pickle.dumps(task), capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = (lines or ["no reason given"])[-1]
        return Made(
            failed=dict.fromkeys(wanted, f"converting {network.keras_file} failed: {reason}")
        )
    found = json.loads(done.stdout.splitlines()[-1])
    return Made(tuple(found["shape"]), found["outputs"], found["failed"], found["unsuited"])
