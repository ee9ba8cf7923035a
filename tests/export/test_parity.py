"""The shipped files answer as Keras does, on the whole MNIST test set where it can be had."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from mnist_edge import Predictor, datasets
from mnist_edge.cli.render import parity as render
from mnist_edge.datasets import Dataset
from mnist_edge.documents import to_json
from mnist_edge.errors import ModelError
from mnist_edge.export import gate, metadata, parity, verification
from mnist_edge.export.examples import Examples
from mnist_edge.export.quantize import PRECISIONS, Gate
from mnist_edge.export.reference import Reference
from mnist_edge.export.reports import ModelReport, Parity
from mnist_edge.files import manifest_path, sha256
from mnist_edge.model_spec import TrainedScaling
from mnist_edge.runtime import model_file
from mnist_edge.sources import open_source
from mnist_edge.sources.keras_file import from_bytes
from mnist_edge.training import network
from tests.conftest import ARTIFACTS
from tests.references import reference_of

KERAS = ARTIFACTS / "mnist-mlp.keras"
SHIPPED = sorted(ARTIFACTS.glob("mnist-mlp.*.onnx"))


def examples_of(dataset: Dataset) -> Examples:
    return Examples(dataset.test_images, dataset.test_labels, dataset.summary)


def verified(path: Path, reference: Reference, dataset: Dataset) -> ModelReport:
    return verification.verify(model_file.read(path), reference, examples_of(dataset))


@pytest.fixture(scope="module")
def reference(digits: Dataset) -> Reference:
    return reference_of(KERAS, digits)


def test_every_precision_is_shipped() -> None:
    assert {path.name.split(".")[1] for path in SHIPPED} == set(PRECISIONS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_file_keeps_its_gate(path: Path, reference: Reference, digits: Dataset) -> None:
    result = verified(path, reference, digits)
    assert result.failures == ()
    assert result.passed


@pytest.mark.parametrize("name", ["mnist-mlp", "mnist-mlp-small"])
def test_shipped_files_keep_their_gates_on_the_sample_too(name: str, sample: Dataset) -> None:
    """What someone without MNIST sees."""
    reference = reference_of(ARTIFACTS / f"{name}.keras", sample)
    for path in sorted(ARTIFACTS.glob(f"{name}.*.onnx")):
        assert verified(path, reference, sample).failures == ()


@pytest.mark.parametrize(
    ("images", "lost", "kept"), [(10_000, 5, True), (10_000, 6, False), (5_000, 5, True)]
)
def test_of_fewer_images_as_many_may_be_lost(images: int, lost: int, kept: bool) -> None:
    reference = Reference("", np.empty(0), np.zeros((images, 10), np.float32), 0.99, 1_000)
    measured = Parity(
        max_abs_diff=0.0,
        max_sum_error=0.0,
        agreement=1.0,
        clear_agreement=1.0,
        accuracy=0.99 - lost / images,
    )
    assert (gate.missed(PRECISIONS["int8"].gate, measured, 1_000, reference) == ()) is kept


def test_the_shipped_small_network_keeps_its_gates_and_is_small(digits: Dataset) -> None:
    small = reference_of(ARTIFACTS / "mnist-mlp-small.keras", digits)
    for path in sorted(ARTIFACTS.glob("mnist-mlp-small.*.onnx")):
        assert verified(path, small, digits).failures == ()
    int8 = ARTIFACTS / "mnist-mlp-small.int8.onnx"
    assert int8.stat().st_size <= 120_000
    article = json.loads(manifest_path(ARTIFACTS / "mnist-mlp-article.keras").read_text())
    assert verified(int8, small, digits).parity.accuracy >= article["test"]["accuracy"] + 0.008
    assert small.compressed_from is not None
    assert small.compressed_from.sha256 == sha256(KERAS.read_bytes())


def test_fp32_is_keras_to_a_hundred_thousandth(reference: Reference, digits: Dataset) -> None:
    result = verified(ARTIFACTS / "mnist-mlp.fp32.onnx", reference, digits)
    assert result.parity.max_abs_diff <= 1e-5
    assert result.parity.flips == ()
    assert result.parity.accuracy == result.parity.reference_accuracy >= 0.98


def test_an_independent_oracle_agrees(digits: Dataset) -> None:
    """The network in seven lines of numpy, from the Keras file's weights alone."""
    model = from_bytes(KERAS.read_bytes(), "keras")
    values = digits.test_images.reshape(-1, 784) / 255.0
    *hidden, (weight, bias) = [layer.get_weights() for layer in network.dense_layers(model)]
    for kernel, offset in hidden:
        values = np.maximum(values @ kernel + offset, 0)
    logits = values @ weight + bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    received = (
        Predictor(ARTIFACTS / "mnist-mlp.fp32.onnx").predict_batch(digits.test_images).probabilities
    )
    np.testing.assert_allclose(received, expected, atol=1e-5)


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


@pytest.fixture
def tiny_reference(tiny_keras: Path, tiny: Dataset) -> Reference:
    return reference_of(tiny_keras, tiny)


def tampered(path: Path, folder: Path, amount: float) -> Path:
    model = onnx.load(path)
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[300, 5] += amount
    model.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(weight, model.graph.initializer[0].name)
    )
    onnx.save(model, folder / path.name)
    return folder / path.name


