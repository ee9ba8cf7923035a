"""Files, folders and URLs -> sources, each of one kind, in the order in which they were named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_edge.errors import DataError, OptionError, pattern_hint, shown
from mnist_edge.model_spec import ModelSpec
from mnist_edge.scoring.kinds import KNOWN, WITH_COLUMNS, is_hidden, kind_of
from mnist_edge.scoring.place import Place
from mnist_edge.scoring.schema import Kind, Source

if TYPE_CHECKING:
    import pyarrow.fs


@dataclass(frozen=True, slots=True)
class Input:
    """A source, and of pictures their paths within it: an empty one where it is a picture."""

    source: Source
    files: tuple[str, ...] = ()


def find_inputs(named: Sequence[str]) -> list[Input]:
    """Return the sources that are named, or lie in folders that are.

    Those of a folder come in the order of their paths, its pictures as one source after them;
    there .csv files are labels, and are passed over.

    Args:
        named: Paths and URLs.

    Raises:
        DataError: Nothing is there, nothing that can be read, or one thing twice.
        OptionError: No path and no URL.
    """
    found: list[Input] = []
    for text in named:
        place = Place(text)
        found += _in_folder(place) if place.is_folder() else [_file(place)]
    places = [one.source.place for one in found]
    for place_text in places:
        if places.count(place_text) > 1:
            raise DataError(f"expected each input once, {place_text} is there twice: name it once")
    return found


def require_columns(found: Sequence[Input], column: str | None) -> None:
    """Refuse the name of a column where no input has the images in one.

    Raises:
        OptionError: There is a name, and no such input.
    """
    if column is None or any(one.source.kind in WITH_COLUMNS for one in found):
        return
    place = found[0].source.place
    raise OptionError(
        "expected --column with Parquet, Arrow, .npz or .tar files, which hold the images in one "
        f"of several columns, received {shown(column)} with {place}: omit it"
    )


def require_rows(found: Sequence[Input], spec: ModelSpec, model: str) -> None:
    """Refuse pictures for a model that takes features.

    Raises:
        OptionError: There are some.
    """
    if spec.input.range is not None:
        return
    for one in found:
        if one.source.kind in ("pictures", "tar"):
            raise OptionError(
                f"expected rows of features, which {model} takes, received pictures "
                f"({one.source.place}): name a table or an array"
            )


def unchecked_order(found: Sequence[Input], spec: ModelSpec, model: str) -> tuple[str, ...]:
    """Return a sentence where a model has no names to check a table's columns by."""
    tables = [one for one in found if one.source.kind in ("csv", "parquet", "arrow")]
    if not tables or not spec.input.is_row or spec.feature_names:
        return ()
    return (
        f"{model} stores no names of features, so columns are read in their order, and a first "
        "line of numbers as a row: export it with a table as --data to have them checked",
    )


def _file(place: Place) -> Input:
    info = place.info()
    if not info.is_file:
        hint = pattern_hint(place.text)
        raise DataError(f"expected an input file or folder, found none at {place.text}{hint}")
    kind = kind_of(place.path)
    if kind is None:
        raise DataError(f"expected {KNOWN}, received a file with another ending: {place.text}")
    return Input(_source(place.text, kind, [info]), ("",) if kind == "pictures" else ())


def _in_folder(place: Place) -> list[Input]:
    root = place.path.rstrip("/") + "/"
    found = []
    pictures = []
    for info in place.files():
        name = info.path.removeprefix(root)
        kind = None if is_hidden(name) else kind_of(name)
        if kind == "pictures":
            pictures.append(info)
        elif kind is not None:
            found.append(Input(_source(place.within(name).text, kind, [info])))
    if pictures:
        # A table beside pictures describes them: labels.csv, metadata.csv.
        found = [one for one in found if one.source.kind != "csv"]
        names = tuple(info.path.removeprefix(root) for info in pictures)
        found.append(Input(_source(place.text, "pictures", pictures), names))
    if not found:
        raise DataError(f"expected {KNOWN} in the folder {shown(place.text)}, found none there")
    return found


def _source(text: str, kind: Kind, infos: "list[pyarrow.fs.FileInfo]") -> Source:
    size = sum(info.size for info in infos)
    modified = max((info.mtime_ns or 0) for info in infos)
    return Source(text, kind, size, modified)
