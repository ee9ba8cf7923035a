"""mnist-edge export: a trained network to files that can be shipped."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar, cast, get_args

import typer

from mnist_edge.cli import completion
from mnist_edge.cli.app import (
    ARTIFACTS,
    KERAS_FILE,
    PAGE,
    Data,
    Json,
    LabelColumn,
    Labels,
    Resize,
    command,
    require_folder,
)
from mnist_edge.cli.c_source import export_c
from mnist_edge.cli.conversion import Options, convert, convert_one, note_speed
from mnist_edge.cli.demo import make_page, show_page
from mnist_edge.cli.render import progress
from mnist_edge.cli.verify import show_parity
from mnist_edge.errors import OptionError
from mnist_edge.markup import require_page
from mnist_edge.model_spec import DEFAULT_OPSET, OPSETS, Preprocessing
from mnist_edge.runtime.shipped import PRECISIONS

Value = TypeVar("Value")

TARGETS = ("onnx", "c", "web")
PREPROCESSINGS = get_args(Preprocessing)
SCALINGS = ("0..1", "0..255", "-1..1", "mean,std", "auto")
PAGE_PRECISION = "int8"
C_PRECISION = "int8"


@command
def export(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            autocompletion=completion.model_or_source,
            show_default=f"{KERAS_FILE}; with --target c or web: int8",
            help="A .keras, .h5 or .onnx file; with --target c or web also an exported file or the "
            "name of a shipped model: int8, small, ...",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="|".join(TARGETS),
            autocompletion=completion.one_of(TARGETS),
            help="Write .onnx files, C source, or one HTML page that runs the model.",
        ),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            show_default=f"{ARTIFACTS}; with --target web: {PAGE}",
            help="Write the files to this folder; with --target web, the page to this file.",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            autocompletion=completion.list_of(PRECISIONS),
            show_default=f"all that pass; with --target c or web: {PAGE_PRECISION}",
            help=f"Precisions, separated by commas: {', '.join(PRECISIONS)}; or all.",
        ),
    ] = None,
    opset: Annotated[
        int | None,
        typer.Option(
            min=OPSETS[0],
            max=OPSETS[-1],
            metavar="VERSION",
            autocompletion=completion.one_of(tuple(map(str, OPSETS))),
            show_default=str(DEFAULT_OPSET),
            help="Opset version of the .onnx files.",
        ),
    ] = None,
    data: Data = None,
    labels: Labels = None,
    label_column: LabelColumn = None,
    resize: Resize = None,
    scaling: Annotated[
        str | None,
        typer.Option(
            metavar="SCALING",
            autocompletion=completion.one_of(SCALINGS),
            show_default="from the model's first layers, else 0..1",
            help="Pixel scaling in training: 0..1, 0..255, -1..1, mean,std (of the images), "
            "numbers such as 0.1307,0.3081 (mean, standard deviation), or auto: the most "
            "accurate of these.",
        ),
    ] = None,
    invert: Annotated[
        bool,
        typer.Option("--invert", help="Invert pixels: the model was trained on dark ink on white."),
    ] = False,
    transpose: Annotated[
        bool,
        typer.Option("--transpose", help="Swap rows and columns, as in the training data."),
    ] = False,
    preprocessing: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(PREPROCESSINGS),
            autocompletion=completion.one_of(PREPROCESSINGS),
            show_default="strokes for digits and letters of 28x28 pixels, else resize",
            help="Preparation of pictures: strokes finds and centres ink on paper, resize scales "
            "the whole picture, none is for features.",
        ),
    ] = None,
    no_verify: Annotated[
        bool,
        typer.Option(
            "--no-verify", help="Skip the comparison with the model; the files state no accuracy."
        ),
    ] = False,
    keep_inactive: Annotated[
        bool,
        typer.Option(
            "--keep-inactive",
            help="Keep rarely active hidden units in the quantized files.",
        ),
    ] = False,
    as_json: Json = False,
    # Names of earlier versions.
    out_dir: Annotated[Path | None, typer.Option("--out-dir", hidden=True)] = None,
    page_model: Annotated[str | None, typer.Option("--model", hidden=True)] = None,
    keep_silent: Annotated[bool, typer.Option("--keep-silent", hidden=True)] = False,
) -> None:
    """Convert a Keras or ONNX model to verified ONNX files.

    Compares each file with the model, on the test images where they fit, else on generated inputs,
    and writes it if it passes the gate of its precision (the agreement it must reach). A file that
    fails is listed as not offered; if you named its precision, the exit code is 1. Quantized dense
    networks drop hidden units that are active for fewer than 0.5 % of 1,000 to 5,000 training
    images.

    The scaling of the training data becomes part of each file, which takes uint8 pixels or floats
    in 0..1. If the model's accuracy on labelled images is poor with that scaling and good with
    another, export names the other one and marks the files as unverified.

    With --target c, writes C99 source of the int8 file that gives the same results as onnxruntime,
    bit for bit; the model must be of dense layers and take pixels. With --target web, writes one
    HTML page that classifies drawings or pictures in any browser, without a network.

    Example: mnist-edge export mine.keras --out build --precision fp32

    Example: mnist-edge export mine.h5 --scaling -1..1 --invert

    Example: mnist-edge export flowers.keras --data flowers/ --precision int8

    Example: mnist-edge export small --target c --out firmware

    Example: mnist-edge export mine.keras --target c --out firmware

    Example: mnist-edge export small --target web --out digits.html
    """
    from mnist_edge.pixels import parse_scaling

    if target not in TARGETS:
        raise OptionError(f"expected --target onnx, c or web, received {target!r}")
    if "" in (model, page_model):
        raise OptionError("expected the name of a model, received an empty one")
    model = _one_of("MODEL", model, "--model", page_model)
    out = _one_of("--out", out, "--out-dir", out_dir)
    keep_inactive = keep_inactive or keep_silent
    if preprocessing not in (None, *PREPROCESSINGS):
        raise OptionError(
            f"expected --preprocessing {', '.join(PREPROCESSINGS[:-1])} or {PREPROCESSINGS[-1]}, "
            f"received {preprocessing!r}"
        )
    asked = parse_scaling(scaling, inverted=invert, transposed=transpose)
    options = Options(
        opset=opset or DEFAULT_OPSET,
        data=data,
        labels=labels,
        label_column=label_column,
        resize=resize,
        scaling=asked,
        preprocessing=cast("Preprocessing | None", preprocessing),
        verify=not no_verify,
        keep_inactive=keep_inactive,
    )
    if target != "web":
        require_folder(out or ARTIFACTS, "the files")
    if target == "onnx":
        with progress.steps() as on_step:
            report = convert(_named(model), out or ARTIFACTS, precision, options, on_step)
            on_step("comparing how fast fp32 and int8 are")
            note_speed(report)
        show_parity(report, as_json)
        return
    is_keras = model is not None and model.endswith((".keras", ".h5"))
    if target == "c":
        if precision not in (None, C_PRECISION):
            raise OptionError(
                f"expected --precision {C_PRECISION} with --target c, received {precision!r}"
            )
        if is_keras:
            _export_c(Path(str(model)), out or ARTIFACTS, options, as_json)
            return
        given = {labels, label_column, resize, opset, preprocessing} != {None}
        if given or no_verify or keep_inactive or asked.is_given:
            raise OptionError(
                "expected no option but --out and --data with --target c of an exported file: "
                f"received others with {model or 'the shipped model'}"
            )
        export_c(model, out or ARTIFACTS, data, as_json)
        return
    page = out or PAGE
    if is_keras:
        _export_page(
            Path(str(model)),
            page,
            PAGE_PRECISION if precision is None else precision,
            options,
            as_json,
        )
        return
    given = {precision, opset, data, labels, label_column, resize, preprocessing} != {None}
    if given or no_verify or keep_inactive or asked.is_given:
        raise OptionError(
            "expected a .keras or .h5 file with --precision, --opset, --data, --labels, "
            "--label-column, --resize, --scaling, --invert, --transpose, --preprocessing, "
            "--no-verify or --keep-inactive, "
            f"received {model or 'the shipped model'}, which is exported already"
        )
    show_page(make_page(model, page), as_json)


def _named(model: str | None) -> Path:
    """Return the model to export; the name of a shipped file is its path, which is refused."""
    from mnist_edge.runtime.shipped import path_of

    return KERAS_FILE if model is None else path_of(model)


def _one_of(name: str, value: Value | None, old_name: str, old: Value | None) -> Value | None:
    """Return the value of an argument, or that of its name in earlier versions."""
    if value is not None and old is not None:
        raise OptionError(f"expected {name} or {old_name}, received both")
    return old if value is None else value


def _export_page(model: Path, page: Path, precision: str, options: Options, as_json: bool) -> None:
    """Export a model in one precision, and make a page of it."""
    from mnist_edge.export.quantize import chosen

    if len(chosen(precision)) > 1:
        raise OptionError(f"expected one precision with --target web, received {precision}")
    require_page(page)
    with tempfile.TemporaryDirectory() as folder:
        exported = convert_one(model, Path(folder), precision, replace(options, target="web"))
        written = make_page(exported, page)
        # The exported file is gone by the time that its page is read.
        inside = replace(written.model, path=str(model))
        show_page(replace(written, model=inside), as_json)


def _export_c(model: Path, folder: Path, options: Options, as_json: bool) -> None:
    """Export a model as int8, and make C code of it."""
    with tempfile.TemporaryDirectory() as temporary:
        export_c(
            convert_one(model, Path(temporary), C_PRECISION, replace(options, target="c")),
            folder,
            options.data,
            as_json,
            made_of=model,
            label_column=options.label_column,
            resize=options.resize,
        )
