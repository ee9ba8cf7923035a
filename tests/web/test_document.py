"""The page as text, around an engine that is none."""

import base64
import gzip
import hashlib
import json
import re
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_edge.documents import to_json
from mnist_edge.errors import ModelError, OutputError
from mnist_edge.model_spec import InputSpec
from mnist_edge.runtime import model_file
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.web import engine, page
from tests import models
from tests.conftest import ARTIFACTS, Run

INT8 = ARTIFACTS / "mnist-mlp.int8.onnx"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda *_: engine.Engine(b"export default 1", b"\0asm"))


def block(text: str, identity: str) -> str:
    found = re.search(rf'<script [^>]*id="{identity}">(.*?)</script>', text, re.DOTALL)
    assert found
    return found[1]


def changed_metadata(path: Path, changes: dict[str, str]) -> bytes:
    """Return a file's bytes with other metadata."""
    import onnx

    from mnist_edge.export.metadata import with_metadata

    model = onnx.load(path)
    facts = {entry.key: entry.value for entry in model.metadata_props[:-1]}
    return with_metadata(model, facts | changes)


def test_everything_is_inside() -> None:
    text = page.render(model_file.read(INT8), engine.find())
    for identity, content in {
        "model": INT8.read_bytes(),
        "engine-script": b"export default 1",
        "engine-wasm": b"\0asm",
    }.items():
        assert gzip.decompress(base64.b64decode(block(text, identity))) == content
    assert not re.search(
        r"""(src|href)\s*=|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|https?:""", text
    )
    facts = json.loads(block(text, "facts"))
    model = model_file.read(INT8)
    calibration = Calibration.read(model.metadata, model.origin)
    assert facts["pixels"] is True
    assert facts["temperature"] == calibration.temperature
    assert facts["reject_below"] == calibration.reject_below
    accuracy = f"{model.provenance.accuracy:.2%}"
    assert f"; {accuracy} accurate on 10,000 test images of MNIST." in text


def test_the_policy_admits_the_pages_own_style_and_script_and_no_other() -> None:
    text = page.render(model_file.read(INT8), engine.find())
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    for directive, kind in (
        ("style-src", "<style>(.*?)</style>"),
        ("script-src", '<script type="module">(.*?)</script>'),
    ):
        [content] = re.findall(kind, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy
    assert " 'unsafe-eval'" not in policy


def test_text_in_a_model_is_text_in_the_page(tiny_onnx: Path) -> None:
    changed = changed_metadata(tiny_onnx, {"precision": "</script><b>", "data": "<i>mine</i>"})
    text = page.render(model_file.read(changed), engine.find())
    assert "<b>" not in text
    assert "<i>" not in text
    assert json.loads(block(text, "facts"))["precision"] == "</script><b>"


def test_a_model_that_was_not_verified_says_so(tiny_precisions: list[bytes]) -> None:
    assert "; not verified." in page.render(model_file.read(tiny_precisions[0]), engine.find())


def test_it_is_written_once(tmp_path: Path) -> None:
    out = tmp_path / "new" / "digits.html"
    first = page.write(None, out)
    assert (first.status, first.bytes) == ("written", out.stat().st_size)
    before = out.stat().st_mtime_ns
    assert page.write(None, out).status == "unchanged"
    assert out.stat().st_mtime_ns == before
    assert page.write("small", out).status == "written"
    assert [path.name for path in out.parent.iterdir()] == ["digits.html"]


@pytest.mark.parametrize("out", ["page", "page.onnx", "folder.html"])
def test_pages_that_cannot_be_written(tmp_path: Path, out: str) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match=r"\.html"):
        page.write(None, tmp_path / out)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write to the folder"):
        page.write(None, tmp_path / "file" / "page.html")


def test_another_page_is_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "index.html"
    mine.write_text("<title>my own site</title>")
    with pytest.raises(OutputError, match="a new file or a page of mnist-edge"):
        page.write(None, mine)
    assert mine.read_text() == "<title>my own site</title>"
    mine.write_text("")  # as mktemp leaves it
    assert page.write(None, mine).status == "written"


@pytest.mark.parametrize(
    "wrong", [{"accuracy": "lots"}, {"accuracy": "nan"}, {"images": "x"}, {"images": "0"}]
)
def test_metadata_that_makes_no_sense(tiny_onnx: Path, wrong: dict[str, str]) -> None:
    changed = changed_metadata(tiny_onnx, wrong)
    with pytest.raises(ModelError, match="expected metadata that makes sense"):
        page.render(model_file.read(changed), engine.find())


