"""Tries hostile inputs on each reader: make fuzz.

    python -m tests.fuzz --minutes 30 --seed 0
    python -m tests.fuzz --repeat onnx-0-123      reads that one input again

The same seed gives the same inputs. What was found stays in build/fuzz, with the input.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from tests.fuzz.readers import READERS
from tests.fuzz.worker import Worker

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"


def make(name: str) -> bytes:
    """Return the input of a name such as onnx-0-123: reader, seed and number."""
    return READERS[name.partition("-")[0]].make(Random(name))


def names(seed: int) -> Iterator[str]:
    """Return the names of inputs without end, readers in turn, each as often as its share."""
    turns = [reader for reader, about in READERS.items() for _ in range(about.share)]
    for number in itertools.count():
        for place, reader in enumerate(turns):
            yield f"{reader}-{seed}-{number}{'abcdefgh'[place % 8]}"


def run(inputs: Iterable[str]) -> tuple[Counter[str], dict[str, str]]:
    """Read each input; return how many each reader had, and what was found by the input's name."""
    counts: Counter[str] = Counter()
    found: dict[str, str] = {}
    worker = Worker()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        for name in inputs:
            reader = name.partition("-")[0]
            content = make(name)
            path.write_bytes(content)
            counts[reader] += 1
            if finding := worker.read(reader, path):
                found[name] = finding
                FOLDER.mkdir(parents=True, exist_ok=True)
                (FOLDER / name).write_bytes(content)
                sys.stderr.write(f"{name}: {finding}\n")
    worker.stop()
    return counts, found


def main() -> int:
    """Run, print a table in Markdown, and return 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", metavar="NAME")
    parser.add_argument("--only", choices=READERS)
    options = parser.parse_args()
    if options.repeat:
        _, found = run([options.repeat])
        return bool(found)
    deadline = time.monotonic() + 60 * options.minutes
    chosen = (
        name for name in names(options.seed) if options.only in (None, name.partition("-")[0])
    )
    counts, found = run(itertools.takewhile(lambda _: time.monotonic() < deadline, chosen))
    sys.stdout.write("| reader | inputs | findings |\n| --- | ---: | ---: |\n")
    for reader, count in counts.items():
        findings = sum(name.startswith(f"{reader}-") for name in found)
        sys.stdout.write(f"| {reader} | {count:,} | {findings} |\n")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())
