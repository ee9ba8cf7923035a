import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_edge.benchmark import compare, measure, report, report_file
from mnist_edge.benchmark.schema import Comparison
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError
from tests.benchmark.test_measure import SLEEPER

Documents = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def reports(tiny_onnx: Path) -> Documents:
    """Reports of a Predictor that takes 5 ms, 5 ms again, and 6 ms, as they are in JSON."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parents[2])
        patch.setattr(measure, "WORKER", SLEEPER)
        patch.setattr(measure, "COLD_STARTS", 1)
        patch.setenv("SLEEPER_CLOCK", "simulated")
        made = {}
        for name, milliseconds in (("old", 5), ("same", 5), ("slower", 6)):
            patch.setenv("SLEEPER", f"fp32={milliseconds}")
            made[name] = to_json(report.run([tiny_onnx], [1], [1], 1.5, None))
    return made


def compared(old: Any, new: Any, allowed: float, **options: bool) -> Comparison:
    return compare.compare(report_file.parse(old), report_file.parse(new), allowed, **options)


def test_a_planted_slow_down_is_found_and_a_planted_nothing_is_not(reports: Documents) -> None:
    found = compared(reports["old"], reports["slower"], 0.1)
    assert not found.passed
    assert found.rows[0].change == pytest.approx(0.2, abs=0.001)
    assert found.rows[0].verdict == "slower"
    same = compared(reports["old"], reports["same"], 0.1)
    assert same.passed
    assert compared(reports["slower"], reports["old"], 0.1).rows[0].verdict == "faster"


def test_a_slow_down_within_what_is_allowed_passes(reports: Documents) -> None:
    assert compared(reports["old"], reports["slower"], 0.5).passed


def test_a_slow_down_within_the_noise_passes(reports: Documents) -> None:
    noisy = copy.deepcopy(reports["slower"])
    noisy["noise_by_batch"] = {"1": 0.5}
    assert compared(reports["old"], noisy, 0.1).passed
    noisy["noise_by_batch"] = {"1": None}
    assert compared(reports["old"], noisy, 0.1).rows[0].verdict == "same"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda new: new["device"].update(cpu="Another CPU"), "cpu was"),
        (lambda new: new["device"].update(features=["A", "B"]), "features was .* and is A, B"),
        (lambda new: new["results"][0].update(sha256="0" * 64), "another file"),
    ],
)
def test_other_devices_and_models_are_refused_without_anyway(
    reports: Documents, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    other = copy.deepcopy(reports["same"])
    change(other)
    with pytest.raises(OptionError, match=message):
        compared(reports["old"], other, 0.1)
    (difference,) = compared(reports["old"], other, 0.1, anyway=True).differences
    assert re.search(message, difference)


def test_reports_with_no_row_in_common(reports: Documents) -> None:
    other = copy.deepcopy(reports["same"])
    other["results"][0]["batch"] = 32
    with pytest.raises(OptionError, match="a row in common"):
        compared(reports["old"], other, 0.1)


@pytest.mark.parametrize(
    ("text", "share"),
    [("10%", 0.1), ("0.1", 0.1), ("7.5 %", 0.075), (".2", 0.2), ("0%", 0)],
)
def test_shares(text: str, share: float) -> None:
    assert compare.threshold(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "ten", "-5%", "1e9", "5%%", "nan"])
def test_no_shares(text: str) -> None:
    with pytest.raises(OptionError, match="a share such as"):
        compare.threshold(text)


def test_on_the_command_line(
    run: Callable[..., Any], refused: Callable[..., str], tmp_path: Path, reports: Documents
) -> None:
    for name, document in reports.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    old, slower, same = (tmp_path / f"{name}.json" for name in ("old", "slower", "same"))
    assert run("compare", old, same).code == 0
    failed = run("compare", old, slower, "--fail-above", "10%")
    assert failed.code == 1
    assert "SLOWER" in failed.out
    printed = run("compare", old, slower, "--json")
    assert printed.code == 1
    assert printed.json["schema"] == "mnist-edge/compare/1"
    assert printed.json["rows"][0]["verdict"] == "slower"
    assert not printed.json["passed"]
    assert run("compare", old, slower, "--fail-above", "50%").code == 0
    assert "a share such as" in refused("compare", old, slower, "--fail-above", "much")
