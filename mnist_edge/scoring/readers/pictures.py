"""Picture files: a row each, with its path."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from mnist_edge.errors import DataError
from mnist_edge.runtime.preprocess.pillow import MAX_BYTES
from mnist_edge.scoring.place import Place, reading
from mnist_edge.scoring.readers.columns import missing
from mnist_edge.scoring.readers.piece import Piece, Want, steps
from mnist_edge.scoring.schema import Shard

PATH = "path"

AT_A_TIME = 64
"""Pictures of a piece: a few megabytes each, as cameras make them."""


def read(shard: Shard, want: Want) -> Iterator[Piece]:
    """Return the pictures of a shard."""
    import pyarrow

    for name in want.keep:
        if name not in ("*", PATH):
            raise missing(name, [PATH], shard.source, "--keep")
    folder = Place(shard.source)
    for start, rows in steps(len(shard.files), AT_A_TIME):
        files = shard.files[start : start + rows]
        pictures: list[bytes | None] = []
        faults = {}
        for number, name in enumerate(files):
            try:
                pictures.append(content_of(folder.within(name) if name else folder))
            except DataError as error:
                pictures.append(None)
                faults[number] = str(error)
        names = [name or PurePosixPath(folder.path).name for name in files]
        kept = {PATH: pyarrow.array(names, pyarrow.string())}
        yield Piece(shard.start + start, rows, pictures, kept, faults)


def content_of(place: Place) -> bytes:
    """Return a picture's bytes, and one byte too many of one that is too large."""
    with place.open() as file, reading(place.text):
        return bytes(file.read(MAX_BYTES + 1))
