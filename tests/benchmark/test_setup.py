from dataclasses import replace

from mnist_edge.benchmark.setup import MAX_CALL_BYTES, Candidate, Setup
from mnist_edge.model_spec import InputSpec

SETUP = Setup("litert", "", "net.keras", "fp32", 1)


def test_a_setup_has_a_name() -> None:
    assert Setup("keras", "call", "m", "fp32", 1).name == "keras call fp32"
    assert Setup("numpy", "", "m", "fp32", 1).name == "numpy fp32"
    assert Setup("onnxruntime", "session.run", "a/m.onnx", "", 1).name == "onnxruntime session.run"


def test_a_fixed_batch_is_the_only_one() -> None:
    candidate = Candidate(SETUP, "net.onnx", all_threads=False, fixed_batch=32)
    assert candidate.limitation(32) is None
    assert candidate.limitation(1) == "batch 1: the file takes 32"
    assert Candidate(SETUP, "net.onnx", all_threads=False).limitation(100_000) is None


def test_a_call_that_takes_all_memory_is_not_tried() -> None:
    """By the numbers that an image becomes on its way, or by its own."""
    numbers = 100_000
    most = MAX_CALL_BYTES // (4 * numbers)
    wide = Candidate(SETUP, "net.tflite", all_threads=False, numbers=numbers)
    assert wide.limitation(most) is None
    assert wide.limitation(most + 1) == f"batch {most + 1:,}: it may take 2.0 GiB of memory"
    large = replace(wide, numbers=0, input=InputSpec((numbers,), "float32", None))
    assert large.limitation(most) is None
    assert large.limitation(most + 1) is not None
