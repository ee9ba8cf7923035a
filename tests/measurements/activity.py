"""How many units an activity penalty makes inactive, and what that costs: make activity.

784-512-512-10 learns the shipped network's answers, with a penalty on the values of its hidden
units: their sum, averaged over a batch, times a factor (Glorot, Bordes, Bengio, Deep Sparse
Rectifier Neural Networks, 2011). What it costs is measured on the last 5,000 training images; table
and chart stand in docs/research/training.md.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.cli.render.charts import save_figure
from mnist_edge.export.inactive import INACTIVE_SHARE
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training.fit import evaluate
from mnist_edge.training.network import build, dense_layers, normalised, plain
from mnist_edge.training.pruning import pruning_images
from mnist_edge.training.recipes import AUGMENTED
from tests.measurements.compression import WIDE, distorted, fine_tune

CHART = Path("docs/activity.png")
FACTORS = (0, 1e-4, 1e-3, 4e-3, 1e-2, 3e-2)
STAGE = replace(AUGMENTED.chain()[0], epochs=24, sets=12)


def main() -> None:
    """Print the table in Markdown and draw the chart."""
    digits = datasets.find()
    images = pruning_images(digits.train_images)
    teacher = normalised(plain(from_bytes(WIDE.read_bytes(), str(WIDE)), str(WIDE)), images)
    harder = distorted(digits)
    rows = []
    sys.stdout.write(
        "| factor | inactive units | active in an image | validation | NLL | distorted |\n"
    )
    sys.stdout.write("| ---: | --- | --- | ---: | ---: | ---: |\n")
    for factor in FACTORS:
        network = penalise(build(STAGE.widths, seed=0, batch_norm=True), factor)
        model = fine_tune(network, teacher, STAGE, digits)
        inactive, active = activity(model, images)
        loss, accuracy = evaluate(model, *digits.validation)
        on_harder = evaluate(model, *harder)[1]
        rows.append({"inactive": sum(inactive), "validation": accuracy, "distorted": on_harder})
        units = ", ".join(map(str, inactive))
        shares = ", ".join(f"{share:.1%}" for share in active)
        sys.stdout.write(
            f"| {factor:g} | {units} | {shares} | {accuracy:.2%} | {loss:.4f} | {on_harder:.2%} |\n"
        )
        sys.stdout.flush()
    save_figure(chart(rows), CHART)


def penalise(model: keras.Model, factor: float) -> keras.Model:
    """Make the values of the hidden units of ``model`` count in its loss."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.ReLU):
            layer.activity_regularizer = keras.regularizers.L1(factor)
    return model


def activity(model: keras.Model, images: np.ndarray) -> tuple[list[int], list[float]]:
    """Return of each hidden layer how many units are inactive, and the share active in an image.

    A unit is inactive by the share that export goes by.
    """
    inactive = []
    active = []
    values = images
    for layer in dense_layers(model)[:-1]:
        values = layer(values).numpy()
        fired = (values > 0).mean(axis=0)
        inactive.append(int((fired < INACTIVE_SHARE).sum()))
        active.append(float(fired.mean()))
    return inactive, active


def chart(rows: list[dict[str, Any]]) -> Figure:
    """Draw accuracy against inactive units."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    inactive = [row["inactive"] for row in rows]
    for what in ("validation", "distorted"):
        axes.plot(inactive, [100 * row[what] for row in rows], marker="o", label=f"{what} digits")
    for row, factor in zip(rows, FACTORS, strict=True):
        if row["inactive"]:  # the others lie on each other
            place = row["inactive"], 100 * row["distorted"]
            axes.annotate(f"{factor:g}", place, (4, 6), textcoords="offset points")
    axes.margins(x=0.1)
    axes.set_xlabel("inactive units of 1,024; beside the points, the penalty's factor")
    axes.set_ylabel("accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
