"""How the command ends: interrupted, terminated, without a home, with little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ARTIFACTS

ROOT = ARTIFACTS.parent
SMALL = str(ARTIFACTS / "mnist-mlp-small.keras")
PICTURE = str(ROOT / "docs" / "seven.png")

AT_IMPORT = """
import os, signal, sys
# Whoever started the tests in the background may have had SIGINT ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Interrupter())
sys.argv = ["mnist-edge", *{arguments!r}]
from mnist_edge.__main__ import run
run()
"""

# Stops itself after two epochs, as if from outside.
IN_TRAINING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from contextlib import contextmanager
from mnist_edge.cli.render import progress
@contextmanager
def epoch_bar():
    def on_epoch(_stage, history):
        if history.epochs == 2:
            os.kill(os.getpid(), signal.{signal})
    yield on_epoch
progress.epoch_bar = epoch_bar
sys.argv = ["mnist-edge", *{arguments!r}]
from mnist_edge.__main__ import run
run()
"""


def in_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typing", ["--help"]),
        ("typer", ["--help"]),
        ("numpy", ["predict", PICTURE]),
        ("numpy._core._multiarray_umath", ["predict", PICTURE]),
        ("onnxruntime.capi._pybind_state", ["predict", PICTURE]),
        ("PIL.Image", ["predict", PICTURE]),
        ("tensorflow.python.framework", ["export", SMALL]),
        ("keras.src.layers", ["train", "--epochs", "1", "--data", "sample"]),
    ],
)
def test_a_stop_while_something_is_imported(
    module: str, arguments: list[str], name: str, code: int, tmp_path: Path
) -> None:
    if arguments[0] in ("export", "train"):
        place = {
            "export": ["--out-dir", str(tmp_path)],
            "train": ["--out", str(tmp_path / "x.keras")],
        }
        arguments = [*arguments, *place[arguments[0]]]
    done = in_python(AT_IMPORT.format(module=module, arguments=arguments, signal=name))
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_training_that_is_stopped_goes_on_afterwards(
    name: str, code: int, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.keras"
    arguments = ["train", "--recipe", "article", "--epochs", "4", "--out", str(out)]
    arguments += ["--data", str(tiny_data)]
    stopped = in_python(IN_TRAINING.format(signal=name, arguments=arguments))
    assert stopped.returncode == code, stopped.stderr
    assert "the same command goes on" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.keras.checkpoint"]
    done = in_python(
        f"import sys; sys.argv[1:] = {arguments!r}\nfrom mnist_edge.__main__ import run; run()"
    )
    assert done.returncode == 0, done.stderr
    history = json.loads(out.with_name("x.keras.json").read_text())["history"]
    assert len(history["loss"]) == 4
    assert not out.with_name("x.keras.checkpoint").exists()


IN_A_PREDICTION = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["mnist-edge", "predict", {picture!r}]
from mnist_edge import Predictor
def stop():
    os.kill(os.getpid(), signal.{signal})
def predict_picture(*_, **__):
{body}
Predictor.predict_picture = predict_picture
from mnist_edge.__main__ import run
run()
"""

SAVES = """
    try:
        stop()
    finally:
        stop()  # the same press once more
        print("saved", flush=True)
"""

DOES_NOT_END = """
    try:
        stop()
    finally:
        while True:
            time.sleep(0.1)
            stop()
"""

COMES_OUT_AS_ANOTHER_ERROR = """
    try:
        stop()
    except KeyboardInterrupt:
        raise SystemError("error return without exception set") from None
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize(
    ("body", "printed"),
    [(SAVES, "saved\n"), (DOES_NOT_END, ""), (COMES_OUT_AS_ANOTHER_ERROR, "")],
    ids=["saves", "does not end", "another error"],
)
def test_a_stop_at_work(body: str, printed: str, name: str, code: int) -> None:
    """One press, however often it arrives, lets the state be saved; a later one ends at once."""
    done = in_python(IN_A_PREDICTION.format(picture=PICTURE, signal=name, body=body))
    assert (done.returncode, done.stdout, done.stderr) == (code, printed, "")


def test_without_a_home_directory(tmp_path: Path) -> None:
    """Neither HOME nor an entry in the list of users, as in many containers."""
    code = f"""
import os, pwd, sys
def unknown(_): raise KeyError("uid not found")
pwd.getpwuid = unknown
os.chdir({str(tmp_path)!r})
from mnist_edge.__main__ import run
run()
"""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    out = ["--out-dir", str(tmp_path / "out")]
    for arguments, expected in (
        (["predict", PICTURE], 0),
        (["info"], 0),
        (["data"], 0),
        (["export", SMALL, "--precision", "fp32", "--data", "sample", *out], 0),
        (["export", "--target", "web", "--model", str(ARTIFACTS / "mnist-mlp.int8.onnx")], 2),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == expected, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "~").exists()
    assert "set HOME or XDG_CACHE_HOME" in done.stderr


@pytest.mark.parametrize(
    ("mebibytes", "arguments", "sentence"),
    [
        (
            1000,
            ["export", SMALL],
            "TensorFlow needs 2,500 MiB of address space, but this process may use 1,000 MiB",
        ),
        (
            100,
            ["predict", PICTURE],
            "numpy needs 150 MiB of address space, but this process may use 100 MiB",
        ),
        (165, ["predict", PICTURE], "memory"),
        (200, ["predict", PICTURE], "memory"),
    ],
)
def test_with_little_address_space(mebibytes: int, arguments: list[str], sentence: str) -> None:
    pytest.importorskip("resource", reason="this system has no limits of memory")
    code = f"""
import resource, sys
sys.argv[1:] = {arguments!r}
resource.setrlimit(resource.RLIMIT_AS, ({mebibytes} * 2**20, resource.RLIM_INFINITY))
from mnist_edge.__main__ import run
run()
"""
    done = in_python(code, OPENBLAS_NUM_THREADS="1")  # it takes address space for each core
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("mnist-edge: ")
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr


def test_a_package_that_cannot_be_loaded_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cause, not the page of advice that numpy puts in front of it."""
    from mnist_edge import Predictor, cli

    def damaged(*_: object, **__: object) -> None:
        try:
            raise ImportError("libquadmath.so: cannot open shared object file")
        except ImportError as error:
            raise ImportError("\n\nIMPORTANT: PLEASE READ THIS\n\n") from error

    monkeypatch.setattr(Predictor, "predict_picture", damaged)
    with pytest.raises(SystemExit) as end:
        cli.main(["predict", PICTURE])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "mnist-edge: expected packages that load, and the memory for it, "
        "received: libquadmath.so: cannot open shared object file\n"
    )


def test_too_little_memory_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mnist_edge import Predictor, cli

    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Predictor, "predict_picture", exhausted)
    with pytest.raises(SystemExit) as end:
        cli.main(["predict", PICTURE])
    assert end.value.code == 2
    assert "expected more memory" in capsys.readouterr().err


def test_who_ignores_interrupts_goes_on_ignoring_them() -> None:
    code = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.argv[1:] = ["predict", "docs/seven.png"]
from mnist_edge import Predictor
read = Predictor.predict_picture
def interrupted(*arguments, **options):
    signal.raise_signal(signal.SIGINT)
    return read(*arguments, **options)
Predictor.predict_picture = interrupted
from mnist_edge.__main__ import run
run()
"""
    done = in_python(code)
    assert done.returncode == 0
    assert done.stdout.startswith("7 ")
