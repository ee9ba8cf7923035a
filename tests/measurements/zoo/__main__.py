"""Train, export and measure the usual classifiers, and write docs/zoo.md: make zoo.

What is made of each network is kept in build/zoo: an interrupted run goes on where it stopped.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.benchmark import report as benchmark
from mnist_edge.cli.render import progress
from mnist_edge.datasets import Dataset
from mnist_edge.documents import to_json
from mnist_edge.export import pipeline
from mnist_edge.export.inputs import wanted_by
from mnist_edge.export.quantize import PRECISIONS
from mnist_edge.export.readings import LabelledExamples
from mnist_edge.files import write_json
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.pixels import as_trained
from mnist_edge.sources import open_source
from tests.measurements.zoo import page, sets
from tests.measurements.zoo.networks import NETWORKS, Network

BATCH = 128
AGAINST = ("litert", "openvino")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make and measure the networks; return 1 where the export of one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/zoo"))
    parser.add_argument("--only", default="", help="names of networks, by commas")
    parser.add_argument("--seconds", type=float, default=12.0, help="of timed calls, a network")
    parser.add_argument("--train-only", action="store_true", help="leave the rest for a quiet hour")
    parser.add_argument("--page", type=Path, default=page.PAGE)
    options = parser.parse_args(arguments)
    chosen = [one for one in NETWORKS if not options.only or one.name in options.only.split(",")]
    paths = dict(sets.write(options.out / "data"))
    documents = []
    with progress.progress_bar() as on_progress:
        for number, network in enumerate(chosen):
            on_progress(number / len(chosen), network.name)
            _train(network, paths[network.data], options.out)
            if options.train_only:
                continue
            documents.append(_document(network, paths[network.data], options))
    if options.train_only:
        return 0
    if not options.only:
        page.write(options.page, chosen, documents)
    sys.stdout.write(f"{page.table_of(chosen, documents)}\n")
    return 0 if all(document["export"]["passed"] for document in documents) else 1


def _document(network: Network, data: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what was measured of a network, in this run or in one before it."""
    done = options.out / f"{network.name}.json"
    if not done.exists():
        trained = options.out / f"{network.name}.keras"
        write_json(done, _measured(network, trained, data, options.seconds))
    document: dict[str, Any] = json.loads(done.read_text())
    return document


def _train(network: Network, data: Path, folder: Path) -> None:
    """Train a network as its tutorial does, on pixels of its own scaling, unless that is done."""
    path = folder / f"{network.name}.keras"
    if path.exists():
        return
    dataset = datasets.find(str(data))
    keras.utils.set_random_seed(0)
    model = network.build()
    last = model.layers[-1]
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    if model.output_shape[-1] == 1:
        loss: keras.Loss = keras.losses.BinaryCrossentropy()
    else:
        logits = not softmax and not isinstance(last, keras.layers.Softmax)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile("adam", loss)
    inputs = _inputs(network, model, dataset)
    model.fit(inputs, dataset.train_labels, batch_size=BATCH, epochs=network.epochs, verbose=0)
    model.save(path)


def _inputs(network: Network, model: keras.Model, dataset: Dataset) -> NDArray[np.float32]:
    """Return the training examples as a network takes them."""
    shape = model.input_shape[1:]
    if not dataset.has_pixels:
        return dataset.train_images.astype(np.float32).reshape(-1, *shape)
    scaling = TrainedScaling(
        network.scaling.name or ("0..255" if _has_rescaling(model) else "0..1"),
        inverted=network.scaling.inverted,
        transposed=network.scaling.transposed,
    )
    if network.scaling.name == "mean,std":
        scaling = LabelledExamples.of(dataset).mean_std
    return as_trained(dataset.train_images, scaling).reshape(-1, *shape)


def _has_rescaling(model: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers)


def _measured(network: Network, trained: Path, data: Path, seconds: float) -> dict[str, Any]:
    """Export a network in every precision that it can have, and time int8 and fp32."""
    source = open_source(trained)
    dataset = datasets.find(str(data), wanted_by(source, ()))
    exported = pipeline.export(
        source,
        trained.parent / "onnx",
        list(PRECISIONS.values()),
        named=False,
        dataset=dataset,
        asked=network.scaling,
    )
    files = [
        Path(model.path)
        for model in exported.models
        if model.precision in ("fp32", "int8") and model.status != "not offered"
    ]
    timed = benchmark.run(
        files, [1, 32], [1], seconds, dataset, against=AGAINST, keras_files=[trained]
    )
    return {
        "weights": source.weights,
        "export": to_json(exported) | {"passed": exported.passed},
        "benchmark": to_json(timed),
    }


if __name__ == "__main__":
    sys.exit(main())
