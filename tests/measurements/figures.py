"""All figures of README and docs, of one commit and on one machine: make figures.

Each command's output goes into build/figures/NAME.txt; summary.txt has the commit, the machine, and
how each ended. It takes an hour and a half of a quiet machine. What is slower or needs other
machines has commands of its own: make compression, seeds, activity, fuzz, arm, lowest.
"""

import datetime
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mnist_edge.benchmark import device

OUT = Path("build/figures")
ZOO = Path("build/zoo")

COMMAND = str(Path(sys.executable).with_name("mnist-edge"))
BENCHMARK = [COMMAND, "benchmark", "--against", "all", "--threads", "1"]

COMMANDS = {
    "readme": [*BENCHMARK, "int8", "small", "--batch", "1"],
    "benchmark": [*BENCHMARK, "--seconds", "100"],
}
"""What is no make command: README's table, and that of docs/benchmark.md."""

TARGETS = (
    "c-code",
    "c-peers",
    "overhead",
    "pictures",
    "browser",
    "numbers",
    "handwriting",
    "rejection",
    "memory",
    "engine",
    "choices",
    "scoring",
    "training-speed",
    "frontier",
    "zoo",
    "cortex-m",
    "cross",
    "compat",
    "pythons",
)
"""Make commands, those that time something first."""


def main() -> None:
    """Run all of them, one after the other; exit with 1 when one fails."""
    commit = _commit()
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(ZOO, ignore_errors=True)  # it would go on with parts of another commit
    OUT.mkdir(parents=True)
    today = datetime.datetime.now(datetime.UTC).date()
    _note(f"commit {commit}, {today}, {device.describe().hardware.cpu}")
    commands = COMMANDS | {target: ["make", "-s", target] for target in TARGETS}
    failed = [name for name, command in commands.items() if not _run(name, command)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(name: str, command: list[str]) -> bool:
    """Run a command into its files; return whether it ended well."""
    start = time.monotonic()
    with (OUT / f"{name}.txt").open("w") as out, (OUT / f"{name}.err").open("w") as errors:
        done = subprocess.run(command, stdout=out, stderr=errors, check=False)
    _note(f"{name}: exit code {done.returncode} after {time.monotonic() - start:.0f} s")
    return done.returncode == 0


def _commit() -> str:
    """Return the commit, of which nothing is changed."""
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)
    if changed.stdout:
        sys.exit("expected a working tree without changes, so that all figures are of one commit")
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def _note(line: str) -> None:
    with (OUT / "summary.txt").open("a") as file:
        file.write(f"{line}\n")
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
