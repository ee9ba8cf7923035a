"""mnist-edge compare: what became slower from one benchmark to the next."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_edge.cli.app import Json, command, echo, print_json
from mnist_edge.cli.verbosity import note


@command
def compare(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="Report of an earlier benchmark --json.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Report of a later one.")],
    fail_above: Annotated[
        str,
        typer.Option(metavar="SHARE", help="Largest slowdown to accept, as 10% or 0.1."),
    ] = "10%",
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Compare reports of different devices or models."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare two benchmark reports and fail on a slowdown.

    Exit code 1 when a latency grew by more than --fail-above and by more than the noise of both
    reports.

    Example: mnist-edge compare old.json new.json --fail-above 5%
    """
    from mnist_edge.benchmark import compare as comparison
    from mnist_edge.benchmark import report_file
    from mnist_edge.cli.render.benchmark import comparison_table

    allowed = comparison.threshold(fail_above)
    before, after = report_file.read(old), report_file.read(new)
    found = comparison.compare(before, after, allowed, anyway=anyway)
    if as_json:
        print_json(found)
    else:
        echo(comparison_table(found.rows))
    for difference in found.differences:
        note(f"compared anyway: {difference}")
    for place, rows in (("the old", found.only_old), ("the new", found.only_new)):
        if rows:
            note(f"{len(rows)} rows are only in {place} report, the first of them {rows[0]}")
    if not found.passed:
        raise typer.Exit(1)
