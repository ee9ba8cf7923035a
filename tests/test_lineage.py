import os
from pathlib import Path

import pytest

from mnist_edge import lineage
from mnist_edge.errors import OptionError
from mnist_edge.files import sha256


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return write(tmp_path / "out" / "net.int8.onnx", b"exported")


SOURCE = b"what it was made from"
DIGEST = sha256(SOURCE)


@pytest.mark.parametrize("name", ["net.keras", "other.h5", "model.hdf5", "zoo.onnx", "NET.KERAS"])
def test_a_model_file_beside_it_is_found_by_its_hash(exported: Path, name: str) -> None:
    write(exported.with_name("net.h5"), b"another")
    source = write(exported.with_name(name), SOURCE)
    assert lineage.references({exported: DIGEST}, [], []).found == {exported: source}


def test_a_model_file_here_is_found_too(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "net.keras", SOURCE)
    monkeypatch.chdir(tmp_path)
    assert lineage.references({exported: DIGEST}, [], []).found == {exported: Path("net.keras")}


def test_those_of_its_own_name_come_first(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(exported.parent.parent)
    for name in ("a.keras", "net.keras", "net.fp32.onnx", "readme.md"):
        write(exported.with_name(name), SOURCE)
    names = [path.name for path in lineage.near(exported)]
    assert names == ["net.fp32.onnx", "net.int8.onnx", "net.keras", "a.keras"]


def test_named_files_come_before_the_shipped_and_these_before_those_beside(
    exported: Path, tmp_path: Path
) -> None:
    beside = write(exported.with_name("net.keras"), SOURCE)
    shipped = write(tmp_path / "artifacts" / "a.keras", SOURCE)
    named = write(tmp_path / "named.keras", SOURCE)
    digests = {exported: DIGEST}
    assert lineage.references(digests, [], []).found[exported] == beside
    assert lineage.references(digests, [], [shipped]).found[exported] == shipped
    assert lineage.references(digests, [named], [shipped]).found[exported] == named


def test_each_file_has_its_own(exported: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.fp32.onnx", b"exported too")
    ours = write(tmp_path / "ours.keras", SOURCE)
    theirs = write(tmp_path / "theirs.keras", b"theirs")
    digests = {exported: DIGEST, other: sha256(b"theirs")}
    expected = {exported: ours, other: theirs}
    assert lineage.references(digests, [ours, theirs], []).found == expected
    assert lineage.references(digests, [ours], []).found == expected  # theirs lies beside it


def test_what_cannot_be_read_is_passed_over(exported: Path) -> None:
    os.mkfifo(exported.with_name("a.keras"))
    exported.with_name("folder.keras").mkdir()
    exported.with_name("gone.keras").symlink_to("nowhere")
    source = write(exported.with_name("z.keras"), SOURCE)
    assert lineage.references({exported: DIGEST}, [], []).found == {exported: source}


def test_a_source_that_is_nowhere_is_to_be_named(exported: Path) -> None:
    sentence = lineage.references({exported: DIGEST}, [], []).missing[exported]
    assert f"SHA-256 {DIGEST[:12]}" in sentence
    assert sentence.endswith("found none: name it with --reference")


def test_a_named_file_that_is_another(exported: Path, tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.keras", b"wrong")
    found = lineage.references({exported: DIGEST}, [wrong], [])
    assert found.found == {}
    assert "wrong.keras is another: name its own with --reference" in found.missing[exported]
    write(exported.with_name("net.keras"), SOURCE)
    with pytest.raises(OptionError, match=rf"wrong\.keras has SHA-256 {sha256(b'wrong')[:12]}"):
        lineage.references({exported: DIGEST}, [wrong], [])


def test_a_named_file_that_is_not_there(exported: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.keras", tmp_path):
        with pytest.raises(OptionError, match=f"cannot read the reference {path}: "):
            lineage.references({exported: DIGEST}, [path], [])


def test_an_exported_file_that_records_no_hash(exported: Path) -> None:
    found = lineage.references({exported: None}, [], [])
    assert "found none in its metadata: export it again" in found.missing[exported]
