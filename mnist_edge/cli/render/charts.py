"""Charts, drawn by matplotlib."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_edge.errors import OptionError
from mnist_edge.extras import require
from mnist_edge.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_edge.training.history import History


PLOT_FORMATS = (".png", ".svg", ".pdf")


def training_curve(history: "History", title: str, *, distilled: bool) -> "Figure":
    """Draw loss and accuracy an epoch, of training and validation images.

    Args:
        history: Of a training.
        title: What was trained.
        distilled: Whether a teacher's answers were learnt: the loss in training is then the
            distance from those.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = np.arange(1, history.epochs + 1)
    losses = ("training", "validation")
    if distilled:
        losses = ("training: distance from the teacher", "validation: cross-entropy")
    panels = (
        ("loss", losses, history.loss, history.val_loss),
        ("accuracy", ("training", "validation"), history.accuracy, history.val_accuracy),
    )
    for axes, (what, labels, training, validation) in zip(
        figure.subplots(1, 2), panels, strict=True
    ):
        axes.plot(epochs, training, marker=".", label=labels[0])
        axes.plot(epochs, validation, marker=".", label=labels[1])
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    return figure


def require_plot(path: Path) -> None:
    """Refuse a plot that could not be made, before the work that it would show.

    Raises:
        OptionError: The name has none of ``PLOT_FORMATS`` as its ending.
        MissingExtraError: matplotlib is not installed.
    """
    require("export", "matplotlib")
    if path.suffix.lower() not in PLOT_FORMATS:
        formats = ", ".join(PLOT_FORMATS)
        raise OptionError(f"expected a plot's name to end in one of {formats}, received {path}")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that its name ends in.

    Raises:
        OptionError: The format is not one of ``PLOT_FORMATS``.
        OutputError: It cannot be written.
    """
    require_plot(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:].lower(), dpi=120)
    write_whole(path, buffer.getvalue())
