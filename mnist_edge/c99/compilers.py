"""The C compilers of this machine, and what they make."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("cc", "gcc", "clang")
"""Looked for in this order, after what the environment variable CC names."""

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic")

_PATIENCE = 300
"""Seconds that a compiler may take."""

_NATIVE = (("-march=native",), ("-mcpu=native",))
"""How compilers are made to use all that this CPU has."""


class CompileError(Exception):
    """A compiler that did not compile; the text is its first line of errors."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler.

    Attributes:
        command: How it is called.
        version: The first line of what it says of itself.
    """

    command: tuple[str, ...]
    version: str

    def build(self, sources: Iterable[Path], flags: Sequence[str], out: Path) -> str:
        """Compile and link; return its warnings.

        Args:
            sources: The .c files; headers are looked for beside them.
            flags: More of its options.
            out: The file to make.

        Raises:
            CompileError: It did not.
        """
        done = _run([*self.command, *flags, *map(str, sources), "-o", str(out)])
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no message"]
            errors = [line for line in lines if "error" in line]
            raise CompileError(f"{shlex.join(self.command)}: {(errors or lines)[0]}")
        return done.stderr

    def native(self, folder: Path) -> tuple[str, ...]:
        """Return the options that make it use all of this CPU; none where it knows none.

        Args:
            folder: Where an empty program is tried.
        """
        empty = folder / "empty.c"
        empty.write_text("int main(void) { return 0; }\n")
        for flags in _NATIVE:
            try:
                self.build([empty], flags, folder / "empty")
            except CompileError:
                continue
            return flags
        return ()


def found() -> list[Compiler]:
    """Return the compilers here, each once; the environment's own first."""
    named = shlex.split(os.environ.get("CC", ""))
    commands = [named] if named else []
    commands += [[name] for name in NAMES]
    compilers: dict[tuple[str, ...], Compiler] = {}
    for command in commands:
        path = shutil.which(command[0])
        if path is None:
            continue
        # cc is a link to one of the others.
        same = (str(Path(path).resolve()), *command[1:])
        if same in compilers:
            continue
        version = _version(command)
        if version is not None:
            compilers[same] = Compiler(tuple(command), version)
    return list(compilers.values())


def _version(command: Sequence[str]) -> str | None:
    try:
        done = _run([*command, "--version"])
    except CompileError:
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            # In English, so that its errors are found.
            env=os.environ | {"LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompileError(f"{shlex.join(command[:1])} cannot be run: {error}") from error
