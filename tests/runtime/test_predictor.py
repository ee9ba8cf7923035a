import contextlib
import copy
import gc
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_edge import ImageError, ModelError, Prediction, Predictions, Predictor
from mnist_edge.datasets import Dataset
from mnist_edge.model_spec import RAW_PIXELS, ModelSpec
from mnist_edge.runtime import model_file, session
from mnist_edge.runtime import predictor as module
from mnist_edge.runtime.binding import Bound, runner
from mnist_edge.runtime.confidence import Calibration
from tests.conftest import ARTIFACTS

SHIPPED = sorted(ARTIFACTS.glob("mnist-mlp*.onnx"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def test_it_reads_digits(predictor: Predictor, digits: Dataset) -> None:
    answers = [predictor.predict(image) for image in digits.test_images[:200]]
    right = [
        answer.digit == label for answer, label in zip(answers, digits.test_labels, strict=False)
    ]
    assert np.mean(right) >= 0.97
    assert np.mean([answer.rejected for answer in answers]) <= 0.05
    for answer in answers:
        assert 0.1 < answer.confidence <= 1
        assert answer.probabilities.shape == (10,)
        assert answer.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_without_onnxruntimes_private_half_the_public_way_gives_the_same(digits: Dataset) -> None:
    class Session:
        def run_with_iobinding(self, binding: object) -> str:
            return f"run {binding}"

    assert runner(Session(), "bound")() == "run bound"  # type: ignore[arg-type]
    quick = Predictor()
    model = model_file.read()
    opened = session.open_session(model, 1)
    row, _, answer, *_ = Bound(opened, model).buffers
    binding = opened.io_binding()
    binding.bind_cpu_input("image", row)
    binding.bind_output("probabilities", "cpu", 0, np.float32, (1, 10), answer.ctypes.data)
    for image in digits.test_images[:50]:
        row[0] = image.ravel()
        binding.bind_cpu_input("image", row)
        opened.run_with_iobinding(binding)
        np.testing.assert_array_equal(quick.predict(image).probabilities, answer)


def test_the_small_model_goes_by_its_name(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Predictor("small")
    assert (
        small.predict_batch(digits.test_images[:1000]).digits == digits.test_labels[:1000]
    ).mean() > 0.98
    assert small.metadata["source_sha256"] != Predictor().metadata["source_sha256"]
    assert small.origin.endswith("mnist-mlp-small.int8.onnx")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="cannot read the model small"):
        Predictor("./small")


def test_the_spec_says_what_it_takes_and_answers(predictor: Predictor) -> None:
    assert predictor.spec == ModelSpec("int8", RAW_PIXELS)
    assert predictor.spec.trained_scaling.name == "0..1"


def with_metadata(path: Path, changes: dict[str, str]) -> bytes:
    """Return a file's bytes with other metadata."""
    import onnx

    model = onnx.load(path)
    for entry in model.metadata_props:
        entry.value = changes.get(entry.key, entry.value)
    return model.SerializeToString()


def test_answers_are_compared_by_identity(predictor: Predictor) -> None:
    image = np.eye(28, dtype=bool)
    one, other = predictor.predict(image), predictor.predict(image)
    assert one == one  # noqa: PLR0124
    assert one != other
    assert len({one, other}) == 2


def test_labels_of_other_classes(tiny_onnx: Path) -> None:
    predictor = Predictor(with_metadata(tiny_onnx, {"labels": json.dumps(list("abcdefghij"))}))
    images = np.stack([np.eye(28, dtype=bool), np.zeros((28, 28), bool)])
    answer, answers = predictor.predict(images[0]), predictor.predict_batch(images)
    assert answer.label == "abcdefghij"[answer.class_index]
    assert answers.class_indices[0] == answer.class_index
    with pytest.raises(AttributeError, match="expected labels 0 to 9"):
        answer.digit  # noqa: B018
    with pytest.raises(AttributeError, match="expected labels 0 to 9"):
        answers.digits  # noqa: B018


def test_what_takes_features_reads_no_pictures(tiny_onnx: Path) -> None:
    predictor = Predictor(with_metadata(tiny_onnx, {"preprocessing": "none"}))
    with pytest.raises(ModelError, match="expected a model that reads pictures"):
        predictor.predict_picture(np.eye(28))


def test_it_reads_pictures_and_shows_what_it_saw(predictor: Predictor) -> None:
    picture = np.full((300, 200), 255, np.uint8)
    picture[60:260, 90:110] = 0
    answer = predictor.predict_picture(picture)
    assert answer.digit == 1
    assert answer.preparation is not None
    assert answer.preparation.pixels.shape == (28, 28)
    np.testing.assert_array_equal(
        predictor.predict(answer.preparation.pixels).probabilities, answer.probabilities
    )


def test_an_answer_cannot_be_changed_and_stays_as_it_is(
    predictor: Predictor, digits: Dataset
) -> None:
    answer = predictor.predict(digits.test_images[0])
    before = answer.probabilities.copy()
    with pytest.raises(AttributeError):
        answer.digit = 3  # type: ignore[misc]
    assert not hasattr(answer, "__dict__")
    assert isinstance(answer, Prediction)
    predictor.predict(digits.test_images[1])
    np.testing.assert_array_equal(answer.probabilities, before)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_floats_and_bytes_get_the_same_answer(path: Path, digits: Dataset) -> None:
    predictor, images = Predictor(path), digits.test_images[:500]
    as_bytes, as_floats = predictor.predict_batch(images), predictor.predict_batch(images / 255)
    np.testing.assert_array_equal(as_bytes.probabilities, as_floats.probabilities)
    for image in images[:20]:
        single = predictor.predict(image).probabilities
        for same in (
            image.reshape(784),
            image / 255,
            np.asfortranarray(image),
            (image / 255).astype(">f4"),
        ):
            np.testing.assert_array_equal(predictor.predict(same).probabilities, single)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_batch_answers_as_its_images_do(path: Path, digits: Dataset) -> None:
    predictor, images = Predictor(path), digits.test_images[:300]
    batch = predictor.predict_batch(images.reshape(-1, 784))
    single = [predictor.predict(image) for image in images]
    assert batch.digits.tolist() == [answer.digit for answer in single]
    # int8 adds integers, in which order is no matter; int8-dynamic finds its ranges anew for each
    # batch; int4 quantizes its input block by block, with other kernels for one row than for many
    # where the CPU has AVX2 alone.
    bound = {"int8": 0, "int8-dynamic": 0.1, "int4": 5e-4}.get(predictor.precision, 1e-5)
    np.testing.assert_allclose(
        batch.probabilities, [answer.probabilities for answer in single], atol=bound, rtol=0
    )
    np.testing.assert_allclose(
        batch.confidences, [answer.confidence for answer in single], atol=bound + 1e-12
    )
    assert batch.rejected.dtype == bool


def test_chunks_are_put_together_in_order(
    predictor: Predictor, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = digits.test_images[:100]
    whole = predictor.predict_batch(images)
    monkeypatch.setattr(module, "CHUNK", 7)
    np.testing.assert_array_equal(
        predictor.predict_batch(images).probabilities, whole.probabilities
    )


def test_a_wrong_value_far_down_a_long_batch_is_found(predictor: Predictor) -> None:
    images = np.zeros((3000, 784), np.float32)
    images[2999, 5] = 7
    with pytest.raises(ImageError, match="received 0 to 7"):
        predictor.predict_batch(images)


def test_a_ragged_batch(predictor: Predictor) -> None:
    with pytest.raises(ImageError, match="numpy cannot convert"):
        predictor.predict_batch([[1], [1, 2]])  # type: ignore[list-item]


def test_path_bytes_and_hash(tiny_onnx: Path) -> None:
    image = np.eye(28, dtype=bool)
    from_path, from_bytes = (
        Predictor(str(tiny_onnx)),
        Predictor(tiny_onnx.read_bytes(), threads="auto"),
    )
    np.testing.assert_array_equal(
        from_path.predict(image).probabilities, from_bytes.predict(image).probabilities
    )
    assert from_path.precision == "fp32"
    with pytest.raises(ModelError, match="expected SHA-256"):
        Predictor(tiny_onnx, sha256="abc")


@given(
    hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), st.just(np.dtype(np.uint8))),
        st.sampled_from([(28, 28), (784,), (1, 28, 28), (28, 27), (0,), (3, 784)]),
    )
)
@settings(deadline=None)
def test_any_array_ends_in_an_answer_or_in_our_error(array: np.ndarray) -> None:
    predictor = Predictor()
    for read in (predictor.predict, predictor.predict_batch):
        try:
            answer = read(array)
        except ImageError as error:
            assert "expected" in str(error)
            assert "received" in str(error)
        else:
            assert np.isfinite(answer.probabilities).all()


