"""Names of classes that somebody gives."""

from pathlib import Path

import pytest

from mnist_edge.datasets import Dataset, parse_labels
from mnist_edge.errors import DataError, OptionError

PETS = ("cat", "dog", "bird")


def test_names_come_as_a_list_or_a_file(tmp_path: Path) -> None:
    assert parse_labels("cat, dog,bird") == PETS
    (tmp_path / "names.txt").write_text("\ufeffcat\ndog\n\n bird \n")
    assert parse_labels(str(tmp_path / "names.txt")) == PETS


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("nowhere.txt", OptionError, r"separated by commas, or a file.*\(No such file"),
        ("", OptionError, "separated by commas, or a file"),
        ("cat,dog,cat", DataError, "another name for each class in --labels"),
        ("cat,", DataError, "names of 1 to 200 printable characters"),
        ("cat,d\x1bog", DataError, "printable characters"),
        ("a" * 300 + ",b", DataError, "names of 1 to 200"),
    ],
)
def test_wrong_names(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_labels(text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match="no text in UTF-8"):
        parse_labels(str(tmp_path / "names"))
    (tmp_path / "one").write_text("cat")
    with pytest.raises(DataError, match="at least 2 classes in --labels, found cat"):
        parse_labels(str(tmp_path / "one"))


def test_a_set_gets_other_names(sample: Dataset) -> None:
    names = tuple("abcdefghij")
    assert sample.has_digits
    assert sample.with_labels(()) is sample
    assert sample.with_labels(names).classes == names
    with pytest.raises(OptionError, match=r"name the 10 classes of .*, received 3"):
        sample.with_labels(PETS)
