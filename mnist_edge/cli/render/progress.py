"""Progress bars, on stderr and only on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from mnist_edge.cli import verbosity
from mnist_edge.cli.render.tables import printable

if TYPE_CHECKING:
    from mnist_edge.training.history import History
    from mnist_edge.training.recipes import Stage


OnStep: TypeAlias = Callable[[str], None]
"""Called with what is done next."""


@contextmanager
def steps() -> Iterator[OnStep]:
    """Show what is being done, where that takes seconds; with --verbose each in a line."""
    if verbosity.is_verbose():
        yield verbosity.step
        return
    if not is_shown():
        yield lambda _what: None
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status("starting") as status:
        yield lambda what: status.update(escape(printable(what)))


def is_shown() -> bool:
    """Return whether progress is shown: on a terminal, and not with --quiet."""
    return sys.stderr.isatty() and not verbosity.is_quiet()


@contextmanager
def epoch_bar() -> Iterator[Callable[["Stage", "History"], None]]:
    """Show a progress bar over the epochs of each stage of a recipe."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: list[str | ProgressColumn] = [
        TextColumn("{task.fields[name]}"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    ]
    tasks: dict[str, Any] = {}
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not is_shown()) as progress:

        def on_epoch(stage: "Stage", history: "History") -> None:
            name = f"{stage.name} {'-'.join(map(str, stage.widths))}"
            if name not in tasks:
                tasks[name] = progress.add_task("", total=stage.epochs, name=name)
            measured = ""
            if history.epochs:
                loss = history.loss[-1]
                measured = f"loss {loss:.4f}, validation {history.val_accuracy[-1]:.2%}"
            progress.update(tasks[name], completed=history.epochs, description=measured)

        yield on_epoch


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Show a progress bar over a share of 1."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = [BarColumn(), TaskProgressColumn(), TextColumn("{task.description}")]
    console = Console(stderr=True)
    off = not is_shown()
    with Progress(*columns, console=console, disable=off, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share, what: progress.update(task, completed=share, description=what)
