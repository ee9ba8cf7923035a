"""How many units an activity penalty silences, and what that costs: make activity.

784-512-512-10 learns the shipped network's answers, with a penalty on the values of its hidden units: their sum,
averaged over a batch, times a factor (Glorot, Bordes, Bengio, Deep Sparse Rectifier Neural Networks, 2011). The last
5,000 training images tell what it costs; table and chart stand in docs/training.md.
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
from mnist_edge.training.fit import evaluate, fine_tune
from mnist_edge.training.network import build, dense_layers, normalised, plain
from mnist_edge.training.pruning import pruning_images
from mnist_edge.training.recipes import AUGMENTED
from tests.measurements.compression import WIDE, distorted

CHART = Path("docs/activity.png")
FACTORS = (0, 1e-4, 1e-3, 4e-3, 1e-2, 3e-2)
RECIPE = replace(AUGMENTED, name="activity", epochs=24, sets=12, teacher=None, pruning=None)


def main() -> None:
    """Prints the table in Markdown and draws the chart."""
    digits = datasets.find()
    images = pruning_images(digits.train_images)
    teacher = normalised(plain(from_bytes(WIDE.read_bytes(), str(WIDE)), str(WIDE)), images)
    harder, rows = distorted(digits), []
    sys.stdout.write("| factor | silent units | active in an image | validation | NLL | distorted |\n")
    sys.stdout.write("| ---: | --- | --- | ---: | ---: | ---: |\n")
    for factor in FACTORS:
        network = penalised(build(RECIPE.widths, seed=0, batch_norm=True), factor)
        model = fine_tune(network, teacher, RECIPE, digits, origin="activity").model
        silent, active = activity(model, images)
        loss, accuracy = evaluate(model, *digits.validation)
        rows.append({"silent": sum(silent), "validation": accuracy, "distorted": evaluate(model, *harder)[1]})
        sys.stdout.write(
            f"| {factor:g} | {', '.join(map(str, silent))} | {', '.join(f'{share:.1%}' for share in active)} | "
            f"{accuracy:.2%} | {loss:.4f} | {rows[-1]['distorted']:.2%} |\n"
        )
        sys.stdout.flush()
    save_figure(chart(rows), CHART)


def penalised(model: keras.Model, factor: float) -> keras.Model:
    """``model``, whose hidden units' values count in its loss."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.ReLU):
            layer.activity_regularizer = keras.regularizers.L1(factor)
    return model


def activity(model: keras.Model, images: np.ndarray) -> tuple[list[int], list[float]]:
    """Of each hidden layer, how many units are silent by export's share, and the share active in an image."""
    silent, active, values = [], [], images
    for layer in dense_layers(model)[:-1]:
        values = layer(values).numpy()
        fired = (values > 0).mean(axis=0)
        silent.append(int((fired < INACTIVE_SHARE).sum()))
        active.append(float(fired.mean()))
    return silent, active


def chart(rows: list[dict[str, Any]]) -> Figure:
    """Accuracy against silent units."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    silent = [row["silent"] for row in rows]
    for what in ("validation", "distorted"):
        axes.plot(silent, [100 * row[what] for row in rows], marker="o", label=f"{what} digits")
    for row, factor in zip(rows, FACTORS, strict=True):
        if row["silent"]:  # the others lie on each other
            axes.annotate(f"{factor:g}", (row["silent"], 100 * row["distorted"]), (4, 6), textcoords="offset points")
    axes.margins(x=0.1)
    axes.set(xlabel="silent units of 1,024; beside the points, the penalty's factor", ylabel="accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
