"""Nothing leaves the device: each promise is held to a control in which onnxruntime breaks it."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.conftest import ARTIFACTS

ROOT = ARTIFACTS.parent
SECONDS = 60
"""How long to wait for the control's first look-up; it was seen after 5."""

WATCH = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Notes which host is looked up, and finds none. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int file = open(getenv("LOOK_UPS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    const char *name = host ? host : "(none)";
    if (file >= 0) {
        if (write(file, name, strlen(name)) < 0 || write(file, "\n", 1) < 0) abort();
        close(file);
    }
    (void)service; (void)hints; (void)found;
    return EAI_FAIL;
}
"""

USE = """
import os, sys, time
import numpy as np
def threads():
    return len(os.listdir("/proc/self/task"))
before = threads()
image = np.eye(28, dtype=np.float32)
{use}
print(threads() - before, flush=True)
deadline = time.monotonic() + float(sys.argv[1])
while time.monotonic() < deadline and not os.path.exists(os.environ["LOOK_UPS"]):
    time.sleep(0.1)
"""

OURS = """
from mnist_edge import Predictor
predictor = Predictor()
predictor.predict(image)
predictor.predict_batch(image[None])
predictor.predict_picture("docs/seven.png")
"""

CONTROL = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
onnxruntime.InferenceSession("artifacts/mnist-mlp.fp32.onnx", options)
"""


class Seen(NamedTuple):
    threads: int
    files: list[str]
    look_ups: str


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Seen]:
    """Runs code in a fresh HOME and reports threads, files and look-ups that it left."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("look-ups are watched by a library that a C compiler makes, on Linux")
    library = tmp_path_factory.mktemp("watch") / "watch.so"
    source = library.with_suffix(".c")
    source.write_text(WATCH)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)

    def call(use: str, seconds: float, **variables: str) -> Seen:
        home = tmp_path_factory.mktemp("home")
        look_ups = home.parent / f"{home.name}.look-ups"
        # CI and XDG_CACHE_HOME would hide what a user's machine shows.
        hidden = {"CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        environment = kept | {
            "HOME": str(home),
            "LD_PRELOAD": str(library),
            "LOOK_UPS": str(look_ups),
            **variables,
        }
        command = [sys.executable, "-W", "error", "-c", USE.format(use=use), str(seconds)]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        files = [path.name for path in home.rglob("*") if path.is_file()]
        return Seen(int(done.stdout), files, look_ups.read_text() if look_ups.exists() else "")

    return call


def test_the_runtime_half_sends_nothing_and_keeps_nothing(watch: Callable[..., Seen]) -> None:
    version = tuple(map(int, importlib.metadata.version("onnxruntime").split(".")[:2]))
    if version >= (
        1,
        29,
    ):  # earlier ones have none on Linux, so that there is nothing to hold the promise to
        control = watch(CONTROL, SECONDS, ORT_DISABLE_TELEMETRY="0")
        assert control.threads > 0
        assert "onnxruntime.db" in control.files
        assert "microsoft.com" in control.look_ups
    assert watch(OURS, 15) == Seen(threads=0, files=[], look_ups="")


OPENVINO = """
from mnist_edge.benchmark.measure import Worker
from mnist_edge.benchmark.setup import Candidate
from mnist_edge.benchmark.setup import Setup
file = "artifacts/mnist-mlp.fp32.onnx"
Worker(Candidate(Setup("openvino", "", file, "fp32", 1), file, False)).close()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None,
    reason="where the runtime half is tested alone there is no OpenVINO",
)
def test_openvino_sends_nothing_when_it_is_measured(watch: Callable[..., Seen]) -> None:
    control = watch("import openvino", SECONDS)
    assert "openvino_ga_cid" in control.files
    assert "google-analytics" in control.look_ups
    assert watch(OPENVINO, 5) == Seen(threads=0, files=[], look_ups="")


def in_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-W", "always", "-c", code]
    return subprocess.run(
        command, env=kept | variables, cwd=ROOT, capture_output=True, text=True, check=True
    )


def test_the_users_own_choice_is_kept() -> None:
    code = "import os, mnist_edge; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert in_python(code).stdout == "1\n"
    assert in_python(code, ORT_DISABLE_TELEMETRY="0").stdout == "0\n"


def test_an_app_that_imported_onnxruntime_first_is_warned_once() -> None:
    code = "import onnxruntime; from mnist_edge import Predictor; Predictor(); Predictor('small')"
    assert in_python(code).stderr.count("RuntimeWarning: onnxruntime was imported before") == 1
    assert in_python(code, ORT_DISABLE_TELEMETRY="1").stderr == ""
    assert in_python(code, ORT_DISABLE_TELEMETRY="0").stderr == ""
