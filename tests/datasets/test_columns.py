"""Headers and rows: which the first line of a table is."""

import pytest

from mnist_edge.datasets.columns import is_header, is_word

ROW_OF_PIXELS = ",".join(["0"] * 784)


@pytest.mark.parametrize(
    "line",
    [
        "length,width,kind",
        "label,1x1,1x2",
        "label,0_0,0_1,0_2",
        "label,1,2,3,4",
        "0,1,2,label",
        ",0,1,target",
        "id,400,410,420",
        "country,capital,2020",
        ",".join(map(str, range(784))),
    ],
)
def test_headers(line: str) -> None:
    assert is_header(line.split(","))


@pytest.mark.parametrize(
    "line",
    [
        ROW_OF_PIXELS,
        f"seven,{ROW_OF_PIXELS}",
        "5.1,3.5,1.4,0.2,setosa",
        "1,2,3,4,oak",
        "1.5,,,",
        "NA,1.5,?,2",
        ",,,",
        "0,1,2,3",
        "3.5,oak",
        "1,2,3,y",
        "0,0,4,0,target",
    ],
)
def test_rows(line: str) -> None:
    assert not is_header(line.split(","))


def test_a_row_with_decimal_commas() -> None:
    assert not is_header(["1,5", "2,5", "oak"])


def test_a_column_that_somebody_named() -> None:
    spectrum = ["Kind", "400", "410", "420"]
    assert not is_header(spectrum)
    assert is_header(spectrum, named=["Kind"])
    assert is_header(["0", "1", "2"], named=["2"])
    assert not is_header(["5.1", "3.5", "barolo"], named=["barolo"])


def test_names_of_a_model() -> None:
    names = ("0", "1", "2")
    assert is_header(["2", "0", "1"], feature_names=names)
    assert not is_header(["8", "0", "7"], feature_names=names)
    assert not is_header(["2", "0", "0"], feature_names=names)
    # One of them is missing: that is for feature_places to say.
    assert is_header(["2", "0", "7"], feature_names=names)
    assert is_header(["weight", "0", "1", "5"], feature_names=names)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("oak", True), ("1_2", True), ("1,5", False), ("-1e3", False), (" NA ", False), ("", False)],
)
def test_words(cell: str, *, expected: bool) -> None:
    assert is_word(cell) is expected
