"""What all commands share: help, wrong calls, --quiet, --verbose, completion in a shell."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_edge.cli import completion
from mnist_edge.cli.command import ORDER, SECTIONS
from mnist_edge.runtime import shipped
from tests.conftest import Run

TITLES = [f"{title}:" for title in SECTIONS]


@pytest.mark.parametrize("command", ORDER)
def test_help_has_one_order(run: Callable[..., Run], command: str) -> None:
    lines = run(command, "--help").out.splitlines()
    assert lines[0].startswith(f"Usage: mnist-edge {command} [OPTIONS]")
    assert "{" not in lines[0]
    shown = " ".join(lines)
    assert "<" not in shown
    assert "x>=" not in shown
    assert "[default: (" not in shown
    found = [line for line in lines if line in TITLES]
    assert found == [title for title in TITLES if title in found]
    assert found[-1] == "General:"
    after = found[found.index("Output:") + 1]
    output = lines[lines.index("Output:") : lines.index(after)]
    assert [line.split()[0] for line in output if line.startswith("  --")][-1] == "--json"
    assert [line.split()[0] for line in lines[-3:]] == ["-q,", "-v,", "-h,"]


def test_commands_are_listed_in_order_with_whole_sentences(run: Callable[..., Run]) -> None:
    shown = run("--help").out
    listed = shown.partition("Commands:\n")[2]
    names = [line.split()[0] for line in listed.splitlines() if line[2] != " "]
    assert tuple(names) == ORDER
    assert "..." not in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exprot"], "No such command 'exprot'. Did you mean 'export'? Try 'mnist-edge --help'"),
        (["predict"], "Missing argument 'PICTURE...'. Try 'mnist-edge predict --help'"),
        (["train", "--seed", "x"], "Try 'mnist-edge train --help'"),
        (["data", "--wrong"], "Try 'mnist-edge data --help'"),
        (
            ["data", "sample"],
            "expected no further argument, received sample. Try 'mnist-edge data --help'",
        ),
        (
            ["predict", "a.png", "--modle", "small"],
            "No such option '--modle'. Did you mean '--model'? Try 'mnist-edge predict --help'",
        ),
    ],
    ids=" ".join,
)
def test_a_wrong_call_points_to_help(
    refused: Callable[..., str], arguments: list[str], said: str
) -> None:
    assert refused(*arguments).endswith(said)


@pytest.mark.parametrize("before", [True, False])
def test_quiet_prints_errors_alone(run: Callable[..., Run], tiny_data: Path, before: bool) -> None:
    def call(option: str, *arguments: object) -> Run:
        return run(option, *arguments) if before else run(*arguments, option)

    assert "mnist-edge: using set" in run("data", "--data", tiny_data).err
    done = call("-q", "data", "--data", tiny_data)
    assert done.out.startswith("set ")
    assert done.err == ""
    assert "nothing there" in call("--quiet", "data", "--data", "nowhere").err


def test_verbose_says_where_an_error_came_from(run: Callable[..., Run], tmp_path: Path) -> None:
    call = ("predict", "x.png", "--model", tmp_path / "nowhere.onnx")
    done = run("-v", *call)
    origin, sentence = done.err.splitlines()
    assert "ModelError in " in origin
    assert "model_file.py, line " in origin
    assert "from FileNotFoundError" in origin
    assert sentence.startswith("mnist-edge: cannot read the model")
    assert len(run(*call).err.splitlines()) == 1


def complete(shell: str, words: str, place: int) -> list[str]:
    environment = os.environ | {
        "_MNIST_EDGE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(place),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    command = [sys.executable, "-m", "mnist_edge"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_commands_and_options() -> None:
    assert complete("bash", "mnist-edge ex", 1) == ["export"]
    assert complete("bash", "mnist-edge export --pre", 2) == ["--precision", "--preprocessing"]
    assert "export" in complete("fish", "mnist-edge ex", 1)


SHIPPED = shipped.names()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("export --precision ", [*shipped.PRECISIONS, "all"]),
        ("export --precision int8-", ["int8-dynamic", "int8-weights"]),
        ("export --precision fp32,fp", ["fp32,fp16"]),
        ("export --target ", ["onnx", "c", "web"]),
        ("export --opset ", ["13", "14", "15", "16", "17", "18"]),
        ("export --scaling ", ["0..1", "0..255", "-1..1", "mean,std", "auto"]),
        ("export --preprocessing ", ["strokes", "resize", "none"]),
        ("export --resize ", ["smooth", "stretch", "crop", "pad"]),
        ("export ", [*SHIPPED, "folder/", "own.keras", "own.onnx"]),
        ("train --recipe ", ["augmented", "article"]),
        ("train --data ", ["sample", "folder/", "rows.csv"]),
        ("predict --model ", [*SHIPPED, "folder/", "own.onnx"]),
        ("predict --model small-f", ["small-fp32"]),
        ("predict --model o", []),  # no name: the shell completes the file
        ("info ", [*SHIPPED, "folder/", "own.onnx"]),
        ("verify small-", ["small-fp32", "small-int8"]),
        ("benchmark ", [*SHIPPED, "folder/", "own.onnx"]),
        ("benchmark --against litert,o", ["litert,onnxruntime", "litert,openvino"]),
        ("benchmark --threads 1,", ["1,all"]),
        ("score --engine ", ["local", "ray"]),
        ("score --format ", ["parquet", "csv", "jsonl"]),
        ("score --on-error ", ["fail", "quarantine"]),
        ("score --prepare ", ["auto", "none", "strokes", "resize"]),
        ("score --address ", ["auto"]),
    ],
)
def test_a_shell_completes_values(
    words: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("own.onnx", "own.keras", "rows.csv", ".hidden.onnx", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert complete("bash", f"mnist-edge {words}", words.count(" ") + 1) == expected


def test_completion_knows_all_recipes_and_baselines() -> None:
    from mnist_edge.benchmark.runtimes import BASELINES
    from mnist_edge.training.recipes import RECIPES

    assert tuple(RECIPES) == completion.RECIPES
    assert BASELINES == completion.BASELINES


def test_an_option_of_fixed_values_has_completion(run: Callable[..., Run]) -> None:
    """Where help shows values as a|b, <TAB> offers one of them."""
    found = 0
    for name in ORDER:
        for option, metavar in re.findall(
            r"^  (--[\w-]+) ([a-z]+(?:\|[a-z]+)+)", run(name, "--help").out, re.MULTILINE
        ):
            found += 1
            values = metavar.split("|")
            assert complete("bash", f"mnist-edge {name} {option} ", 3) == values
    assert found >= 8


def test_completion_loads_no_numpy() -> None:
    code = (
        "import sys\n"
        "from mnist_edge.cli import completion\n"
        "completion.model('')\n"
        "completion.list_of(completion.BASELINES)('')\n"
        "assert 'numpy' not in sys.modules\n"
        "assert 'onnxruntime' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_script_for_a_shell_names_the_command() -> None:
    environment = os.environ | {"_MNIST_EDGE_COMPLETE": "source_bash"}
    command = [sys.executable, "-m", "mnist_edge"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "complete -o default -F _mnist_edge_completion mnist-edge" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "https://example.org/a.png"],
        ["predict", "a.png", "--model", "https://example.org/a.png"],
        ["info", "https://example.org/a.png"],
        ["data", "--data=https://example.org/a.png"],
        ["export", "https://example.org/a.png"],
        ["compare", "https://example.org/a.png", "b.json"],
        ["train", "--out", "https://example.org/a.png"],
    ],
    ids=" ".join,
)
def test_a_url_is_no_path_and_keeps_its_slashes(
    refused: Callable[..., str], arguments: list[str]
) -> None:
    sentence = refused(*arguments)
    assert sentence.endswith(
        "expected a path, received the URL https://example.org/a.png: fetch it first"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["predict", "x.png", "--model", ""],
            "expected the name of a model, received an empty one",
        ),
        (["info", ""], "expected the name of a file or a folder, received an empty one"),
        (["data", "--data", ""], "expected the name of the data (--data), received an empty one"),
        (["benchmark", "--seconds", "x"], "'x' is not a number. Try 'mnist-edge benchmark --help'"),
        (
            ["train", "--epochs", "many"],
            "'many' is not a whole number. Try 'mnist-edge train --help'",
        ),
        (
            ["train", "--epochs", "1.5"],
            "'1.5' is not a whole number. Try 'mnist-edge train --help'",
        ),
        (["export", "--out", ""], "expected a name with --out, received an empty one"),
        (["export", "--labels="], "expected a name with --labels, received an empty one"),
        (["train", "--epochs", "0"], "0 is not from 1 to 10000. Try 'mnist-edge train --help'"),
        (
            ["compress", "a.keras", "--max-loss", "200"],
            "200.0 is not from 0 to 100. Try 'mnist-edge compress --help'",
        ),
        (["predict", "x.png", "--top", "0"], "0 is less than 1. Try 'mnist-edge predict --help'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_names_that_are_empty_and_numbers_that_are_none(
    refused: Callable[..., str], arguments: list[str], said: str
) -> None:
    assert refused(*arguments).endswith(said)
