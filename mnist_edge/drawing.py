"""Pictures: digits in a terminal or as a contact sheet, the course of a training, the frontier of widths."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_edge import printing
from mnist_edge.errors import OptionError
from mnist_edge.extras import require
from mnist_edge.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

_SHADES = np.array(list(" .:-=+*#%@"))


def in_terminal(images: NDArray[np.uint8], captions: Sequence[str], columns: int = 80) -> str:
    """Draws digits side by side as text, as many a row as ``columns`` characters hold.

    Args:
        images: uint8 (N, 28, 28).
        captions: N short texts, one above each digit.
        columns: Width of the terminal.

    A character is about twice as high as wide, so two rows of pixels make one row of text.
    """
    rows = images.reshape(-1, 14, 2, 28).astype(int).mean(axis=2)
    drawn = _SHADES[(rows * (len(_SHADES) - 1) / 255).round().astype(int)]
    a_row = max(1, (columns + 1) // 29)
    lines: list[str] = []
    for start in range(0, len(images), a_row):
        lines.append(" ".join(f"{caption:<28}" for caption in captions[start : start + a_row]).rstrip())
        for line in range(14):
            lines.append(" ".join("".join(digit[line]) for digit in drawn[start : start + a_row]).rstrip())
    return "\n".join(lines)


def contact_sheet(images: NDArray[np.uint8], captions: Sequence[str], zoom: int = 2) -> "Image.Image":
    """Draws digits in a square of rows, dark on white, a caption under each.

    Args:
        images: uint8 (N, 28, 28), N at least 1.
        captions: N short texts.
        zoom: Screen pixels for one of MNIST's.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=12)
    a_row = int(np.ceil(np.sqrt(len(images))))
    cell, line = 28 * zoom + 8, 16
    sheet = Image.new("L", (a_row * cell, -(-len(images) // a_row) * (cell + line)), 255)
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = index % a_row * cell, index // a_row * (cell + line)
        digit = Image.fromarray(255 - image).resize((28 * zoom, 28 * zoom), Image.Resampling.NEAREST)
        sheet.paste(digit, (left + 4, top + 4))
        draw.text((left + cell // 2, top + cell), caption, fill=0, font=font, anchor="mt")
    return sheet


def png_bytes(image: "Image.Image") -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


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


def frontier_chart(document: Mapping[str, Any]) -> "Figure":
    """Draws accuracy against latency and against size, one point a network.

    Those on the frontier of all three are filled; in each panel, a line joins those better than all left of them.

    Args:
        document: Of ``frontier.measured``.
    """
    from matplotlib.figure import Figure

    rows = [row for row in document["rows"] if row["accuracy"] is not None and row["p50_us"] is not None]
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    latency, size = figure.subplots(1, 2, sharey=True)
    for axes, key, scale, label in (
        (latency, "p50_us", 1, "one image, one thread, pixels to digit: median, microseconds"),
        (size, "bytes", 1e-3, "int8 file, kB"),
    ):
        places = sorted((row[key] * scale, 100 * row["accuracy"]) for row in rows)
        best = [place for number, place in enumerate(places) if all(place[1] > left[1] for left in places[:number])]
        axes.plot(*zip(*best, strict=True), color="tab:blue", zorder=1)
        for row in rows:
            place = row[key] * scale, 100 * row["accuracy"]
            filled = "tab:blue" if row["on_frontier"] else "lightgrey"
            axes.scatter(*place, color=filled, edgecolor="tab:blue", zorder=2)
            axes.annotate("-".join(map(str, row["in_use"])), place, (6, -12), textcoords="offset points", fontsize=9)
        axes.set_xlabel(label)
        axes.margins(x=0.16)
        axes.grid(alpha=0.3)
    latency.set_ylabel("test accuracy of the int8 file, %")
    noise = printing.percent(document["noise"])
    figure.suptitle(f"Hidden units in use, {document['device']['cpu']}, noise of the latency {noise}")
    return figure


PLOT_FORMATS = (".png", ".svg", ".pdf")


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
