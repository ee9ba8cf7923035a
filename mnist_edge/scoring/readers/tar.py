"""WebDataset's tars: files of one name but for the ending are one row, and follow each other.

Format: https://github.com/webdataset/webdataset
"""

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mnist_edge.runtime.preprocess.pillow import MAX_BYTES
from mnist_edge.scoring.kinds import PICTURES
from mnist_edge.scoring.place import Place, reason
from mnist_edge.scoring.readers.pictures import AT_A_TIME
from mnist_edge.scoring.readers.piece import Piece, Want, lost
from mnist_edge.scoring.schema import Shard

KEY = "key"

_Sample = dict[str, bytes]
"""The files of a row by their ending, without the dot; its name as KEY."""


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the rows of a tar, as many as it has."""
    first = 0
    some: list[_Sample] = []
    keep = want.keep
    with Place(shard.source).open() as file:
        try:
            for sample in _samples(file, want):
                if keep == ("*",):
                    keep = tuple(name for name in sample if not _is_picture(name, want))
                some.append(sample)
                if len(some) == AT_A_TIME:
                    yield _piece(some, first, keep, want)
                    first += len(some)
                    some = []
        except (OSError, EOFError, tarfile.TarError) as error:
            why = f"the rest of the tar is damaged: {reason(error)}"
            if some:
                yield _piece(some, first, keep, want)
            yield lost(first + len(some), 1, why)
            return
    if some:
        yield _piece(some, first, keep, want)


def _samples(file: Any, want: Want) -> Iterator[_Sample]:
    sample: _Sample = {}
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all of them
            if not member.isfile() or PurePosixPath(member.name).name.startswith("."):
                continue
            key, ending = _split(member.name)
            if sample and sample[KEY] != key.encode():
                yield sample
                sample = {}
            sample[KEY] = key.encode()
            if _is_picture(ending, want) or want.keeps_all or ending in want.keep:
                opened = archive.extractfile(member)
                sample[ending] = opened.read(MAX_BYTES + 1) if opened else b""
    if sample:
        yield sample


def _split(name: str) -> tuple[str, str]:
    """Return a row's name and a file's ending: all from the first dot of its own name on."""
    folder, slash, own = name.rpartition("/")
    start, _, ending = own.partition(".")
    return f"{folder}{slash}{start}", ending.lower()


def _is_picture(ending: str, want: Want) -> bool:
    return ending == want.column or (want.column is None and f".{ending}" in PICTURES)


def _piece(samples: list[_Sample], first: int, keep: tuple[str, ...], want: Want) -> Piece:
    import pyarrow

    pictures: list[bytes | None] = []
    faults = {}
    for number, sample in enumerate(samples):
        found = [content for name, content in sample.items() if _is_picture(name, want)]
        pictures.append(found[0] if len(found) == 1 else None)
        if len(found) != 1:
            name = sample[KEY].decode(errors="replace")
            faults[number] = f"expected one picture of {name}, found {len(found)}"
    kept = {}
    for name in dict.fromkeys([KEY, *keep]):
        texts = [sample.get(name, b"").decode(errors="replace") for sample in samples]
        kept[name] = pyarrow.array(texts, pyarrow.string())
    return Piece(first, len(samples), pictures, kept, faults)