def test_mutated_files_end_in_an_answer_or_in_our_error(tiny_precisions: list[bytes]) -> None:
    """Flipped bytes and truncations; with those of pictures (test_decode.py) ten thousand."""
    rng = np.random.default_rng(0)
    blank = np.zeros((28, 28), np.uint8)
    answered = 0
    for number in range(2_000):
        content = bytearray(tiny_precisions[number % len(tiny_precisions)])
        places = [len(content), 400, 1500][number % 3]  # anywhere, at the start, at the end
        for _ in range(rng.choice([1, 3, 20])):
            position = int(rng.integers(0, places))
            content[-1 - position if places == 1500 else position] = rng.integers(0, 256)
        if number % 5 == 0:
            content = content[: rng.integers(0, len(content))]
        with contextlib.suppress(ModelError):
            answered += Predictor(bytes(content)).predict(blank).class_index in range(10)
    assert answered > 200


def test_eight_threads_answer_as_one(predictor: Predictor, digits: Dataset) -> None:
    images = digits.test_images[:10_000]
    serial = [predictor.predict(image).probabilities.tobytes() for image in images]

    def read_all(_: int) -> bool:
        return [predictor.predict(image).probabilities.tobytes() for image in images] == serial

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read_all, range(8)))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_copies_answer_the_same(predictor: Predictor, digits: Dataset, copied: object) -> None:
    again = copied(predictor)  # type: ignore[operator]
    for image in digits.test_images[:10]:
        np.testing.assert_array_equal(
            again.predict(image).probabilities, predictor.predict(image).probabilities
        )


