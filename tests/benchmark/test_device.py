import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_edge.benchmark import device


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (
            "flags\t\t: fpu avx2 avx512f avx512_vnni avx_vnni",
            ["AVX2", "AVX-512", "AVX-VNNI", "AVX-512 VNNI"],
        ),
        ("flags : sse avx2", ["AVX2"]),
        ("Features\t: fp asimd asimddp i8mm", ["NEON", "NEON dot product", "NEON i8mm"]),
        ("Features : half thumb neon", ["NEON"]),
        ("", []),
    ],
)
def test_features_are_named(cpuinfo: str, expected: list[str]) -> None:
    assert device.features(cpuinfo) == tuple(expected)


def test_the_verdict_on_int8() -> None:
    assert "in hardware: int8" in device.int8_verdict(["AVX2", "AVX-512 VNNI"])
    assert device.int8_verdict(["AVX2"]).startswith("no int8 dot products")
    assert device.int8_verdict([]).startswith("unknown")


def test_this_machine_is_described() -> None:
    found = device.describe()
    hardware = found.hardware
    assert hardware.cpu
    assert (hardware.cores or 0) >= hardware.usable_cpus >= 1
    assert (found.memory_bytes or 0) > 2**28
    assert found.software["numpy"] == np.__version__
    assert list(found.software)[:3] == ["mnist-edge", "onnxruntime", "numpy"]


def load(busy: float = 0, stolen: float = 0, throttled: int = 0, at: float = 0) -> device.Load:
    return device.Load(at, busy, stolen, throttled)


def test_a_quiet_machine_has_no_warning() -> None:
    assert device.warnings([0.02, None], load(), load(busy=60, stolen=0.1, at=60)) == []


@pytest.mark.parametrize(
    ("busy", "after", "message"),
    [
        ([0.0, 1.3], load(at=60), "other processes use 1.3 of its cores"),
        ([0.0], load(stolen=3, at=60), "the host kept the CPU back for 3.0 s"),
        ([0.0], load(throttled=4, at=60), "the CPU was throttled"),
    ],
)
def test_a_machine_that_is_not_quiet(
    busy: list[float | None],
    after: device.Load,
    message: str,
) -> None:
    (warning,) = device.warnings(busy, load(), after)
    assert message in warning


def test_work_of_others_is_seen() -> None:
    if device.busy_cores(0.01) is None:
        pytest.skip("this system does not count")
    worker = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert (device.busy_cores(0.5) or 0) > 0.5
    finally:
        worker.kill()
        worker.wait()


def test_work_of_its_own_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = iter([load(busy=7, at=1), load(busy=9.5, at=2)])
    monkeypatch.setattr(device.Load, "read", lambda: next(counted))
    used = iter([30.0, 31.5])
    monkeypatch.setattr(device.time, "process_time", lambda: next(used))
    assert device.busy_cores(0) == pytest.approx(1)


def test_where_the_system_counts_nothing(tmp_path: Path) -> None:
    assert device.cpu_seconds(tmp_path / "stat") == (None, None)
    assert device.throttled_count(tmp_path) is None
    nothing = device.Load(0, None, None, None)
    assert device.warnings([None], nothing, nothing) == []


def test_throttling_is_counted(tmp_path: Path) -> None:
    (tmp_path / "fs/cgroup").mkdir(parents=True)
    (tmp_path / "fs/cgroup/cpu.stat").write_text("usage_usec 5\nnr_throttled 7\n")
    heat = tmp_path / "devices/system/cpu/cpu0/thermal_throttle"
    heat.mkdir(parents=True)
    (heat / "core_throttle_count").write_text("3\n")
    assert device.throttled_count(tmp_path) == 10
