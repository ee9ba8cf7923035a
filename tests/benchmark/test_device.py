import pytest

from mnist_edge.benchmark import device


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni avx_vnni", ["AVX2", "AVX-512", "AVX-VNNI", "AVX-512 VNNI"]),
        ("flags : sse avx2", ["AVX2"]),
        ("Features\t: fp asimd asimddp i8mm", ["NEON", "NEON dot product", "NEON i8mm"]),
        ("Features : half thumb neon", ["NEON"]),
        ("", []),
    ],
)
def test_features_are_named(cpuinfo: str, expected: list[str]) -> None:
    assert device.features(cpuinfo) == expected


def test_the_verdict_on_int8() -> None:
    assert "in hardware: int8" in device.int8_verdict(["AVX2", "AVX-512 VNNI"])
    assert device.int8_verdict(["AVX2"]).startswith("no int8 dot products")
    assert device.int8_verdict([]).startswith("unknown")


def test_this_machine_is_described() -> None:
    told = device.describe()
    assert told["cpu"]
    assert told["cores"] >= told["usable_cpus"] >= 1
