"""docs/zoo.md: what was measured of the zoo, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnist_edge.cli.render.tables import table
from tests.measurements.zoo.networks import Network

PAGE = Path(__file__).parents[3] / "docs" / "zoo.md"

BATCHES = (1, 32)

Document = dict[str, Any]
"""Of one network: ``weights``, ``export`` and ``benchmark``."""

_TEXT = """\
# The zoo: usual classifiers, exported and measured

What tutorials end with, and what people make of it: {count} networks, trained on data that is at
hand without a download, exported with `mnist-edge export MODEL --data SET` (and `--scaling`,
`--invert` or `--transpose` where they were trained so), and timed beside other runtimes, one run
each. `make zoo` makes this page. The list of networks stood before anything was measured
([networks.py](../tests/measurements/zoo/networks.py), data in
[sets.py](../tests/measurements/zoo/sets.py)). They are trained for minutes, not for records;
*residual*, *separable* and *mobile* anew after a first look: the averages of their batch
normalization had not settled.

{summary}

## Networks

{networks}

*Digits* are MNIST's, also at 14x14, in colour at 32x32, and as *fives* or others. *Letters* are
drawn from DejaVu's fonts. *Scanned digits*, iris, wine and cancer are scikit-learn's (features
twenty times over, with a little noise).

## Precisions

Accuracy on the test examples, and how many of them get another answer from int8 than from Keras.
*Made* are the precisions that passed their gate: with no `--precision` the others are not offered.

{precisions}

## Latency

Median microseconds of int8 at one image and at 32 images a call, one thread, from the pixels in a
numpy array to the class. A ratio over 1 means that our int8 file is faster than: our fp32 file;
LiteRT's faster int8 (dynamic or full) of the same Keras model; OpenVINO with our int8 file. *Noise*
is what one file differs by from itself in the same run (A/A): smaller differences are none.

{latency}

{device}
"""


def write(path: Path, networks: Sequence[Network], documents: Sequence[Document]) -> None:
    """Write the page."""
    text = _TEXT.format(
        count=len(networks),
        summary=_summary(networks, documents),
        networks=_markdown(_HEAD_OF_NETWORKS, _rows(_network_row, networks, documents)),
        precisions=_markdown(_HEAD_OF_PRECISIONS, _rows(_precision_row, networks, documents)),
        latency=_markdown(_HEAD_OF_LATENCY, _rows(_latency_row, networks, documents)),
        device=_device(documents[0]),
    )
    path.write_text(text)


def table_of(networks: Sequence[Network], documents: Sequence[Document]) -> str:
    """Return precisions and latency as a table for a terminal."""
    rows = [
        [*_precision_row(network, document), *_latency_row(network, document)[1:]]
        for network, document in zip(networks, documents, strict=True)
    ]
    return table([*_HEAD_OF_PRECISIONS, *_HEAD_OF_LATENCY[1:]], rows)


_HEAD_OF_NETWORKS = ("network", "hidden layers", "data", "weights")

_HEAD_OF_PRECISIONS = ("network", "Keras", "int8", "flips", "fp32 bytes", "int8 bytes", "made")

_HEAD_OF_LATENCY = (
    "network",
    *("int8", "to fp32", "to LiteRT", "to OpenVINO"),
    *("int8, 32", "to fp32", "to LiteRT", "to OpenVINO", "noise"),
)


def _rows(
    row: Any, networks: Sequence[Network], documents: Sequence[Document]
) -> list[Sequence[str]]:
    return [row(network, document) for network, document in zip(networks, documents, strict=True)]


def _network_row(network: Network, document: Document) -> list[str]:
    return [network.name, network.architecture, network.data, f"{document['weights']:,}"]


def _precision_row(network: Network, document: Document) -> list[str]:
    models = {model["precision"]: model for model in document["export"]["models"]}
    made = _made(document)
    int8 = models["int8"]
    images = document["export"]["images"]
    is_made = "int8" in made
    return [
        network.name,
        f"{models['fp32']['reference_accuracy']:.2%}",
        f"{int8['accuracy']:.2%}" if is_made else "-",
        f"{len(int8['flips'])} of {images:,}" if is_made else "-",
        f"{models['fp32']['bytes']:,}",
        f"{int8['bytes']:,}" if is_made else "-",
        ", ".join(made),
    ]


def _latency_row(network: Network, document: Document) -> list[str]:
    cells = [network.name]
    for batch in BATCHES:
        ours = _latency(document, "mnist-edge", "int8", batch)
        others = [
            _latency(document, "mnist-edge", "fp32", batch),
            _latency(document, "litert", "int8", batch),
            _latency(document, "openvino", "int8", batch),
        ]
        cells.append(f"{ours:.1f}" if ours else "-")
        cells.extend(f"{other / ours:.2f}" if ours and other else "-" for other in others)
    return [*cells, f"{document['benchmark']['noise'] or 0:.0%}"]


def _latency(document: Document, runtime: str, precision: str, batch: int) -> float | None:
    """Return the least median of a runtime's candidates of a precision, in microseconds."""
    found = [
        row["p50_us"]
        for row in document["benchmark"]["results"]
        if row["runtime"] == runtime
        and row["precision"].startswith(precision)
        and row["batch"] == batch
        and row["p50_us"]
    ]
    return min(found, default=None)


def _summary(networks: Sequence[Network], documents: Sequence[Document]) -> str:
    """Return what the tables come to, and where we lose."""
    exported = sum(document["export"]["passed"] for document in documents)
    as_int8 = sum("int8" in _made(document) for document in documents)
    sentences = [
        f"{exported} of {len(networks)} are exported, {as_int8} of them as int8 too.",
        *(_wins(documents, batch) for batch in BATCHES),
    ]
    return " ".join(sentences)


def _made(document: Document) -> list[str]:
    """Return the precisions that passed their gate."""
    models = document["export"]["models"]
    return [model["precision"] for model in models if model["status"] != "not offered"]


def _wins(documents: Sequence[Document], batch: int) -> str:
    counts = []
    for runtime, precision, words in (
        ("mnist-edge", "fp32", "our fp32"),
        ("litert", "int8", "LiteRT's int8"),
        ("openvino", "int8", "OpenVINO's"),
    ):
        ratios = []
        for document in documents:
            ours = _latency(document, "mnist-edge", "int8", batch)
            other = _latency(document, runtime, precision, batch)
            if ours and other:
                ratios.append(other / ours)
        faster = sum(ratio > 1 for ratio in ratios)
        counts.append(f"{words} for {faster} of {len(ratios)}")
    where = "At one image" if batch == 1 else f"At {batch} images a call"
    return f"{where} our int8 is faster than {', than '.join(counts)}."


def _device(document: Document) -> str:
    device = document["benchmark"]["device"]
    software = device["software"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(software.items()))
    return f"{device['cpu']} ({', '.join(device['features'])}), {device['os']}; {versions}."


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
