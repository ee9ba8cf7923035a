"""Forks, the end of the process, and threads that nobody asked for: each in its own process."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_edge

RUNTIME = Path(mnist_edge.__file__).parent / "runtime"

BLAS = {
    "dot",
    "vdot",
    "inner",
    "matmul",
    "tensordot",
    "linalg",
    "convolve",
    "correlate",
    "cov",
    "polyfit",
}

# A PNG rather than an array alone: Pillow is imported, and takes logging's lock, at its first use.
START = """
import io, os, sys, threading, time
import numpy as np
from PIL import Image
from mnist_edge import Predictor
image = np.zeros((28, 28), np.uint8)
image[4:24, 13:15] = 255
page = np.full((240, 200), 220, np.uint8)
page[40:200, 90:110] = 30
page[:, 150:] //= 2
file = io.BytesIO()
Image.fromarray(page).save(file, "PNG")
png = file.getvalue()
del sys.modules["PIL.PngImagePlugin"]
predictor = Predictor("small")
"""


def run(code: str, *options: str) -> None:
    """Run what must end well and print nothing; the limit is there for what hangs."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", sorted(RUNTIME.rglob("*.py")), ids=lambda path: path.name)
def test_no_product_goes_through_blas(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.MatMult)
        assert not (isinstance(node, ast.Attribute) and node.attr in BLAS)
        # einsum has loops of its own, unless it is asked to optimize.
        assert not (isinstance(node, ast.keyword) and node.arg == "optimize")


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="threads are listed on Linux alone"
)
def test_no_thread_is_started_and_none_of_numpys_is_woken() -> None:
    run(f"""{START}
def switches():
    found = {{}}
    for task in set(os.listdir("/proc/self/task")) - {{str(os.getpid())}}:
        with open(f"/proc/self/task/{{task}}/status") as file:
            lines = file.read().splitlines()
        found[task] = [line for line in lines if "ctxt_switches" in line]
    return found

def settled():
    # Threads that were started or woken spin for a while; a switch counts once they sleep again.
    before = switches()
    quiet = time.monotonic()
    while time.monotonic() - quiet < 0.5:
        time.sleep(0.05)
        if switches() != before:
            before = switches()
            quiet = time.monotonic()
    return before

def woken(work):
    before = settled()
    work()
    return settled() != before

def read():
    for size in (240, 1500):
        large = np.asarray(Image.fromarray(page).resize((size, size)))
        predictor.predict_picture(large)
    predictor.predict_picture(png)
    predictor.predict(image)
    predictor.predict_batch(np.stack([image] * 2000))

assert not woken(read)
if switches():  # numpy's BLAS has threads here, and this is how they would show
    assert woken(lambda: np.ones((600, 600)) @ np.ones((600, 600)))
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("threads", [1, 2])
def test_every_child_answers_while_threads_read(threads: int) -> None:
    run(
        f"""{START}
expected = predictor.predict(image).digit, predictor.predict_picture(page).digit
predictor = Predictor("small", threads={threads})

def read(kind):
    while True:
        if kind == 0:
            predictor.predict(image)
        elif kind == 1:
            predictor.predict_batch(np.stack([image] * 50))
        else:
            predictor.predict_picture(png)

for number in range(6):
    threading.Thread(target=read, args=(number % 3,), daemon=True).start()
for number in range(100):
    child = os.fork()
    if child == 0:
        digits = predictor.predict_batch(np.stack([image] * 300)).digits
        received = predictor.predict(image).digit, predictor.predict_picture(png).digit
        os._exit(0 if received == expected and (digits == expected[0]).all() else 1)
    assert os.waitpid(child, 0)[1] == 0, number
os._exit(0)
""",
        "-X",
        "faulthandler",
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_every_child_answers_while_threads_open_models() -> None:
    """At the first use, in parent and child, modules are imported and sessions opened."""
    run(f"""{START}
def read(kind):
    while True:
        if kind:
            Predictor("small").predict(image)
        else:
            predictor.predict_picture(png)

for number in range(4):
    threading.Thread(target=read, args=(number % 2,), daemon=True).start()
for number in range(30):
    child = os.fork()
    if child == 0:
        received = Predictor("small").predict(image).digit, predictor.predict_picture(png).digit
        sys.exit(0 if received == (1, 1) else 1)
    assert os.waitpid(child, 0)[1] == 0, number
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("use", ["predictor.predict(image)", "predictor.close()", "pass"])
def test_no_child_destroys_the_session_of_its_parent(threads: int, use: str) -> None:
    """That takes the arena's lock, which a thread of the parent may have held at the fork."""
    run(f"""{START}
import gc, weakref
predictor = Predictor("small", threads={threads})
session = weakref.ref(predictor._session)
child = os.fork()
if child == 0:
    {use}
    del predictor
    gc.collect()
    sys.exit(session() is None)
assert os.waitpid(child, 0)[1] == 0
del predictor
assert session() is None
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("threads", [1, 2])
def test_no_child_destroys_what_only_a_thread_of_its_parent_holds(threads: int) -> None:
    """Python drops what is local to a thread before a child may do anything."""
    run(f"""{START}
import weakref
from concurrent.futures import ThreadPoolExecutor
local = threading.local()

def open_model():
    local.predictor = Predictor("small", threads={threads})
    return weakref.ref(local.predictor._session)

pool = ThreadPoolExecutor(1)
session = pool.submit(open_model).result()
child = os.fork()
if child == 0:
    sys.exit(session() is None or Predictor("small").predict(image).digit != 1)
assert os.waitpid(child, 0)[1] == 0
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_no_child_destroys_a_session_that_was_refused() -> None:
    """It has threads, and an error that somebody keeps refers to it."""
    run(f"""{START}
from mnist_edge import ModelError
from mnist_edge.runtime import session

def refuse(session, model):
    raise ModelError("refused")

kept = []
session._require_contract, accept = refuse, session._require_contract
try:
    Predictor("small", threads=2)
except ModelError as error:
    kept.append(error)
session._require_contract = accept
child = os.fork()
if child == 0:
    kept.clear()
    sys.exit(Predictor("small").predict(image).digit != 1)
assert os.waitpid(child, 0)[1] == 0
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_reads_a_number_while_a_thread_loads_what_does() -> None:
    """A module that a thread is importing stays locked in a child."""
    run(f"""{START}
begun = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "mnist_edge.runtime.number":
            begun.set()
            time.sleep(1)

sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=predictor.predict_number, args=(png,))
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    sys.exit(predictor.predict_number(png).text != "1")
assert os.waitpid(child, 0)[1] == 0
thread.join()
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize(
    "call",
    [
        "predictor.predict(image)",
        "predictor.predict_batch(images)",
        "predictor.predict_picture(png)",
        "Predictor('small')",
    ],
)
def test_the_process_ends_well_while_daemon_threads_read(call: str) -> None:
    """Twenty times: each child comes to Python's own end, with six threads in the engine."""
    run(f"""{START}
import time
images = np.stack([image] * 50)

def read():
    while True:
        {call}

for number in range(20):
    child = os.fork()
    if child == 0:
        for _ in range(6):
            threading.Thread(target=read, daemon=True).start()
        time.sleep(0.1 + 0.001 * number)
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0, number
""")


def test_a_daemon_thread_that_is_joined_at_exit_ends() -> None:
    """It neither waits nor prints a traceback; the thread that ends the process still reads."""
    run("""
import atexit, threading
threads = []

def last():  # registered first, called last
    for thread in threads:
        thread.join()
    assert predictor.predict(image).digit == 1

atexit.register(last)
import numpy as np
from mnist_edge import Predictor
image = np.zeros((28, 28), np.uint8)
image[4:24, 13:15] = 255
predictor = Predictor("small")

def read():
    while True:
        predictor.predict(image)

for _ in range(3):
    threads.append(threading.Thread(target=read, daemon=True))
    threads[-1].start()
""")
