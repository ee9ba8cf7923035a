from mnist_edge.cli.render import parity, tables
from mnist_edge.export.reports import InactiveUnits, ModelReport


def test_table_lines_up_and_never_cuts() -> None:
    assert tables.table(["file", "bytes"], [["a" * 200, "1,000"], ["b", "9"]]).splitlines() == [
        f"file{'':196}  bytes",
        f"{'a' * 200}  1,000",
        f"b{'':199}      9",
    ]


def test_a_column_is_of_words_only_if_all_of_it_is() -> None:
    drawn = tables.table(["model", "p99 us"], [["a", "-"], ["b", "12.5"]])
    assert drawn.splitlines()[1] == "a           -"


def test_a_network_is_called_by_its_widths() -> None:
    assert tables.network([128, 64]) == "784-128-64-10"


def test_inactive_units_are_one_line_or_none() -> None:
    def model(precision: str, units: InactiveUnits | None) -> ModelReport:
        return ModelReport("x.onnx", precision, "written", 1, inactive_units=units)

    smaller = model("int8", InactiveUnits((4, 0), (28, 16)))
    assert parity.inactive_units([model("fp32", None), smaller]) == [
        "dropped hidden units that rarely activate, 4, 0 by layer, and kept 28, 16: int8 "
        "(--keep-inactive keeps all)"
    ]
    assert parity.inactive_units([model("int8", InactiveUnits((0, 0), (32, 16)))]) == []
    assert parity.inactive_units([model("fp32", None)]) == []


def test_what_kept_means_is_said_where_it_stands() -> None:
    written = ModelReport("x.onnx", "fp32", "written", 1)
    (line,) = parity.kept([written, ModelReport("y.onnx", "int8", "kept", 1)])
    assert line.startswith("kept: the same network is there already, verified on a better data set")
    assert parity.kept([written]) == []
