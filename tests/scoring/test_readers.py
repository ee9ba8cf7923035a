"""Every kind of input gives the answers that the Predictor gives for its images."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mnist_edge import DataError, OptionError, Predictor
from mnist_edge.model_spec import InputSpec
from mnist_edge.scoring.run import Way
from tests import models
from tests.conftest import idx_bytes
from tests.scoring.conftest import Score, fixed, table

Column = Callable[[np.ndarray], pa.Array]


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def answered(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*"))])


COLUMNS: dict[str, Column] = {
    "fixed": fixed,
    "float32": lambda images: fixed((images / 255).astype(np.float32)),
    "binary": lambda images: pa.array([image.tobytes() for image in images], pa.binary()),
    "large binary": lambda images: pa.array([i.tobytes() for i in images], pa.large_binary()),
    "list of uint8": lambda images: pa.array(
        [image.ravel() for image in images], pa.list_(pa.uint8())
    ),
    "list of int64": lambda images: pa.array(
        [image.ravel() for image in images], pa.list_(pa.int64())
    ),
    "fixed list": lambda images: pa.array(
        [image.ravel() for image in images], pa.list_(pa.uint8(), 784)
    ),
    "floats": lambda images: pa.array(
        [image.ravel() / 255 for image in images], pa.large_list(pa.float64())
    ),
    "rows of rows": lambda images: pa.array(images.tolist(), pa.list_(pa.list_(pa.int16()))),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_columns_of_numbers(
    kind: str, ending: str, scored: Score, images: np.ndarray, labels: list[str], tmp_path: Path
) -> None:
    some = images[:40]
    data = pa.table({"image": COLUMNS[kind](some)})
    if ending == "parquet":
        pq.write_table(data, tmp_path / "a.parquet", row_group_size=9)
    else:
        pyarrow.feather.write_feather(data, str(tmp_path / "a.arrow"), chunksize=9)
    report = scored(tmp_path / f"a.{ending}", rows_per_shard=20)
    assert (report.rows, report.errors, report.shards, report.complete) == (40, 0, 3, True)
    found = answered(tmp_path / "out")
    assert found.column("label").to_pylist() == labels[:40]
    assert found.column("digit").to_pylist() == [int(label) for label in labels[:40]]
    assert found.column("row").to_pylist() == list(range(40))
    expected = Predictor().predict_batch(some)
    np.testing.assert_allclose(found.column("confidence"), expected.confidences, rtol=1e-6)
    assert found.column("rejected").to_pylist() == expected.rejected.tolist()


def test_an_arrow_stream(
    scored: Score, images: np.ndarray, labels: list[str], tmp_path: Path
) -> None:
    data = table(images)
    with pa.ipc.new_stream(str(tmp_path / "a.arrow"), data.schema) as stream:
        stream.write_table(data, max_chunksize=70)
    assert scored(tmp_path / "a.arrow", keep=("id",)).rows == 300
    assert answered(tmp_path / "out").column("label").to_pylist() == labels


@pytest.mark.parametrize("values", ["whole", "shares"])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_csv(
    values: str,
    names: bool,
    end: str,
    scored: Score,
    images: np.ndarray,
    labels: list[str],
    tmp_path: Path,
) -> None:
    lines = ["id," + ",".join(f"p{n}" for n in range(784)) + ",label"] if names else []
    for number, image in enumerate(images[:60]):
        numbers = image.ravel() if values == "whole" else np.round(image.ravel() / 255, 4)
        texts = ",".join(str(value) for value in numbers.tolist())
        lines.append(f"n{number},{texts},7" if names else texts)
    separator = end or "\n"
    (tmp_path / "a.csv").write_bytes((separator.join(lines) + end).encode())
    keep = ("id",) if names else ()
    assert scored(tmp_path / "a.csv", keep=keep, rows_per_shard=17).shards == 4
    found = answered(tmp_path / "out")
    assert found.column("label").to_pylist() == labels[:60]
    if names:
        assert found.column("id").to_pylist() == [f"n{number}" for number in range(60)]


def test_csv_with_faulty_rows(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    lines = [",".join(map(str, image.ravel().tolist())) for image in images[:8]]
    lines[2] = "1,2"
    lines[4] = lines[4].replace("0", "x", 1)
    lines[5] = "300" + lines[5][1:]
    lines[6] = ""
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    report = scored(tmp_path / "a.csv", on_error="quarantine")
    assert (report.rows, report.errors) == (8, 4)
    assert answered(tmp_path / "out").column("row").to_pylist() == [0, 1, 3, 7]
    rows = (tmp_path / "out" / "errors" / "part-00000.jsonl").read_text().splitlines()
    assert [json.loads(row)["row"] for row in rows] == [2, 4, 5, 6]
    assert "expected 784 values, found 2" in rows[0]
    assert "0 to 300" in rows[2]
    assert "line 7: expected a row of values, found an empty line" in rows[3]


@pytest.mark.parametrize("end", ["\n\n\n", "\r\n\r\n", "\n", ""])
@pytest.mark.parametrize("rows_per_shard", [None, 3])
def test_empty_lines_at_the_end_are_no_rows(
    end: str, rows_per_shard: int | None, named: str, scored: Score, tmp_path: Path
) -> None:
    text = flowers([0, 1, 2, 3], list(NAMES), ",").rstrip() + end
    (tmp_path / "a.csv").write_bytes(text.encode())
    report = scored(tmp_path / "a.csv", model=named, rows_per_shard=rows_per_shard)
    assert (report.rows, report.errors) == (len(FLOWERS), 0)


FLOWERS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
NAMES = ("height", "girth", "leaves", "age")


@pytest.fixture
def named(tmp_path: Path) -> str:
    """Return a model of four features that its file names."""
    content = models.linear(models.FEATURES, models.TWO, feature_names=json.dumps(NAMES))
    return str(models.write(content, tmp_path / "named.onnx"))


def flowers(order: list[int], names: list[str], separator: str) -> str:
    """Return a table with the features in an order, between an id and a remark."""
    lines = [["id", *(names[place] for place in order), "remark"]]
    for number, row in enumerate(FLOWERS.tolist()):
        lines.append([f"f{number}", *(repr(row[place]) for place in order), "a rose"])
    return "\n".join(map(separator.join, lines)) + "\n"


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_features_are_found_by_their_names(
    order: list[int], separator: str, named: str, scored: Score, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeff" + flowers(order, list(NAMES), separator))
    scored(path, model=named, probabilities=True, keep=("id",))
    found = answered(tmp_path / "out")
    expected = models.expected(FLOWERS, models.FEATURES, 2)
    np.testing.assert_allclose(found.column("probabilities").to_pylist(), expected, atol=1e-5)
    assert found.column("id").to_pylist()[3] == "f3"
    scored(path, model=named, keep=("*",), way=Way(mode="overwrite"))
    assert answered(tmp_path / "out").column_names[:2] == ["id", "remark"]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_column_for_each_feature(ending: str, named: str, scored: Score, tmp_path: Path) -> None:
    columns = {name: pa.array(FLOWERS[:, place]) for place, name in enumerate(NAMES)}
    columns["leaves"] = pa.array([round(value) for value in FLOWERS[:, 2].tolist()])
    columns["age"] = pa.array([None, *FLOWERS[1:, 3].tolist()], pa.float64())
    data = pa.table({"age": columns.pop("age"), "id": pa.array(range(20)), **columns})
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(data, path)
    else:
        pyarrow.feather.write_feather(data, str(path))
    call = {"model": named, "probabilities": True, "keep": ("*",), "on_error": "quarantine"}
    report = scored(path, **call)
    assert (report.rows, report.errors) == (20, 1)
    rows = FLOWERS[1:].copy()
    rows[:, 2] = np.rint(rows[:, 2])
    found = answered(tmp_path / "out")
    expected = models.expected(rows, models.FEATURES, 2)
    np.testing.assert_allclose(found.column("probabilities").to_pylist(), expected, atol=1e-5)
    assert found.column_names[:2] == ["id", "label"]
    fault = (tmp_path / "out" / "errors" / "part-00000.jsonl").read_text()
    assert "NaN" in fault


def test_a_feature_that_is_no_number(named: str, scored: Score, tmp_path: Path) -> None:
    columns = {name: pa.array(FLOWERS[:, place]) for place, name in enumerate(NAMES)}
    pq.write_table(pa.table(columns | {"age": pa.array(["old"] * 20)}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"expected numbers in the column age of .*, found string"):
        scored(tmp_path / "a.parquet", model=named)


def expected_of(rows: np.ndarray) -> np.ndarray:
    return models.expected(rows, models.FEATURES, 2)


def given(folder: Path) -> list[list[float]]:
    found: list[list[float]] = answered(folder / "out").column("probabilities").to_pylist()
    return found


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["height", "width", "leaves", "age"], "found none called girth"),
        (["Height", "Girth", "Leaves", "Age"], "found none called height, girth, leaves, age"),
        (["height", "height", "leaves", "age"], "found none called girth"),
    ],
)
def test_a_table_without_all_of_the_names(
    names: list[str], message: str, named: str, scored: Score, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(flowers([0, 1, 2, 3], names, ","))
    with pytest.raises(DataError, match=message):
        scored(tmp_path / "a.csv", model=named, keep=("id", "remark"))
    assert not (tmp_path / "out").exists()


def test_a_table_with_a_name_twice(named: str, scored: Score, tmp_path: Path) -> None:
    lines = flowers([0, 1, 2, 3], list(NAMES), ",").replace("remark", "girth").splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="found several called girth"):
        scored(tmp_path / "a.csv", model=named)


@pytest.mark.parametrize("names", [("c3", "c1", "c0", "c2"), ("c1", "c2", "c3", "c4")])
def test_without_a_header_the_order_counts(
    names: tuple[str, ...], scored: Score, tmp_path: Path
) -> None:
    content = models.linear(models.FEATURES, models.TWO, feature_names=json.dumps(names))
    model = models.write(content, tmp_path / "model.onnx")
    np.savetxt(tmp_path / "a.csv", FLOWERS, "%.6f", ",")
    scored(tmp_path / "a.csv", model=str(model), probabilities=True)
    np.testing.assert_allclose(given(tmp_path), expected_of(FLOWERS), atol=1e-5)


def test_a_header_of_numbers(scored: Score, tmp_path: Path) -> None:
    content = models.linear(models.FEATURES, models.TWO, feature_names='["0","1","2","3"]')
    model = models.write(content, tmp_path / "model.onnx")
    (tmp_path / "a.csv").write_text("3,1,0,2\n")
    with (tmp_path / "a.csv").open("a") as file:
        np.savetxt(file, FLOWERS[:, [3, 1, 0, 2]], "%.6f", ",")
    assert scored(tmp_path / "a.csv", model=str(model), probabilities=True).rows == len(FLOWERS)
    np.testing.assert_allclose(given(tmp_path), expected_of(FLOWERS), atol=1e-5)


@pytest.mark.parametrize(
    ("first", "is_row"),
    [
        ("1.5,,0.5,2", True),
        ("1.5,NA,0.5,2", True),
        ("?,1.5,oak,2", True),
        ("height,girth,leaves,2020", False),
        ("label,1,2,3", False),
    ],
)
def test_a_first_line_is_a_header_or_a_row(
    first: str, is_row: bool, scored: Score, tmp_path: Path
) -> None:
    model = models.write(models.linear(models.FEATURES, models.TWO), tmp_path / "model.onnx")
    rows = ["1,2,3,4", "5,6,7,8"]
    (tmp_path / "a.csv").write_text("\n".join([first, *rows]) + "\n")
    report = scored(tmp_path / "a.csv", model=str(model), on_error="quarantine")
    assert (report.rows, report.errors) == (2 + is_row, is_row)
    assert answered(tmp_path / "out").column("row").to_pylist() == [is_row, is_row + 1]


def test_a_header_of_numbers_that_lacks_one(scored: Score, tmp_path: Path) -> None:
    content = models.linear(models.FEATURES, models.TWO, feature_names='["0","1","2","3"]')
    model = models.write(content, tmp_path / "model.onnx")
    (tmp_path / "a.csv").write_text("id,0,1,3\n1,2,3,4\n")
    with pytest.raises(DataError, match="found none called 2"):
        scored(tmp_path / "a.csv", model=str(model), on_error="quarantine")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_column_for_each_feature_that_has_no_name(
    ending: str, scored: Score, tmp_path: Path
) -> None:
    model = models.write(models.linear(models.FEATURES, models.TWO), tmp_path / "model.onnx")
    columns = {"number": pa.array(range(len(FLOWERS)))}
    for name, column in zip(NAMES, FLOWERS.T, strict=True):
        columns[name] = pa.array(column)
    path = tmp_path / f"a.{ending}"
    write = {"parquet": pq.write_table, "csv": pa_csv.write_csv}[ending]
    write(pa.table(columns), path)
    scored(path, model=str(model), keep=("number",), probabilities=True)
    np.testing.assert_allclose(given(tmp_path), expected_of(FLOWERS), atol=1e-5)
    with pytest.raises(DataError, match=r"found 5 besides those kept \(number, height"):
        scored(path, model=str(model), out=tmp_path / "other")


def test_a_cell_with_a_line_break_is_no_row(named: str, scored: Score, tmp_path: Path) -> None:
    header = ",".join(["note", *NAMES])
    (tmp_path / "a.csv").write_text(f'{header}\na,1,2,3,4\n"b\nc",5,6,7,8\n5",1,2,3,4\n')
    report = scored(tmp_path / "a.csv", model=named, on_error="quarantine", keep=("note",))
    assert (report.rows, report.errors) == (4, 2)
    assert answered(tmp_path / "out").column("note").to_pylist() == ["a", '5"']


def test_a_label_in_a_file_without_a_header(scored: Score, tmp_path: Path) -> None:
    model = models.write(models.linear(models.FEATURES, models.TWO), tmp_path / "model.onnx")
    (tmp_path / "a.csv").write_text("1,2,4,3,oak\n5,6,7,8,elm\n")
    for keep in ((), ("oak",)):
        with pytest.raises(DataError, match="give the file a header"):
            scored(tmp_path / "a.csv", model=str(model), keep=keep)


def test_a_note_where_nothing_checks_the_order(named: str, scored: Score, tmp_path: Path) -> None:
    model = models.write(models.linear(models.FEATURES, models.TWO), tmp_path / "model.onnx")
    (tmp_path / "a.csv").write_text("a,b,c,d\n1,2,3,4\n")
    (sentence,) = scored(tmp_path / "a.csv", model=str(model)).notes
    assert "model.onnx stores no names of features, so columns are read in their order" in sentence
    (tmp_path / "b.csv").write_text(flowers([0, 1, 2, 3], list(NAMES), ","))
    assert not scored(tmp_path / "b.csv", model=named, out=tmp_path / "other").notes


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_delimiter_within_quotes(ending: str, named: str, scored: Score, tmp_path: Path) -> None:
    separator = {"csv": ",", "tsv": "\t"}[ending]
    text = flowers([0, 1, 2, 3], list(NAMES), separator)
    path = tmp_path / f"a.{ending}"
    path.write_text(text.replace("remark", '"tags; a; b; c; d; e; f, g, h, i, j"'))
    scored(path, model=named, probabilities=True)
    np.testing.assert_allclose(given(tmp_path), expected_of(FLOWERS), atol=1e-5)


def test_features_and_answers_names_can_be_kept(named: str, scored: Score, tmp_path: Path) -> None:
    text = flowers([0, 1, 2, 3], list(NAMES), ",").replace("remark", "label")
    (tmp_path / "a.csv").write_text(text.replace("\nf7,", "\nf7,x", 1))  # a bad row among good
    scored(tmp_path / "a.csv", model=named, keep=("age", "label"), on_error="quarantine")
    found = answered(tmp_path / "out")
    assert found.column_names[:3] == ["age", "input_label", "label"]
    kept = [row for number, row in enumerate(FLOWERS[:, 3].tolist()) if number != 7]
    assert [float(text) for text in found.column("age").to_pylist()] == pytest.approx(kept)
    assert set(found.column("input_label").to_pylist()) == {"a rose"}


def test_two_columns_of_one_name_in_the_output(named: str, scored: Score, tmp_path: Path) -> None:
    text = flowers([0, 1, 2, 3], list(NAMES), ",").replace("remark", "label")
    (tmp_path / "a.csv").write_text(text.replace("id,", "input_label,", 1))
    with pytest.raises(OptionError, match="one column for 'input_label' of the output"):
        scored(tmp_path / "a.csv", model=named, keep=("*",))


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_features_come_before_a_column_that_is_called_image(
    ending: str, named: str, scored: Score, tmp_path: Path
) -> None:
    columns = {name: pa.array(FLOWERS[:, place]) for place, name in enumerate(NAMES)}
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(80, np.float32)), 4)
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table(columns | {"image": rows}), path)
    else:
        pyarrow.feather.write_feather(pa.table(columns | {"image": rows}), str(path))
    scored(path, model=named, probabilities=True)
    np.testing.assert_allclose(given(tmp_path), expected_of(FLOWERS), atol=1e-5)
    with pytest.raises(DataError, match="expected a column 'imgae'"):
        scored(path, model=named, column="imgae", way=Way(mode="overwrite"))
    scored(path, model=named, column="image", probabilities=True, way=Way(mode="overwrite"))
    np.testing.assert_allclose(given(tmp_path), expected_of(np.zeros((20, 4))), atol=1e-5)


def test_columns_of_one_name_are_not_kept(named: str, scored: Score, tmp_path: Path) -> None:
    arrays = [pa.array(FLOWERS[:, place]) for place in range(4)]
    data = pa.Table.from_arrays([*arrays, arrays[0], arrays[1]], names=[*NAMES, "more", "more"])
    pq.write_table(data, tmp_path / "a.parquet")
    assert scored(tmp_path / "a.parquet", model=named).rows == 20
    with pytest.raises(DataError, match="several called more"):
        scored(tmp_path / "a.parquet", model=named, keep=("*",), way=Way(mode="overwrite"))


def test_a_second_table_is_looked_at_before_the_first_is_scored(
    named: str, scored: Score, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(flowers([0, 1, 2, 3], list(NAMES), ","))
    (tmp_path / "b.csv").write_text(flowers([0, 1, 2, 3], ["a", "b", "c", "d"], ","))
    with pytest.raises(DataError, match=r"b\.csv, found none called height"):
        scored(tmp_path / "a.csv", tmp_path / "b.csv", model=named)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("3_5", "expected a number, found '3_5'"),
        ("\N{FULLWIDTH DIGIT THREE}", "expected a number"),
        ("1,5", "write decimals with points"),
        ("1\r2", "new-line character"),
        ("x" * 140_000, "field larger than field limit"),
        ("3e38", "its answer is NaN"),
    ],
)
def test_cells_that_are_no_numbers(
    cell: str, reason: str, named: str, scored: Score, tmp_path: Path
) -> None:
    lines = flowers([0, 1, 2, 3], list(NAMES), ";").splitlines()
    cells = lines[5].split(";")
    cells[2] = cell
    lines[5] = ";".join(cells)
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode())
    report = scored(tmp_path / "a.csv", model=named, on_error="quarantine")
    assert (report.rows, report.errors) == (20, 1)
    fault = json.loads((tmp_path / "out" / "errors" / "part-00000.jsonl").read_text())
    assert fault["row"] == 4
    assert reason in fault["reason"]


@pytest.mark.parametrize("output", ["parquet", "csv"])
def test_a_part_of_which_no_row_can_be_read(
    output: str, named: str, scored: Score, tmp_path: Path
) -> None:
    lines = flowers([0, 1, 2, 3], list(NAMES), ",").splitlines()
    bad = [line.replace(".", "x") for line in lines[6:11]]
    (tmp_path / "a.csv").write_text("\n".join([*lines[:6], *bad, *lines[11:]]))
    call = {"rows_per_shard": 5, "on_error": "quarantine", "keep": ("id",), "format": output}
    assert scored(tmp_path / "a.csv", model=named, **call).errors == 5
    empty = tmp_path / "out" / f"part-00001.{output}"
    if output == "parquet":
        assert pq.read_table(empty).column_names == ["id", "label", "confidence", "rejected"]
        assert len(answered(tmp_path / "out")) == 15
    else:
        assert empty.read_text() == '"id","label","confidence","rejected"\n'


def test_pixels_with_a_stray_line_end(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    lines = [",".join(map(str, image.ravel().tolist())) for image in images[:6]]
    lines[3] = lines[3].replace("0", "0\r", 1)
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode())
    report = scored(tmp_path / "a.csv", on_error="quarantine")
    assert (report.rows, report.errors) == (6, 1)


def test_a_table_that_begins_with_an_empty_line(named: str, scored: Score, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n" + flowers([0, 1, 2, 3], list(NAMES), ","))
    with pytest.raises(DataError, match="found an empty first line"):
        scored(tmp_path / "a.csv", model=named)


def test_pictures_for_a_model_of_features(named: str, scored: Score, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(np.zeros((4, 4), np.uint8)))
    with pytest.raises(OptionError, match=r"which .*named\.onnx takes, received pictures"):
        scored(tmp_path / "a.png", model=named)


def test_lines_that_end_as_on_old_macs(named: str, scored: Score, tmp_path: Path) -> None:
    text = flowers([0, 1, 2, 3], list(NAMES), ",").replace("\n", "\r")
    (tmp_path / "a.csv").write_bytes(text.encode())
    with pytest.raises(DataError, match=r"lines of text in UTF-8 that end with \\n"):
        scored(tmp_path / "a.csv", model=named)


def test_a_column_is_named_only_where_there_are_columns(
    named: str, scored: Score, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(flowers([0, 1, 2, 3], list(NAMES), ","))
    with pytest.raises(OptionError, match=r"--column with Parquet.* received 'age' with .*a\.csv"):
        scored(tmp_path / "a.csv", model=named, column="age")


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "a.npy"])
def test_arrays(
    name: str, scored: Score, images: np.ndarray, labels: list[str], tmp_path: Path
) -> None:
    if name.endswith(".npy"):
        np.save(tmp_path / name, images)
    else:
        content = idx_bytes(images)
        content = gzip.compress(content) if name.endswith(".gz") else content
        (tmp_path / name).write_bytes(content)
    assert scored(tmp_path / name, rows_per_shard=70).shards == 5
    assert answered(tmp_path / "out").column("label").to_pylist() == labels


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(
    save: Callable[..., None],
    scored: Score,
    images: np.ndarray,
    labels: list[str],
    tmp_path: Path,
) -> None:
    save(tmp_path / "a.npz", x=images, y=np.zeros(300))
    scored(tmp_path / "a.npz", rows_per_shard=70)
    assert answered(tmp_path / "out").column("label").to_pylist() == labels
    save(tmp_path / "b.npz", x=images, other=images)
    with pytest.raises(DataError, match=r"expected a column 'image' in .*b\.npz, found x, other"):
        scored(tmp_path / "b.npz", out=tmp_path / "b")


def test_arrays_cut_off(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    content = gzip.compress(idx_bytes(images))
    path = tmp_path / "images-ubyte.gz"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="the file is damaged"):
        scored(path)
    report = scored(path, out=tmp_path / "b", on_error="quarantine")
    assert report.rows == 300
    assert 0 < report.errors < 300
    assert len(answered(tmp_path / "b")) == 300 - report.errors


@pytest.mark.parametrize("kind", ["binary", "struct"])
def test_encoded_pictures_in_a_column(
    kind: str, scored: Score, images: np.ndarray, tmp_path: Path
) -> None:
    pictures = [png(255 - image) for image in images[:12]]
    column = pa.array(pictures, pa.binary())
    if kind == "struct":
        column = pa.array([{"bytes": one, "path": None} for one in pictures])
    pq.write_table(pa.table({"image": column}), tmp_path / "a.parquet")
    assert scored(tmp_path / "a.parquet").rows == 12
    predictor = Predictor()
    expected = [predictor.predict_picture(one) for one in pictures]
    found = answered(tmp_path / "out")
    assert found.column("label").to_pylist() == [answer.label for answer in expected]
    assert found.column("rejected").to_pylist() == [answer.rejected for answer in expected]


def test_pictures_as_they_are(
    scored: Score, images: np.ndarray, labels: list[str], tmp_path: Path
) -> None:
    column = pa.array([png(image) for image in images[:12]], pa.binary())
    pq.write_table(pa.table({"image": column}), tmp_path / "a.parquet")
    scored(tmp_path / "a.parquet", prepare="none")
    assert answered(tmp_path / "out").column("label").to_pylist() == labels[:12]


def test_a_folder_of_pictures(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "in" / "b").mkdir(parents=True)
    for number, image in enumerate(images[:10]):
        (tmp_path / "in" / "b" / f"{number}.png").write_bytes(png(255 - image))
    (tmp_path / "in" / "a.png").write_bytes(b"no picture")
    (tmp_path / "in" / "labels.csv").write_text("file,label\n1.png,7\n")
    (tmp_path / "in" / "notes.txt").write_text("none")
    report = scored(tmp_path / "in", rows_per_shard=4, on_error="quarantine")
    assert (report.rows, report.errors, report.shards) == (11, 1, 3)
    predictor = Predictor()
    for row in answered(tmp_path / "out").to_pylist():
        assert row["label"] == predictor.predict_picture(tmp_path / "in" / row["path"]).label
    fault = json.loads((tmp_path / "out" / "errors" / "part-00000.jsonl").read_text())
    assert (fault["row"], fault["source"]) == (0, str(tmp_path / "in"))


def test_one_picture(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "seven.png").write_bytes(png(255 - images[0]))
    scored(tmp_path / "seven.png")
    assert answered(tmp_path / "out").column("path").to_pylist() == ["seven.png"]


def test_a_tar(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    pictures = [png(255 - image) for image in images[:70]]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number, content in enumerate(pictures):
            members = {"png": content, "cls": str(number % 10).encode()}
            if number == 3:
                del members["png"]
            for ending, data in members.items():
                info = tarfile.TarInfo(f"train/{number:04}.{ending}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    report = scored(tmp_path / "a.tar", keep=("cls",), on_error="quarantine")
    assert (report.rows, report.errors) == (70, 1)
    found = answered(tmp_path / "out")
    assert found.column("key").to_pylist() == [f"train/{n:04}" for n in range(70) if n != 3]
    assert found.column("cls").to_pylist() == [str(n % 10) for n in range(70) if n != 3]
    predictor = Predictor()
    assert found.column("label").to_pylist()[:3] == [
        predictor.predict_picture(content).label for content in pictures[:3]
    ]


def test_features(scored: Score, tmp_path: Path) -> None:
    spec = models.FEATURES
    (tmp_path / "model.onnx").write_bytes(models.linear(spec, models.TWO))
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    rows[7, 2] = np.nan
    data = pa.table({"image": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 4)})
    pq.write_table(data, tmp_path / "a.parquet")
    report = scored(
        tmp_path / "a.parquet",
        model=str(tmp_path / "model.onnx"),
        on_error="quarantine",
        probabilities=True,
    )
    assert report.errors == 1
    found = answered(tmp_path / "out")
    assert "digit" not in found.column_names
    good = np.delete(rows, 7, axis=0)
    expected = models.expected(good, spec, 2)
    np.testing.assert_allclose(found.column("probabilities").to_pylist(), expected, atol=1e-6)
    labels = [models.TWO[place] for place in expected.argmax(axis=1)]
    assert found.column("label").to_pylist() == labels


def test_colour_in_fixed_bytes(scored: Score, tmp_path: Path) -> None:
    spec: InputSpec = models.COLOUR
    (tmp_path / "model.onnx").write_bytes(models.linear(spec, models.TWO))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    pq.write_table(pa.table({"image": fixed(pixels)}), tmp_path / "a.parquet")
    scored(tmp_path / "a.parquet", model=str(tmp_path / "model.onnx"))
    expected = models.expected(pixels.reshape(20, -1) / 255, spec, 2).argmax(axis=1)
    labels = [models.TWO[place] for place in expected]
    assert answered(tmp_path / "out").column("label").to_pylist() == labels


def test_faults_of_rows(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    values: list[object] = [image.ravel().tolist() for image in images[:6]]
    values[1] = None
    values[3] = [1, 2, 3]
    values[4] = [256, *[0] * 783]
    pq.write_table(
        pa.table({"image": pa.array(values, pa.list_(pa.int32()))}), tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match=r"row 1 of .*it is null.*--on-error quarantine"):
        scored(tmp_path / "a.parquet")
    report = scored(tmp_path / "a.parquet", out=tmp_path / "b", on_error="quarantine")
    assert report.errors == 3
    assert answered(tmp_path / "b").column("row").to_pylist() == [0, 2, 5]


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_a_parquet_file_damaged_in_the_middle(
    compression: str, scored: Score, images: np.ndarray, labels: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        table(images),
        path,
        row_group_size=50,
        compression=compression,
        write_page_checksum=True,
        use_dictionary=False,
    )
    middle = pq.read_metadata(path).row_group(2).column(1)
    content = bytearray(path.read_bytes())
    start = middle.data_page_offset + middle.total_compressed_size // 2
    content[start : start + 64] = bytes(byte ^ 255 for byte in content[start : start + 64])
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"row 100 of .*a\.parquet \(row group 2 is damaged"):
        scored(path, keep=("id",), rows_per_shard=50)
    done = sorted(one.name for one in (tmp_path / "out").glob("part-*"))
    assert done == ["part-00000.parquet", "part-00001.parquet"]
    report = scored(
        path, out=tmp_path / "b", keep=("id",), rows_per_shard=100, on_error="quarantine"
    )
    assert (report.rows, report.errors) == (300, 50)
    found = answered(tmp_path / "b")
    assert found.column("id").to_pylist() == [n + 100 for n in range(300) if not 100 <= n < 150]
    assert found.column("label").to_pylist() == labels[:100] + labels[150:]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"column": "nothing"}, "expected a column 'nothing' in .*found id, image"),
        ({"keep": ("nothing",)}, "expected a column 'nothing'"),
        ({"column": "id"}, "found a column of int64: name another with --column"),
    ],
)
def test_columns_that_are_none(
    options: dict[str, object], sentence: str, scored: Score, images: np.ndarray, tmp_path: Path
) -> None:
    pq.write_table(table(images[:3]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=sentence):
        scored(tmp_path / "a.parquet", **options)


def test_inputs_that_are_none(scored: Score, images: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected an input file or folder, found none"):
        scored(tmp_path / "nothing.parquet")
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(DataError, match="with another ending"):
        scored(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found none there"):
        scored(tmp_path / "empty")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match=r"cannot read .*a\.parquet"):
        scored(tmp_path / "a.parquet")
    pq.write_table(table(images[:3]), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="is there twice"):
        scored(tmp_path / "b.parquet", tmp_path / "b.parquet")
    with pytest.raises(OptionError, match="outside of the inputs"):
        scored(tmp_path, out=tmp_path / "out")
    pq.write_table(table(images[:3, :20]), tmp_path / "c.parquet")
    with pytest.raises(DataError, match=r"expected 784 numbers an image in .*found 560"):
        scored(tmp_path / "c.parquet")
