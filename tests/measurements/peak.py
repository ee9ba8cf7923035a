"""The most memory that a piece of Python takes, in a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PRINT_PEAK = """
import pathlib
print(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def peak_mib(code: str, *arguments: str) -> float:
    """Run code in the project's folder and return its peak (VmHWM) in MiB.

    The process reads its own status: what rusage has of a child includes this process, from before
    exec.
    """
    command = [sys.executable, "-c", code + _PRINT_PEAK, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return int(done.stdout) / 1024