@pytest.mark.parametrize("amount", [1e-6, 5.0])
def test_one_changed_weight_fails(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference, amount: float
) -> None:
    result = verified(tampered(tiny_onnx, tmp_path, amount), tiny_reference, tiny)
    assert not result.passed
    assert any("changed since it was exported" in failure for failure in result.failures)


def test_changed_metadata_fails(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    model = onnx.load(tiny_onnx)
    next(entry for entry in model.metadata_props if entry.key == "accuracy").value = "1"
    onnx.save(model, tmp_path / "boast.onnx")
    assert not verified(tmp_path / "boast.onnx", tiny_reference, tiny).passed


def test_a_boast_under_a_good_seal_fails(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    model = metadata.parse(tiny_onnx.read_bytes())
    facts = {entry.key: entry.value for entry in model.metadata_props[:-1]}
    (tmp_path / "boast.onnx").write_bytes(
        metadata.with_metadata(model, facts | {"accuracy": "0.9999"})
    )
    result = verified(tmp_path / "boast.onnx", tiny_reference, tiny)
    assert [failure for failure in result.failures if "its metadata has accuracy 0.9999" in failure]


def test_an_accuracy_that_is_no_number_is_refused(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    model = metadata.parse(tiny_onnx.read_bytes())
    facts = {entry.key: entry.value for entry in model.metadata_props[:-1]}
    (tmp_path / "odd.onnx").write_bytes(metadata.with_metadata(model, facts | {"accuracy": "good"}))
    with pytest.raises(ModelError, match="accuracy='good', which is not JSON"):
        verified(tmp_path / "odd.onnx", tiny_reference, tiny)


def test_another_files_manifest_fails(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    shutil.copy(tiny_onnx, tmp_path / "net.onnx")
    (tmp_path / "net.onnx.json").write_text('{"sha256": "abc"}')
    result = verified(tmp_path / "net.onnx", tiny_reference, tiny)
    assert (
        "the file is not the one that its manifest describes: they have different hashes"
        in result.failures
    )


@pytest.mark.parametrize(
    "content", ["", "null", "[]", '{"sha256": null}', "[" * 100_000, '{"sha256": NaN}']
)
def test_a_damaged_manifest_is_no_manifest(
    content: str, tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    shutil.copy(tiny_onnx, tmp_path / "net.onnx")
    (tmp_path / "net.onnx.json").write_text(content)
    with pytest.raises(ModelError, match=r"net\.onnx\.json.*delete it, or make the file anew"):
        verified(tmp_path / "net.onnx", tiny_reference, tiny)


@pytest.mark.parametrize(
    "changes",
    [
        {"widths": None},
        {"widths": "512"},
        {"widths": [None]},
        {"widths": [[]]},
        {"sha256": None},
        {"test": "0.9"},
        {"test": [0.9]},
        {"test": 90},
    ],
    ids=str,
)
def test_what_a_file_says_of_a_wide_network_is_checked(
    changes: dict[str, object], tiny_keras: Path, tiny: Dataset
) -> None:
    stated = {"sha256": "ab", "widths": [512, 512], "test": 0.9}
    source = open_source(tiny_keras)

    def line_of(wide: object) -> list[str]:
        facts = {"compressed_from": wide, "data": to_json(tiny.summary)}
        stated = dataclasses.replace(source, facts=facts)
        reference = Reference.of(stated, TrainedScaling(), examples_of(tiny))
        return render.compressed_from(reference.describe(Path("tiny.keras")))

    assert line_of(stated) == ["compressed from 784-512-512-10, which reads 90.00% of these"]
    kept = ["compressed from 784-512-512-10"] if "test" in changes else []
    assert line_of(stated | changes) == kept
    assert line_of(list(stated)) == []


def test_flips_are_listed_one_by_one(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    broken = tampered(tiny_onnx, tmp_path, 100.0).read_bytes()
    found = parity.measure(broken, tiny_reference, examples_of(tiny), PRECISIONS["fp32"].gate)
    assert len(found.flips) == round((1 - found.agreement) * 300) > 0
    for flip in found.flips:
        assert flip.label == tiny.test_labels[flip.index]
        assert flip.reference != flip.model
        assert 0 <= flip.margin <= 1
    failures = gate.missed(PRECISIONS["fp32"].gate, found, len(broken), tiny_reference)
    assert any("an answer differs where" in failure for failure in failures)


def test_not_a_number_fails_every_gate(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    broken = tampered(tiny_onnx, tmp_path, float("nan")).read_bytes()
    found = parity.measure(broken, tiny_reference, examples_of(tiny), PRECISIONS["fp32"].gate)
    assert gate.missed(Gate(), found, len(broken), tiny_reference)


def test_another_networks_file_is_refused(tiny_onnx: Path, digits: Dataset) -> None:
    with pytest.raises(
        ModelError, match=r"made from a model with SHA-256 .* name its own with --reference"
    ):
        verification.verify_all([tiny_onnx], open_source(KERAS), digits)


def test_a_renamed_copy_passes(
    tiny_onnx: Path, tmp_path: Path, tiny: Dataset, tiny_reference: Reference
) -> None:
    copy = shutil.copy(tiny_onnx, tmp_path / "other-name.onnx")
    assert verified(Path(copy), tiny_reference, tiny).passed
