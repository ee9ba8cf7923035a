"""Charts, drawn by matplotlib."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_edge.errors import OptionError
from mnist_edge.extras import require
from mnist_edge.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PLOT_FORMATS = (".png", ".svg", ".pdf")


def training_curve(history: Mapping[str, Sequence[float]], title: str, *, taught: bool) -> "Figure":
    """Draws loss and accuracy an epoch, of training and validation images.

    Args:
        history: Lists of one number an epoch: loss, accuracy, val_loss, val_accuracy.
        title: What was trained.
        taught: Whether a teacher's answers were learnt: the loss in training is then the distance from those.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = np.arange(1, len(history["loss"]) + 1)
    losses = (": distance from the teacher", ": cross-entropy") if taught else ("", "")
    for axes, what, (training, validation) in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), (losses, ("", "")), strict=True
    ):
        axes.plot(epochs, history[what], marker=".", label=f"training{training}")
        axes.plot(epochs, history[f"val_{what}"], marker=".", label=f"validation{validation}")
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    return figure


def require_plot(path: Path) -> None:
    """Refuses a plot that could not be made, before the work that it would show.

    Raises:
        OptionError: The name has none of ``PLOT_FORMATS`` as its ending.
        MissingExtraError: matplotlib is not installed.
    """
    require("export", "matplotlib")
    if path.suffix.lower() not in PLOT_FORMATS:
        raise OptionError(f"expected a plot's name to end in one of {', '.join(PLOT_FORMATS)}, received {path}")


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure in the format that its name says.

    Raises:
        OptionError: The format is not one of ``PLOT_FORMATS``.
        OutputError: It cannot be written.
    """
    require_plot(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:].lower(), dpi=120)
    write_whole(path, buffer.getvalue())