def _digits_in_child(predictor: Predictor, images: np.ndarray) -> list[int]:
    return [predictor.predict(image).digit for image in images]


@pytest.mark.parametrize("threads", [1, 2])
def test_spawned_processes_answer_the_same(digits: Dataset, threads: int) -> None:
    predictor, images = Predictor(threads=threads), digits.test_images[:20]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answers = pool.apply_async(_digits_in_child, (predictor, images)).get(timeout=120)
    assert answers == predictor.predict_batch(images).digits.tolist()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_child_after_fork_answers_the_same(threads: int) -> None:
    """In a process of its own: to fork this one, with TensorFlow's threads in it, is no good."""
    code = f"""
import os, numpy as np
from mnist_edge import Predictor
predictor = Predictor(threads={threads})
images = np.random.default_rng(0).integers(0, 256, (2000, 28, 28), np.uint8)
expected = predictor.predict_batch(images).digits
for _ in range(3):
    child = os.fork()
    if child == 0:
        same = (predictor.predict_batch(images).digits == expected).all()
        os._exit(0 if same and predictor.predict(images[0]).digit == expected[0] else 1)
    assert os.waitpid(child, 0)[1] == 0
assert predictor.predict(images[0]).digit == expected[0]
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_network_of_nothing_but_nan_is_rejected(tiny_onnx: Path) -> None:
    answer = Prediction(0, np.full(10, np.nan, np.float32), Calibration(2.0, 0.5))
    assert answer.rejected
    assert Predictions(
        np.zeros(1, np.int64), np.full((1, 10), np.nan, np.float32), Calibration(2.0, 0.5)
    ).rejected.all()


def test_with_closes_it(digits: Dataset) -> None:
    with Predictor() as predictor:
        predictor.predict(digits.test_images[0])
    for read in (predictor.predict, predictor.predict_batch):
        with pytest.raises(ModelError, match="was closed: create another"):
            read(
                digits.test_images[:1] if read == predictor.predict_batch else digits.test_images[0]
            )


def test_memory_stays_flat_over_200_000_predictions(predictor: Predictor, digits: Dataset) -> None:
    def resident() -> int:
        pages = Path("/proc/self/statm")
        return (
            int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0
        )

    def read(times: int) -> None:
        for number in range(times):
            predictor.predict(digits.test_images[number % 1000])

    read(5_000)
    gc.collect()
    before = resident()
    read(200_000)
    gc.collect()
    assert resident() - before < 4 * 2**20


def test_a_million_images_stay_within_bounds(predictor: Predictor) -> None:
    """Rows are scaled a chunk at a time: beside the input, 40 bytes an answer and no copy."""
    images = np.broadcast_to(np.zeros((1, 784), np.uint8), (1_000_000, 784))
    tracemalloc.start()
    answers = predictor.predict_batch(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answers.digits.shape == (1_000_000,)
    assert peak < 100 * 2**20


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_an_image_of_one_level_is_rejected(path: Path, level: int) -> None:
    predictor = Predictor(path)
    blank = np.full((28, 28), level, np.uint8)
    for image in (blank, blank.ravel(), blank / 255, (blank / 255).astype(np.float32)):
        answer = predictor.predict(image)
        assert answer.blank
        assert answer.rejected
    dotted = blank.copy()
    dotted[27, 27] ^= 1
    assert not predictor.predict(dotted).blank
    batch = predictor.predict_batch(np.stack([blank, dotted, blank]))
    assert np.asarray(batch.blank).tolist() == [True, False, True]
    assert batch.rejected[[0, 2]].all()


def test_no_digit_is_blank(predictor: Predictor, digits: Dataset) -> None:
    assert not np.asarray(predictor.predict_batch(digits.test_images).blank).any()


def test_a_file_that_reads_something_else_may_answer_a_blank_image(tiny_onnx: Path) -> None:
    predictor = Predictor(with_metadata(tiny_onnx, {"preprocessing": "none"}))
    assert not predictor.predict(np.zeros((28, 28), np.uint8)).blank
    assert not np.asarray(predictor.predict_batch(np.zeros((2, 28, 28), np.uint8)).blank).any()


def test_what_is_printed_of_answers_fits_a_line(tiny_onnx: Path) -> None:
    predictor = Predictor(tiny_onnx)
    answers = predictor.predict_batch(np.zeros((2, 28, 28), np.uint8))
    assert repr(predictor) == f"<Predictor of {tiny_onnx}>"
    assert repr(answers) == "<Predictions of 2 images>"
    assert repr(predictor.predict(np.zeros((28, 28), np.uint8))).startswith("Prediction(label='")
    assert len(repr(predictor.predict_number(np.zeros((40, 40), np.uint8)))) < 80
