import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mnist_edge import files
from mnist_edge.errors import ModelError, OutputError


@dataclass(frozen=True)
class Wanted:
    sha256: str
    share: float


def test_writes_into_a_new_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    files.write_whole(tmp_path / "new" / "file.bin", b"content")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.bin"]
    assert (tmp_path / "new" / "file.bin").read_bytes() == b"content"


def test_the_last_folder_of_a_path_is_made_and_none_above_it(tmp_path: Path) -> None:
    wanted = rf"there is no {re.escape(str(tmp_path / 'a'))}, and mnist-edge creates only the last"
    with pytest.raises(OutputError, match=wanted):
        files.write_whole(tmp_path / "a" / "b" / "file.bin", b"content")
    with pytest.raises(OutputError, match=wanted):
        files.require_writable(tmp_path / "a" / "b" / "c", "file.bin")
    assert list(tmp_path.iterdir()) == []
    files.require_writable(tmp_path / "a", "file.bin")
    assert (tmp_path / "a").is_dir()


def test_json_has_null_for_what_is_not_finite(tmp_path: Path) -> None:
    files.write_json(
        tmp_path / "a.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": ("x", None)}
    )
    written = json.loads((tmp_path / "a.json").read_text())
    assert written == {"a": None, "b": [None, 1.5], "c": ["x", None]}


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    script = (
        "import sys; from pathlib import Path; from mnist_edge.files import write_whole\n"
        "for i in range(10**6): write_whole(Path(sys.argv[1]), bytes([i % 256]) * 20_000_000)"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    content = path.read_bytes()
    assert len(content) == 20_000_000
    assert len(set(content)) == 1


def test_many_threads_may_write_one_file(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda content: [files.write_whole(tmp_path / "file", content) for _ in range(20)],
                contents,
            )
        )
    assert (tmp_path / "file").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write .*file\.bin: No space left"):
        files.write_whole(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.bin"]
    assert path.read_bytes() == b"old"


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputError, match="cannot write"):
        files.write_whole(tmp_path / "a", b"new")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("place", ["", ".", "/dev/null"])
def test_what_is_no_regular_file_is_not_replaced(place: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no regular file"):
        files.write_whole(Path(place), b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="no regular file"):
        files.require_writable(tmp_path, "folder")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        files.write_whole(tmp_path / "file" / "inside", b"")
    with pytest.raises(OutputError, match="cannot write to the folder"):
        files.require_writable(tmp_path / "file")


def test_what_a_dead_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Not a living one's, nor another machine's, nor a file that only looks alike."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = files.HOST
    left = tmp_path / f".old.keras.{dead.pid}.{host}.0123abcd.tmp"
    kept = [
        tmp_path / f".new.keras.{os.getpid()}.{host}.0123abcd.tmp",
        tmp_path / f".old.keras.{dead.pid}.00000000.0123abcd.tmp",
        tmp_path / f".old.keras.{dead.pid}.{host}.tmp",
        tmp_path / f"old.keras.{dead.pid}.{host}.0123abcd.tmp",
    ]
    for path in (left, *kept):
        path.write_bytes(b"half")
    files.write_whole(tmp_path / "x", b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "x"])


def test_a_run_that_is_killed_leaves_what_the_next_removes(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from mnist_edge.files import write_whole
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_whole(Path({str(tmp_path / "x")!r}), b"whole")
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    files.write_whole(tmp_path / "y", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["y"]


@pytest.fixture(params=["fifo", "socket", "device"])
def special(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """What is no file: to open the first waits for ever, the last has no end."""
    if request.param == "device":
        path = Path("/dev/zero")
        return path if path.exists() else pytest.skip("no /dev/zero here")
    if request.param == "fifo":
        os.mkfifo(tmp_path / "fifo")
        return tmp_path / "fifo"
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    return tmp_path / "socket"


def test_what_is_no_regular_file_is_not_read(special: Path) -> None:
    assert files.is_special(special)
    with pytest.raises(OSError):  # of a socket: no such device
        files.read_regular(special, 10)


def test_files_and_folders_are_nothing_special(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    for name in ("", "file", "link", "broken", "none"):
        assert not files.is_special(tmp_path / name)
    assert files.read_regular(tmp_path / "link", 5) == b"12345"
    for read in (files.read_regular, files.read_named):
        with pytest.raises(OSError, match="more than 4 bytes"):
            read(tmp_path / "file", 4)
    with pytest.raises(OSError, match=r"regular file|directory|denied"):
        files.read_regular(tmp_path, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "nested"),
        (b"[" * 65 + b"]" * 65, "nested more than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested more than 64"),
        (b"[NaN]", "not finite"),
        (b'{"a": 1e999}', "not finite"),
        (b'"\\ud800"', "surrogate pair"),
        (b'{"\\udfff": 1}', "surrogate pair"),
        (b"1" * 5000, "not JSON"),
    ],
    ids=lambda value: repr(value[:9]),
)
def test_json_that_is_none_of_ours(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        files.parse_json(content)


def test_json_that_is_plain() -> None:
    text = '{"a": [1, 2.5, null, true, "\\ud83d\\ude00", {"b": "\u00e9"}]}'
    assert files.parse_json(text.encode()) == {
        "a": [1, 2.5, None, True, "\U0001f600", {"b": "\u00e9"}]
    }
    assert files.parse_json(b"[" * 64 + b"]" * 64)


def test_a_manifest_is_there_or_not(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    assert files.read_manifest_json(path) is None
    assert files.manifest_sha256(path) is None
    files.write_json(files.manifest_path(path), {"sha256": "ab", "bytes": 3})
    assert files.read_manifest_json(path) == {"sha256": "ab", "bytes": 3}
    assert files.manifest_sha256(path) == "ab"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"sha256": null}',
        b'{"sha256": ["ab"]}',
        b"[" * 100_000,
        b"\xff",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_damaged_manifest_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.onnx\.json.*delete it, or make the file anew"):
        files.manifest_sha256(tmp_path / "net.onnx")


def test_a_manifest_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "net.onnx.json")
    with pytest.raises(ModelError, match="no regular file"):
        files.read_manifest_json(tmp_path / "net.onnx")
    (tmp_path / "net.onnx.json").unlink()
    (tmp_path / "net.onnx.json").write_text('{"sha256": "ab"}')
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 8)
    with pytest.raises(ModelError, match="more than 8 bytes"):
        files.read_manifest_json(tmp_path / "net.onnx")


def test_another_containers_file_is_not_a_dead_ones(tmp_path: Path) -> None:
    """Of the same name, with process ids of its own: none of its processes is seen from here."""
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    code = "from mnist_edge import files; print(files.HOST)"
    try:
        done = subprocess.run(
            [*unshare, sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets us make no container")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    theirs = tmp_path / f".x.{dead.pid}.{done.stdout.strip()}.0123abcd.tmp"
    theirs.write_bytes(b"half")
    files.write_whole(tmp_path / "x", b"whole")
    assert theirs.exists()


def test_a_manifest_is_read_as_a_dataclass(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    assert files.read_manifest(path, files.Manifest) is None
    files.write_json(files.manifest_path(path), {"sha256": "ab", "bytes": 3})
    assert files.read_manifest(path, files.Manifest) == files.Manifest("ab")
    with pytest.raises(ModelError, match=r"'share' is missing.*delete it, or make the file anew"):
        files.read_manifest(path, Wanted)
