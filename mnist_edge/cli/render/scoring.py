"""What score shows: a bar with rows a second and time left, and a line at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mnist_edge.cli.render.progress import progress_bar
from mnist_edge.scoring.schema import ScoreReport

if TYPE_CHECKING:
    from mnist_edge.scoring.run import Progress


@contextmanager
def rows_bar() -> Iterator[Callable[["Progress"], None]]:
    """Show a bar over the shards of a run, on stderr and only on a terminal."""
    with progress_bar() as show:

        def on_progress(progress: "Progress") -> None:
            if progress.shards:
                show(progress.done / progress.shards, progress_text(progress))

        yield on_progress


def progress_text(progress: "Progress") -> str:
    """Return how far a run is, how fast, and how long it will take."""
    left = progress.seconds_left
    text = f"{progress.rows:,} rows, {progress.rows_per_s:,.0f} rows/s"
    return text if left is None else f"{text}, {_duration(left)} left"


def summary(report: ScoreReport) -> str:
    """Return what a run did, for people."""
    written = f"{report.rows - report.errors:,} of " if report.errors else ""
    lines = [
        f"{written}{_counted(report.rows, 'row')} in {_counted(report.shards, 'file')} in "
        f"{report.out}, {report.rejected:,} rejected"
    ]
    if report.errors:
        errors = f"{report.out.rstrip('/')}/errors"
        lines.append(f"{_counted(report.errors, 'row')} could not be read: see {errors}")
    if report.rows_per_s is None:
        lines.append("nothing was left to do")
    else:
        lines.append(f"{report.rows_per_s:,.0f} rows a second, {_inference(report.engine_share)}")
    if not report.complete:
        lines.append("other shards are missing: _SUCCESS comes with the last of them")
    return "\n".join(lines)


def _inference(share: float | None) -> str:
    """Return how much of the time was inference."""
    percent = round(100 * (share or 0))
    return f"{percent} % of the time was inference" if percent else "under 1 % was inference"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
