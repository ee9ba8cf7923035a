"""Runs every block of README.md as written, in a fresh copy of the checkout: make readme.

The tests run the quick blocks (tests/test_readme.py); here are the long ones too, in their order.
The pictures and the model of the block on a model of one's own come from the walk-through, and the
environment that the block on the wheel makes is that of the blocks after it.
"""

import doctest
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.output import say

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "readme"
WALK = "docs/your-own-model.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LONG = re.compile(r"^\$ (make |pip |mnist-edge (export|train|benchmark|demo))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page.

    Attributes:
        language: console, pycon or python.
        text: What it holds, as written.
    """

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines that a reader types into a shell."""
        lines = self.text.splitlines()
        return [line[2:] for line in lines if line.startswith("$ ")]

    @property
    def output(self) -> list[str]:
        """The lines that the page shows as printed by the commands."""
        return [line for line in self.text.splitlines() if not line.startswith("$ ")]

    @property
    def is_long(self) -> bool:
        """Whether it takes more than 30 seconds: it installs, exports or measures."""
        return self.language == "console" and bool(_LONG.search(self.text))


def blocks(page: str = "README.md") -> list[Block]:
    """Return the blocks of a page, in order."""
    return [Block(*match) for match in _BLOCK.findall((ROOT / page).read_text())]


def run(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Run a block as written; return what is wrong, nothing as a rule.

    Args:
        block: The block.
        folder: Where it runs.
        environment: Of the process; its PATH says which python and mnist-edge run.
    """
    command = ["python", "-c", block.text]
    if block.language == "pycon":
        command = ["python", "-c", _python_of(block.text)]
    if block.language == "console":
        command = ["bash", "-e", "-c", "\n".join(block.commands)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr[-500:]}"
    expected = block.output if block.language == "console" else _printed(block)
    missing = [line for line in expected if line not in done.stdout.splitlines()]
    return f"expected {missing}, received {done.stdout[-500:]!r}" if missing else ""


def _printed(block: Block) -> list[str]:
    """Return what a session of Python shows as printed; nothing of a script."""
    if block.language != "pycon":
        return []
    examples = doctest.DocTestParser().get_examples(block.text)
    return [line for example in examples for line in example.want.splitlines()]


def _python_of(session: str) -> str:
    """Return a script that prints what a session of Python prints."""
    examples = doctest.DocTestParser().get_examples(session)
    return "".join(
        f"exec(compile({example.source!r}, 'README.md', 'single'))\n" for example in examples
    )


def main() -> int:
    """Run all blocks in a fresh copy; return 1 where one fails."""
    subprocess.run(["rm", "-rf", FOLDER], check=True)
    subprocess.run(["git", "clone", "-q", ROOT, FOLDER], check=True)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    environment["BROWSER"] = "true"  # demo opens its page in no browser here
    path = environment["PATH"]
    environment["PATH"] = f"{FOLDER / '.venv' / 'bin'}{os.pathsep}{path}"
    failed = False
    for block in blocks():
        if "shapes.keras" in block.text:
            _walk(environment)
        started = time.monotonic()
        wrong = run(block, FOLDER, environment)
        if "app/bin/activate" in block.text:  # which ends with the block's own shell
            environment["PATH"] = f"{FOLDER / 'app' / 'bin'}{os.pathsep}{path}"
        first = block.text.splitlines()[0]
        say(f"{time.monotonic() - started:4.0f} s  {'FAILED' if wrong else 'passed'}  {first}")
        if wrong:
            say(f"        {wrong}")
            failed = True
    return int(failed)


def _walk(environment: dict[str, str]) -> None:
    """Make the pictures and the model of the walk-through: its first two blocks of Python."""
    python = [block.text for block in blocks(WALK) if block.language == "python"]
    subprocess.run(
        ["python", "-c", "\n".join(python[:2])],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        check=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
