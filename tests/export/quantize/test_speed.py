from pathlib import Path

import pytest

from mnist_edge.export.quantize import speed
from tests.conftest import ARTIFACTS


@pytest.mark.parametrize(
    ("exact_us", "quantized_us", "gains"), [(20, 10, True), (20, 18.9, True), (20, 19.1, False)]
)
def test_a_sentence_where_int8_gains_nothing(
    exact_us: float, quantized_us: float, gains: bool
) -> None:
    sentence = speed.sentence(exact_us, quantized_us)
    assert (sentence is None) is gains
    assert gains or sentence == (
        "int8 is no faster than fp32 on this CPU: 19.1 us an input, against 20.0 us"
    )


def read(name: str) -> bytes:
    return Path(ARTIFACTS / name).read_bytes()


def test_both_files_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    times = speed.measure(read("mnist-mlp.fp32.onnx"), read("mnist-mlp.int8.onnx"))
    assert all(0 < time < 1e6 for time in times)


def test_a_note_is_the_sentence_of_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "measure", lambda *_: (30.0, 31.0))
    assert speed.note(b"", b"") == speed.sentence(30.0, 31.0)
