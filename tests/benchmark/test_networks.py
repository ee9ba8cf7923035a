"""Which Keras model the baselines of an exported file are made from."""

from pathlib import Path

import pytest

from mnist_edge.benchmark import networks
from mnist_edge.files import sha256
from mnist_edge.model_spec import UNIT_PIXELS
from tests import models

SOURCE = b"a Keras model, of which only the hash matters here"
OTHER = b"another"


def export(path: Path, source: bytes | None = SOURCE) -> Path:
    """Write a file that was made from these bytes."""
    path.parent.mkdir(exist_ok=True)
    metadata = {"source_sha256": sha256(source)} if source else {}
    return models.write(models.linear(UNIT_PIXELS, **metadata), path)


def found(paths: list[Path], named: list[Path], shipped: list[Path]) -> list[networks.Network]:
    return networks.of_run(networks.read_all(paths), named, shipped)


@pytest.mark.parametrize("name", ["net.keras", "something.h5"])
def test_the_model_beside_a_file_is_found_by_its_hash(tmp_path: Path, name: str) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    models.write(OTHER, tmp_path / "net.hdf5")
    source = models.write(SOURCE, tmp_path / name)
    (network,) = found([path], [], [])
    assert network.keras_file == source
    assert [read.path for read in network.exported] == [path]
    assert network.spec is not None
    assert network.spec.input == UNIT_PIXELS
    assert network.numbers > 0


def test_the_shipped_models_are_looked_at_first(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    models.write(SOURCE, tmp_path / "net.keras")
    shipped = models.write(SOURCE, tmp_path / "shipped.keras")
    (network,) = found([path], [], [shipped])
    assert network.keras_file == shipped


def test_files_of_one_model_are_one_network(tmp_path: Path) -> None:
    paths = [export(tmp_path / f"net.{name}.onnx") for name in ("fp32", "int8")]
    other = export(tmp_path / "b" / "other.fp32.onnx", OTHER)
    models.write(SOURCE, tmp_path / "net.keras")
    models.write(OTHER, tmp_path / "b" / "other.keras")
    one, two = found([*paths, other], [], [])
    assert [read.path for read in one.exported] == paths
    assert two.keras_file == tmp_path / "b" / "other.keras"


def test_a_model_that_is_nowhere_is_to_be_named(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    (network,) = found([path], [], [])
    assert network.keras_file is None
    assert f"{path} was made from (SHA-256 {sha256(SOURCE)[:12]}...): name it with --keras" in (
        network.missing or ""
    )
    assert network.path == path


def test_what_was_made_from_an_onnx_file_has_no_keras_model(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    source = models.write(SOURCE, tmp_path / "zoo.onnx")
    (network,) = found([path], [], [])
    assert network.keras_file is None
    assert network.missing is None
    assert network.unsuited == f"{path} was made from {source}, which is no Keras model"


def test_named_models_take_the_files_that_were_made_from_them(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    other = export(tmp_path / "other.fp32.onnx", OTHER)
    one = models.write(SOURCE, tmp_path / "one.keras")
    two = models.write(OTHER, tmp_path / "two.keras")
    first, second = found([path, other], [one, two, one], [])
    assert [read.path for read in first.exported] == [path]
    assert [read.path for read in second.exported] == [other]


def test_of_equal_models_each_takes_the_files_of_its_name_first(tmp_path: Path) -> None:
    paths = [export(tmp_path / f"{name}.fp32.onnx") for name in "ab"]
    named = [models.write(SOURCE, tmp_path / f"{name}.keras") for name in "ab"]
    first, second = found(paths, named, [])
    assert first.exported[0].path == paths[0]
    assert second.exported[0].path == paths[1]


def test_a_single_model_that_none_was_made_from_stands_for_all(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx")
    named = models.write(OTHER, tmp_path / "retrained.keras")
    (network,) = found([path], [named], [])
    assert [read.path for read in network.exported] == [path]


def test_of_several_that_none_was_made_from_names_decide(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx", None)
    named = [models.write(OTHER, tmp_path / f"{name}.keras") for name in ("net", "x")]
    first, second = found([path], named, [])
    assert [read.path for read in first.exported] == [path]
    assert second.exported == ()
    assert (second.spec, second.numbers, second.path) == (None, 0, named[1])


def test_where_no_hash_is_recorded_the_shipped_models_stand_in(tmp_path: Path) -> None:
    path = export(tmp_path / "net.fp32.onnx", None)
    shipped = tmp_path / "mnist-mlp.keras"
    for files in ([path], [models.write(models.foreign(), tmp_path / "torch.onnx")]):
        (network,) = found(files, [], [shipped])
        assert network.keras_file == shipped


def test_what_is_read_of_each_kind_of_file(tmp_path: Path) -> None:
    broken = models.write(b"no model", tmp_path / "broken.int8.onnx")
    foreign = models.write(models.foreign(("N", 1, "H", "W")), tmp_path / "torch.v2.onnx")
    ours = export(tmp_path / "net.onnx")
    one, two, three = networks.read_all([broken, foreign, ours])
    assert "broken.int8.onnx" in (one.error or "")
    assert (one.precision, two.precision, three.precision) == ("int8", "", "fp32")
    assert (one.spec, two.spec) == (None, None)
    assert two.limitation is not None
    assert (one.limitation, three.limitation) == (None, None)
    assert three.source_sha256 == sha256(SOURCE)
    (absent,) = networks.read_all([tmp_path / "nowhere.onnx"])
    assert "cannot read the model" in (absent.error or "")