@pytest.mark.parametrize("content", [b"no model", b""])
def test_models_without_our_contract(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError):
        page.write(str(tmp_path / "model.onnx"), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_model_of_features_takes_no_pictures(refused: Callable[..., str], tmp_path: Path) -> None:
    path = models.write(models.linear(models.FEATURES), tmp_path / "iris.onnx")
    out = tmp_path / "page.html"
    for command in (("demo", "--model", path), ("export", path, "--target", "web")):
        sentence = refused(*command, "--out", out)
        assert "expected a model that takes images" in sentence
        assert "of shape [4] (preprocessing=none)" in sentence
    assert not out.exists()


@pytest.mark.parametrize(
    "spec",
    [
        InputSpec((784,)),
        InputSpec((16, 16, 2)),
        InputSpec((4, 16, 16, 3)),
        InputSpec((32, 32, 3), "float32", None),
    ],
    ids=["a row", "two channels", "four axes", "no range"],
)
def test_inputs_that_no_picture_is_stretched_to(spec: InputSpec, tmp_path: Path) -> None:
    path = models.write(models.linear(spec, preprocessing="resize"), tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="expected a model that takes images"):
        page.write(str(path), tmp_path / "page.html")


def test_the_page_knows_labels_and_shape(tmp_path: Path) -> None:
    hostile = ("</script><b>", "$about", "dog")
    model = models.linear(models.RAW_COLOUR, hostile, (3072,), preprocessing="resize")
    text = page.render(model_file.read(model), engine.find())
    facts = json.loads(block(text, "facts"))
    assert facts["labels"] == list(hostile)
    assert (facts["image_shape"], facts["shape"]) == ([32, 32, 3], [3072])
    assert (facts["preprocessing"], facts["pixels"]) == ("resize", True)
    assert "<b>" not in text
    assert "<h1>Show a picture</h1>" in text


def test_only_pages_of_pictures_hold_what_stretches_them() -> None:
    own = page.render(model_file.read(INT8), engine.find())
    model = models.linear(models.COLOUR, preprocessing="resize")
    other = page.render(model_file.read(model), engine.find())
    assert ("const whole" in own, "const whole" in other) == (False, True)


def test_export_target_web(run: Callable[..., Run], tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    made = run("export", INT8, "--target", "web", "--out", out, "--json").json
    assert made["schema"] == "mnist-edge/page/1"
    assert (made["path"], made["status"], made["engine"]) == (str(out), "written", engine.PACKAGE)
    assert made["model"]["path"] == str(INT8)
    assert made["model"]["sha256"] == hashlib.sha256(INT8.read_bytes()).hexdigest()
    assert "unchanged" in run("export", INT8, "--target", "web", "--out", out).out


def test_a_keras_file_is_exported_first(
    run: Callable[..., Run], tiny_keras: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.html"
    arguments = (
        "export",
        tiny_keras,
        "--target",
        "web",
        "--precision",
        "fp32",
        "--no-verify",
        "--out",
        out,
    )
    assert run(*arguments, "--json").json["model"]["precision"] == "fp32"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_options_of_earlier_versions(
    run: Callable[..., Run], tiny_keras: Path, tmp_path: Path
) -> None:
    page_of = ("export", "--target", "web", "--model", "small", "--out", tmp_path / "page.html")
    assert run(*page_of).code == 0
    files_of = (
        "export",
        tiny_keras,
        "--out-dir",
        tmp_path,
        "--precision",
        "fp32",
        "--no-verify",
        "--keep-silent",
    )
    assert run(*files_of).code == 0
    assert (tmp_path / "tiny.fp32.onnx").exists()
    assert not {"--out-dir", "--model", "--keep-silent"} & set(run("export", "--help").out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "webb"], "expected --target onnx, c or web, received 'webb'"),
        (
            ["small", "--target", "web", "--opset", "17"],
            "expected a .keras or .h5 file with --precision, --opset",
        ),
        (
            ["--target", "web", "--precision", "int8"],
            "received the shipped model, which is exported already",
        ),
        (
            ["nothing.onnx", "--target", "web", "--out", "page.html"],
            "cannot read the model nothing.onnx",
        ),
        (["small", "--out", "page.html"], "received page.html, the name of a file"),
        (
            ["--target", "web", "--out", "page.txt"],
            "expected a page to end in .html, received page.txt",
        ),
    ],
)
def test_wrong_calls_of_export(
    refused: Callable[..., str], arguments: list[str], message: str
) -> None:
    assert message in refused("export", *arguments)


def test_demo_opens_the_page(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        webbrowser, "open", lambda address: bool(opened.append(address)) or len(opened) == 1
    )
    out = tmp_path / "page.html"
    assert run("demo", "--out", out).err == ""
    assert opened == [out.as_uri()]
    assert "no browser could be started" in run("demo", "--out", out).err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "expected --serve PORT with --host"),
        (["--serve", "70000"], "70000 is not from 0 to 65535"),
        (["--serve", "0", "--host", "nowhere.invalid"], "received 'nowhere.invalid' and 0"),
    ],
)
def test_wrong_calls_of_demo(
    refused: Callable[..., str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    assert message in refused("demo", "--out", tmp_path / "page.html", *arguments)


def test_the_page_knows_what_is_described(tiny_onnx: Path) -> None:
    facts = page.describe(model_file.read(tiny_onnx))
    assert facts.pixels is False
    text = page.render(model_file.read(tiny_onnx), engine.find())
    assert json.loads(block(text, "facts")) == to_json(facts)
