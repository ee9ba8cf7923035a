"""What machine this is, and whether it is quiet enough to measure on."""

import contextlib
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mnist_edge.benchmark.runtimes import RUNTIMES
from mnist_edge.benchmark.schema import Device, Hardware
from mnist_edge.runtime.session import available_cpus, cgroup_quota

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

SETTLE_SECONDS = 0.3
BUSY_CORES = 0.1
STOLEN_SHARE = 0.01


def describe() -> Device:
    """Return what this machine is, and what is installed on it."""
    hardware = Hardware(
        cpu=_cpu_model(),
        features=features(),
        machine=platform.machine(),
        cores=os.cpu_count(),
        usable_cpus=available_cpus(),
        cpu_quota=cgroup_quota(),
    )
    return Device(
        hardware=hardware,
        governor=_first_word(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        memory_bytes=_memory_bytes(),
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        software=_versions(),
    )


def _versions() -> dict[str, str]:
    """Return the versions of what the runtimes are, where it is installed."""
    found = {}
    for runtime in RUNTIMES.values():
        for name in runtime.distributions:
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[name] = metadata.version(name)
    return found


@dataclass(frozen=True, slots=True)
class Load:
    """What the system has counted since it was started; None where it does not count that.

    Attributes:
        at: Seconds of a steady clock.
        busy: Seconds that all cores together have worked, for any process.
        stolen: Seconds that the host of a virtual machine has kept its cores back.
        throttled: Times that the CPU quota or the heat has slowed this down.
    """

    at: float
    busy: float | None
    stolen: float | None
    throttled: int | None

    @classmethod
    def read(cls) -> "Load":
        """Read the counters (Linux)."""
        return cls(time.perf_counter(), *cpu_seconds(), throttled_count())


def busy_cores(seconds: float = SETTLE_SECONDS) -> float | None:
    """Measure how many cores work for other processes in the next ``seconds``.

    Returns:
        Cores, such as 1.5; None where the system does not count.
    """
    before = Load.read()
    own_before = time.process_time()
    time.sleep(seconds)
    after = Load.read()
    own_after = time.process_time()
    if before.busy is None or after.busy is None:
        return None
    others = (after.busy - before.busy) - (own_after - own_before)
    return max(0.0, others) / (after.at - before.at)


def warnings(busy: list[float | None], before: Load, after: Load) -> list[str]:
    """Return what disturbed a run on this machine, in sentences.

    Args:
        busy: ``busy_cores`` when nothing was being measured.
        before: Counters as the run began.
        after: Counters as it ended.
    """
    found = []
    working = max((cores for cores in busy if cores is not None), default=0)
    if working > BUSY_CORES:
        advice = "stop them and measure again"
        found.append(
            f"the machine is busy: other processes use {working:.1f} of its cores; {advice}",
        )
    stolen = (after.stolen or 0) - (before.stolen or 0)
    if stolen > STOLEN_SHARE * (after.at - before.at):
        effect = "its other guests disturb the numbers"
        found.append(f"the host kept the CPU back for {stolen:.1f} s of the run: {effect}")
    if (after.throttled or 0) > (before.throttled or 0):
        cause = "by its quota or by heat"
        found.append(f"the CPU was throttled during the run, {cause}: the numbers are too slow")
    return found


def features(cpuinfo: str | None = None) -> tuple[str, ...]:
    """Return the instruction sets of this CPU that decide how fast a precision is.

    Args:
        cpuinfo: The text of /proc/cpuinfo; None reads it, or asks sysctl on macOS.

    Returns:
        Names of ``FEATURES``.
    """
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    flags: set[str] = set()
    for line in text.lower().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "features"):
            flags.update(value.split())
    return tuple(dict.fromkeys(name for flag, name in FEATURES.items() if flag in flags))


def int8_verdict(found: Sequence[str]) -> str:
    """Return what the features mean for int8, in a sentence."""
    if any(name in INT8_DOT_PRODUCT for name in found):
        return "int8 dot products in hardware: int8 is usually the fastest; measure"
    if found:
        effect = "int8 is smaller and somewhat faster than fp32; measure"
        return f"no int8 dot products in hardware: {effect}"
    return "unknown to this tool: measure"


def cpu_seconds(stat: Path = Path("/proc/stat")) -> tuple[float | None, float | None]:
    """Return the seconds of work and of theft, over all cores: proc(5)."""
    try:
        counts = [int(word) for word in stat.read_text().splitlines()[0].split()[1:9]]
        user, nice, system, _idle, _waiting, irq, softirq, steal = counts
        tick = os.sysconf("SC_CLK_TCK")
        return (user + nice + system + irq + softirq) / tick, steal / tick
    except (OSError, ValueError, IndexError, AttributeError):
        return None, None


def throttled_count(root: Path = Path("/sys")) -> int | None:
    """Count how often the cgroup's quota (v1 or v2) or the heat has throttled the CPU."""
    counts = []
    for name in ("fs/cgroup/cpu.stat", "fs/cgroup/cpu/cpu.stat"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            pairs = dict(line.split() for line in (root / name).read_text().splitlines())
            counts.append(int(pairs["nr_throttled"]))
    for path in root.glob("devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"):
        with contextlib.suppress(OSError, ValueError):
            counts.append(int(path.read_text()))
    return sum(counts) if counts else None


def _memory_bytes() -> int | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _first_word(path: Path) -> str | None:
    with contextlib.suppress(OSError, IndexError):
        return path.read_text().split()[0]
    return None


def _cpu_model() -> str:
    for line in _cpuinfo().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or "unknown"


def _cpuinfo() -> str:
    """Return /proc/cpuinfo, or the same from sysctl on macOS, or nothing."""
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text()
    if platform.system() != "Darwin":
        return ""
    command = ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional.arm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    values = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    names = {"FEAT_DotProd": "asimddp", "FEAT_I8MM": "i8mm", "AdvSIMD": "asimd"}
    flags = [flag for name, flag in names.items() if values.get(f"hw.optional.arm.{name}") == "1"]
    flags += values.get("machdep.cpu.leaf7_features", "").split()
    flags += values.get("machdep.cpu.features", "").split()
    return f"model name: {values.get('machdep.cpu.brand_string', '')}\nflags: {' '.join(flags)}\n"
