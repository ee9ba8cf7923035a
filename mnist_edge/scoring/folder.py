"""The output folder of a run: who may write to it, what is done, and when it is complete.

_manifest.json   written first
part-N.FORMAT    the shards' files
errors/          rows that could not be read
_parts/          a report a shard, written when its file is whole
_SUCCESS         written last, when all are there
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from mnist_edge.documents import from_json
from mnist_edge.errors import MnistEdgeError, OptionError, OutputError, listed
from mnist_edge.files import json_text, make_folder, parse_json
from mnist_edge.scoring.place import Place
from mnist_edge.scoring.schema import Job, RunManifest, Shard, ShardReport
from mnist_edge.scoring.unit import ERRORS, REPORTS, errors_name, file_name, report_name

Mode = Literal["new", "resume", "overwrite"]

MANIFEST = "_manifest.json"
SUCCESS = "_SUCCESS"
LOCK = ".lock"


@contextmanager
def locked(out: Place, shared: bool) -> Iterator[None]:
    """Keep other runs of this machine out of a folder; a process that is killed lets go of it.

    Object stores know no locks: there only the folder's content keeps a second run out.

    Args:
        out: The folder.
        shared: Whether others may work on the same run (--shard).

    Raises:
        OutputError: Another run writes to it, or nothing can be written there.
    """
    if out.local is None:
        yield
        return
    is_new = not out.local.exists()
    had_lock = (out.local / LOCK).exists()
    try:
        make_folder(out.local)
        with (out.local / LOCK).open("ab") as file:
            _lock(file.fileno(), shared, out.local)
            try:
                yield
            finally:
                if is_new and not shared:
                    _remove_if_empty(out.local)
                elif not (had_lock or shared or (out.local / MANIFEST).exists()):
                    _remove_lock(out.local)
    except OSError as error:
        raise OutputError(f"cannot write to {out.text}: {error.strerror or error}") from error


def _lock(descriptor: int, shared: bool, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    in_use = OutputError(
        f"expected a folder that no other run writes to, {folder} is in use: wait for that "
        "run, or name another --out"
    )
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise in_use from None
    if not os.fstat(descriptor).st_nlink:  # the run before has just removed it
        raise in_use


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing but the lock is left."""
    if [path.name for path in folder.iterdir()] == [LOCK]:
        _remove_lock(folder)
        with suppress(OSError):
            folder.rmdir()


def _remove_lock(folder: Path) -> None:
    with suppress(OSError):  # Windows keeps a file that is open
        (folder / LOCK).unlink()


@contextmanager
def begun(out: Place, manifest: RunManifest, mode: Mode, shared: bool) -> Iterator[None]:
    """Claim a folder as ``begin`` does; give it back if the run fails before any part is there.

    So the same call with its mistake mended finds an empty folder again.
    """
    begin(out, manifest, mode, shared)
    try:
        yield
    except MnistEdgeError:
        if mode == "new" and not shared:
            left = [name for name in out.names() if not name.startswith(".")]
            if left == [MANIFEST]:
                out.within(MANIFEST).delete()
        raise


def begin(out: Place, manifest: RunManifest, mode: Mode, shared: bool) -> None:
    """Claim a folder for a run by writing its manifest, or find that it is the same run's.

    Args:
        out: The folder.
        manifest: Of this run.
        mode: What may be there already.
        shared: Whether other processes do other shards of the same run.

    Raises:
        OptionError: What is there is not what ``mode`` expects.
    """
    names = [name for name in out.names() if not name.startswith(".")]
    if names and MANIFEST not in names:
        raise OptionError(
            f"expected an empty folder, {out.text} contains {listed(names[:1])} and is no output "
            "folder of score: name another --out"
        )
    if names and mode == "new" and not shared:
        raise OptionError(
            f"expected an empty folder, {out.text} holds a run: --resume writes what is missing, "
            "--overwrite replaces it"
        )
    if names and mode != "overwrite":
        _require_same(_read_manifest(out), manifest)
        return
    # A folder of old and new parts is not complete.
    out.within(SUCCESS).delete()
    out.within(MANIFEST).write((json_text(manifest) + "\n").encode())


def done(out: Place, job: Job, shards: Sequence[Shard]) -> dict[int, ShardReport]:
    """Return the reports of the shards that are done, by their number."""
    sizes = out.names()
    found = {}
    for shard in shards:
        name = report_name(shard)
        if name not in sizes:
            continue
        report = _read_report(out.within(name))
        if report.run == job.run and sizes.get(file_name(shard, job)) == report.bytes:
            found[shard.number] = report
    return found


def complete(
    out: Place, job: Job, shards: Sequence[Shard], reports: dict[int, ShardReport]
) -> bool:
    """Write _SUCCESS where all shards are done; return whether they are.

    What another run left in the folder, which this one has replaced, is deleted then.
    """
    if len(reports) < len(shards):
        return False
    ours = {MANIFEST, SUCCESS}
    for shard in shards:
        ours |= {file_name(shard, job), report_name(shard)}
        if reports[shard.number].errors:
            ours.add(errors_name(shard))
    for name in out.names():
        if name not in ours and name.startswith(("part-", f"{ERRORS}/part-", f"{REPORTS}/part-")):
            out.within(name).delete()
    if not out.within(SUCCESS).is_file():
        out.within(SUCCESS).write(b"")
    return True


def _read_report(place: Place) -> ShardReport:
    return from_json(ShardReport, parse_json(place.read()))


def _read_manifest(out: Place) -> RunManifest:
    try:
        return from_json(RunManifest, json.loads(out.within(MANIFEST).read()))
    except ValueError as error:
        raise OptionError(
            f"expected the manifest of a run in {out.text}/{MANIFEST}, found {error}: name another "
            "--out"
        ) from error


def _require_same(theirs: RunManifest, ours: RunManifest) -> None:
    if theirs.run == ours.run:
        return
    differences = []
    if theirs.model_sha256 != ours.model_sha256:
        differences.append("another model")
    if theirs.options != ours.options:
        differences.append("other options")
    if theirs.inputs != ours.inputs:
        differences.append("other inputs, or inputs that were changed")
    raise OptionError(
        f"expected the run that was begun in this folder, received {' and '.join(differences)}: "
        "call it as it was called then, or name another --out"
    )
