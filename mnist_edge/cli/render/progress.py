"""Progress bars, on stderr and only on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_edge.training.recipes import Recipe


@contextmanager
def epoch_bar() -> Iterator[Callable[["Recipe", dict[str, list[float]]], None]]:
    """A progress bar over epochs for each recipe (a teacher has its own), on stderr and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[str | ProgressColumn] = [
        TextColumn("{task.fields[name]}"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    ]
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:

        def on_epoch(recipe: "Recipe", history: dict[str, list[float]]) -> None:
            name = f"{recipe.name} {'-'.join(map(str, recipe.widths))}"
            if name not in tasks:
                tasks[name] = progress.add_task("", total=recipe.epochs, name=name)
            done = len(history["loss"])
            told = f"loss {history['loss'][-1]:.4f}, validation {history['val_accuracy'][-1]:.2%}" if done else ""
            progress.update(tasks[name], completed=done, description=told)

        yield on_epoch


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A progress bar over a share of 1, on stderr and only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = [BarColumn(), TaskProgressColumn(), TextColumn("{task.description}")]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share, what: progress.update(task, completed=share, description=what)
