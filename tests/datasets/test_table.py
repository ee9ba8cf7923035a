"""Tables: a .csv with a header and a column of labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.datasets import Dataset, ModelInput, table
from mnist_edge.errors import DataError, OptionError
from mnist_edge.model_spec import UNIT_PIXELS, InputSpec

FLOWERS = "sepal,petal,{label}\n" + "\n".join(
    f"{number}.5,{number * number},{name}"
    for number, name in enumerate(["setosa", "virginica", "iris"] * 10)
)
TWO = ModelInput(InputSpec((2,), "float32", None), 3)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def written(text: str, name: str = "own.csv") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return written


Write = Callable[..., str]


def every(found: Dataset) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([found.train_images, found.test_images])
    return values, np.concatenate([found.train_labels, found.test_labels])


@pytest.mark.parametrize("label", ["label", "class", "Target", "y"])
def test_rows_are_features_with_named_labels(write: Write, label: str) -> None:
    found = datasets.find(write(FLOWERS.format(label=label)), TWO)
    values, labels = every(found)
    assert values.dtype == np.float32
    assert found.classes == ("iris", "setosa", "virginica")
    assert found.columns == ("sepal", "petal")
    assert np.bincount(labels).tolist() == [10, 10, 10]
    row = np.flatnonzero(values[:, 0] == 4.5)
    assert (values[row, 1], labels[row]) == (16, 2)
    assert 0 < len(found.test_labels) < 10


def test_the_column_of_the_labels_can_be_named(write: Write, refused: Callable[..., str]) -> None:
    path = write(FLOWERS.format(label="species"))
    assert datasets.find(path, label_column="species").classes == ("iris", "setosa", "virginica")
    with pytest.raises(DataError, match=r"found sepal, petal, species: name it with --label-col"):
        datasets.find(path)
    with pytest.raises(OptionError, match=r"columns of .*, received 'colour'"):
        datasets.find(path, label_column="colour")
    with pytest.raises(OptionError, match=r"a \.csv or \.tsv with --label-column"):
        datasets.find(str(Path(path).parent), label_column="species")
    assert "received 'colour'" in refused("data", "--data", path, "--label-column", "colour")


def pixels(label: str = "label", count: int = 784) -> str:
    rng = np.random.default_rng(0)
    lines = [",".join([label, *(f"pixel{number}" for number in range(count))])]
    for number in range(40):
        lines.append(",".join(map(str, [number % 4, *rng.integers(0, 256, count)])))
    return "\n".join(lines)


def test_as_many_whole_numbers_as_mnist_has_are_pixels(write: Write) -> None:
    found = datasets.find(write(pixels()))
    assert (found.shape, found.train_images.dtype) == ((28, 28), np.uint8)
    assert found.classes == ("0", "1", "2", "3")
    assert not found.are_named
    assert found.columns == ()


def test_as_many_as_the_model_takes_are_pixels(write: Write) -> None:
    path = write(pixels(count=48))
    assert datasets.find(path, ModelInput(InputSpec((4, 4, 3)), 4)).shape == (4, 4, 3)
    assert datasets.find(path).train_images.dtype == np.float32
    features = datasets.find(path, ModelInput(InputSpec((48,), "float32", None), 4))
    assert (features.shape, features.has_pixels) == ((48,), False)


def test_numbers_that_are_no_pixels_stay_features(write: Write) -> None:
    broken = pixels().replace("\n0,", "\n0,1000", 1)
    assert not datasets.find(write(broken), ModelInput(UNIT_PIXELS, 4)).has_pixels


def test_whole_numbers_are_sorted_as_numbers(write: Write) -> None:
    lines = [f"{number}.25,{number % 11}" for number in range(44)]
    found = datasets.find(write("x,y\n" + "\n".join(lines)))
    assert found.classes == tuple(map(str, range(11)))
    with_points = datasets.find(write("x,y\n" + "\n".join(line + ".0" for line in lines)))
    assert with_points.fingerprint == found.fingerprint


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_quotes_and_a_byte_order_mark(write: Write, delimiter: str) -> None:
    rows = [f'"{number}.5"{delimiter}{number}{delimiter}"a, {number % 2}"' for number in range(20)]
    text = "\ufeff" + delimiter.join(["one", "two", "label"]) + "\r\n" + "\r\n".join(rows)
    assert datasets.find(write(text)).classes == ("a, 0", "a, 1")


NAMED = ModelInput(InputSpec((2,), "float32", None), 3, feature_names=("sepal", "petal"))


def test_features_of_a_model_are_found_by_their_names(write: Write) -> None:
    plain = datasets.find(write(FLOWERS.format(label="label")), NAMED)
    lines = [line.split(",") for line in FLOWERS.format(label="label").splitlines()]
    turned = [
        f"{number};{petal};{label};{sepal}" for number, (sepal, petal, label) in enumerate(lines)
    ]
    turned[0] = turned[0].replace("0;", "id;", 1)
    found = datasets.find(write("\n".join(turned), "turned.csv"), NAMED)
    assert found.columns == ("sepal", "petal")
    assert found.fingerprint == plain.fingerprint
    other = FLOWERS.format(label="label").replace("petal", "leaf")
    with pytest.raises(DataError, match=r"2 features in .*, found none called petal"):
        datasets.find(write(other), NAMED)


def test_a_label_that_is_a_feature(write: Write) -> None:
    wanted = ModelInput(InputSpec((2,), "float32", None), 3, feature_names=("sepal", "label"))
    with pytest.raises(DataError, match="label is a feature: name another with --label-column"):
        datasets.find(write(FLOWERS.format(label="label")), wanted)


def test_many_names_are_found_fast(write: Write) -> None:
    names = [f"f{number}" for number in range(20_000)]
    rows = [",".join(["0.5"] * len(names)), ",".join(["1.5"] * len(names))]
    text = "\n".join([",".join([*names, "label"]), f"{rows[0]},a", f"{rows[1]},b"])
    wanted = ModelInput(InputSpec((len(names),), "float32", None), 2, feature_names=tuple(names))
    assert datasets.find(write(text), wanted).shape == (len(names),)


def test_a_set_in_the_order_of_a_model(write: Write) -> None:
    found = datasets.find(write(FLOWERS.format(label="label")), TWO)
    turned = found.in_order_of(("petal", "sepal"))
    assert turned is not None
    assert turned.columns == ("petal", "sepal")
    np.testing.assert_array_equal(turned.test_images, found.test_images[:, ::-1])
    np.testing.assert_array_equal(turned.train_images, found.train_images[:, ::-1])
    assert found.in_order_of(("petal", "leaf")) is None
    assert found.in_order_of(()) is found


@pytest.mark.parametrize("cell", ["3_5", "\N{FULLWIDTH DIGIT THREE}", "1,5"])
def test_cells_that_are_no_numbers(write: Write, cell: str) -> None:
    rows = [f"{number};{number % 2}" for number in range(50)]
    rows[3] = f"{cell};1"
    found = datasets.find(write("\n".join(["a;label", *rows])))
    assert found.problems.skipped == 1
    assert ("write decimals with points" in found.problems.first[0]) == ("," in cell)


def test_row_numbers_of_pandas_are_no_feature(write: Write) -> None:
    rows = [f"{number},{number / 2},{number % 2}" for number in range(20)]
    assert datasets.find(write("\n".join([",x,label", *rows]))).columns == ("x",)


def test_bad_rows_are_counted_and_named(write: Write) -> None:
    rows = [f"{number},1,{number % 2}" for number in range(50)]
    rows[3] = "3,,1"
    rows[7] = "7,many,1"
    rows[9] = "nan,1,1"
    rows[11] = "1,2"
    rows[13] = "1,2,"
    found = datasets.find(write("\n".join(["a,b,label", *rows])))
    assert (found.problems.skipped, found.problems.seen, found.problems.what) == (5, 50, "rows")
    assert found.problems.first == (
        "line 5 (nothing in column b)",
        "line 9 ('many' in column b)",
        "line 11 ('nan' in column a)",
        "line 13 (2 cells instead of 3)",
        "line 15 (no label)",
    )
    assert len(every(found)[0]) == 45


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing"),
        ("a,label\n", "rows below the header"),
        ("1,2,3\n4,5,6", r"found a row of values \(1, 2, 3\): add a first line"),
        ("1.5,2.5,,\n4,5,,elm", r"found a row of values \(1.5, 2.5, , \)"),
        ("1.5,2.5,oak\n4,5,elm", r"found a row of values \(1.5, 2.5, oak\): add a first line"),
        ("label\n1\n2", "columns of numbers beside the labels"),
        ("a,label\nx,1\ny,2", r"2 of 2 rows were left out: line 2 \('x' in column a\)"),
        ("a,b,label\n1,,1\n,2,2", r"line 3 \(nothing in column a\)$"),
        (
            "x,y\n" + "".join(f"{n % 2},{n / 7:.3f}\n" for n in range(60)),
            r"found 60 labels for 60 examples: name the column",
        ),
        ("id,a,label\nx,1,1\ny,2,2", ": remove id, or convert to numbers what is a feature"),
        ("a,label\n1,one\n2,one", "at least 2 classes in .*, found one"),
        ("a,label\n1,0\n2,1\n3,5", "found none with the label 2, 3, 4"),
        ("a,label\n1,0\n2,0", "a single one: all labels are 0"),
        ("a,label\n1e39,0\n2,1", "1 of 2 rows were left out"),
        ("a,label\n1,0\n1,1", "all alike"),
        ('a,label\n1,"' + "x" * 300 + '"\n2,b', r"line 2 \(a label of 300 characters\)"),
        ('a,label\n1,"' + "x" * 200_000 + '"\n2,b', "is damaged: field larger than"),
    ],
)
def test_wrong_tables_are_one_sentence(
    write: Write, refused: Callable[..., str], text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(DataError, match=message):
        datasets.find(path)
    assert refused("data", "--data", path)


def test_labels_must_be_the_models(write: Write) -> None:
    path = write("a,b,label\n" + "\n".join(f"{n},1,{'015'[n % 3]}" for n in range(9)))
    with pytest.raises(DataError, match=r"train labels from 0 to 2 in .*, found 0 to 5"):
        datasets.find(path, TWO)


def test_bytes_that_are_no_text_and_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    (tmp_path / "own.csv").write_bytes(b"a,label\n1,\xff\xfe\n")
    with pytest.raises(DataError, match=r"own\.csv in UTF-8, found other bytes"):
        datasets.find(str(tmp_path / "own.csv"))
    monkeypatch.setattr(table, "MAX_LINE", 20)
    with pytest.raises(DataError, match=r"lines of at most 20 characters in .*own\.csv"):
        datasets.find(write("a,label\n1,2\n" + "1," * 20 + "3\n"))
    monkeypatch.setattr(table, "MAX_BYTES", 10)
    with pytest.raises(DataError, match=r"at most 10 bytes in .*: save it as \.npz"):
        datasets.find(write(FLOWERS))
