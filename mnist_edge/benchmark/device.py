"""What machine this is."""

import contextlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from mnist_edge.runtime.session import available_cpus

FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512vnni": "AVX-512 VNNI",  # as macOS spells it
    "amx_int8": "AMX int8",
    "neon": "NEON",
    "asimd": "NEON",
    "asimddp": "NEON dot product",
    "i8mm": "NEON i8mm",
    "sve": "SVE",
}
"""Names of instruction sets by the flag that /proc/cpuinfo has for them."""

INT8_DOT_PRODUCT = ("AVX-VNNI", "AVX-512 VNNI", "AMX int8", "NEON dot product", "NEON i8mm")


def describe() -> dict[str, Any]:
    """The machine and the software, as a report's ``device``."""
    return {
        "cpu": _cpu_model(),
        "features": features(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cpus": available_cpus(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "onnxruntime": metadata.version("onnxruntime"),
        "numpy": metadata.version("numpy"),
    }


def features(cpuinfo: str | None = None) -> list[str]:
    """The instruction sets of this CPU that decide how fast a precision is, named as ``FEATURES`` does.

    Args:
        cpuinfo: The text of /proc/cpuinfo; None reads it, or asks sysctl on macOS.
    """
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    lines = (line.partition(":") for line in text.lower().splitlines())
    flags = {flag for key, _, value in lines if key.strip() in ("flags", "features") for flag in value.split()}
    return list(dict.fromkeys(name for flag, name in FEATURES.items() if flag in flags))


def int8_verdict(found: list[str]) -> str:
    """What the features mean for int8, in a sentence."""
    if any(name in INT8_DOT_PRODUCT for name in found):
        return "int8 dot products in hardware: int8 should be the fastest by far"
    if found:
        return "no int8 dot products in hardware: int8 is smaller and somewhat faster than fp32; measure"
    return "unknown to this tool: measure"


def _cpu_model() -> str:
    lines = (line.partition(":") for line in _cpuinfo().splitlines())
    names = (value.strip() for key, _, value in lines if key.strip() in ("model name", "Model"))
    return next(names, platform.processor() or "unknown")


def _cpuinfo() -> str:
    """/proc/cpuinfo, or the same from sysctl on macOS, or nothing."""
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text()
    if platform.system() != "Darwin":
        return ""
    said = subprocess.run(
        ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional.arm"], capture_output=True, text=True, check=False
    )
    values = dict(line.split(": ", 1) for line in said.stdout.splitlines() if ": " in line)
    names = {"FEAT_DotProd": "asimddp", "FEAT_I8MM": "i8mm", "AdvSIMD": "asimd"}
    flags = [flag for name, flag in names.items() if values.get(f"hw.optional.arm.{name}") == "1"]
    flags += values.get("machdep.cpu.leaf7_features", "").split() + values.get("machdep.cpu.features", "").split()
    return f"model name: {values.get('machdep.cpu.brand_string', '')}\nflags: {' '.join(flags)}\n"
