"""The files of a run: what each is, and which Keras model it was made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_edge.benchmark import foreign
from mnist_edge.errors import ModelError
from mnist_edge.lineage import Finder, near
from mnist_edge.model_spec import ModelSpec, TrainedScaling
from mnist_edge.runtime import model_file
from mnist_edge.runtime.foreign_file import ForeignFile
from mnist_edge.runtime.model_file import ModelFile

KERAS_ENDINGS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True, slots=True)
class Read:
    """A file that is to be measured.

    Attributes:
        path: Where it is.
        file: What it is; None where it cannot be read.
        error: Why it cannot be.
    """

    path: Path
    file: ModelFile | ForeignFile | None
    error: str | None = None

    @property
    def spec(self) -> ModelSpec | None:
        """What it takes and answers; None for a file of others."""
        return self.file.spec if isinstance(self.file, ModelFile) else None

    @property
    def source_sha256(self) -> str | None:
        """The hash of what it was made from, where that is known."""
        return self.file.provenance.source_sha256 if isinstance(self.file, ModelFile) else None

    @property
    def precision(self) -> str:
        """How its weights are stored, as far as the file or its name says."""
        if self.spec is not None:
            return self.spec.precision
        suffixes = self.path.suffixes
        return suffixes[-2].lstrip(".") if self.file is None and len(suffixes) > 1 else ""

    @property
    def limitation(self) -> str | None:
        """Why a file of others cannot be measured."""
        return foreign.limitation(self.file) if isinstance(self.file, ForeignFile) else None


@dataclass(frozen=True, slots=True)
class Network:
    """A Keras model that baselines are made from, and the files that were exported of it.

    Attributes:
        keras_file: The model; None where it was not found.
        exported: Its files among those of the run; those of its name first.
        missing: Why it was not found.
        unsuited: Why there is none, where the files were made from something else.
    """

    keras_file: Path | None
    exported: tuple[Read, ...]
    missing: str | None = None
    unsuited: str | None = None

    @property
    def path(self) -> Path:
        """What it is called in a report."""
        return self.keras_file or self.exported[0].path

    @property
    def spec(self) -> ModelSpec | None:
        """What its files take and answer, where there are any."""
        return self.exported[0].spec if self.exported else None

    @property
    def scaling(self) -> TrainedScaling:
        """What the Keras model takes pixels as."""
        return self.spec.trained_scaling if self.spec else TrainedScaling()

    @property
    def numbers(self) -> int:
        """How many an image becomes on its way through it; 0 where that is not known."""
        file = self.exported[0].file if self.exported else None
        return file.cost.elements if isinstance(file, ModelFile) else 0


def read_all(models: Sequence[Path]) -> list[Read]:
    """Read the files of a run; one that cannot be read has the reason."""
    found = []
    for path in models:
        try:
            found.append(Read(path, model_file.read_any(path)))
        except ModelError as error:
            found.append(Read(path, None, str(error)))
    return found


def of_run(files: Sequence[Read], named: Sequence[Path], shipped: Sequence[Path]) -> list[Network]:
    """Return the networks that a run's baselines are made from.

    Args:
        files: Those of the run.
        named: Keras models that were named. Without any, each exported file's own is looked for by
            its hash, and where no file records one, the shipped ones stand in.
        shipped: Keras models to look at before those beside a file.
    """
    ours = [file for file in files if file.spec is not None]
    finder = Finder()
    if named:
        return [_named(path, ours, named, finder) for path in dict.fromkeys(named)]
    by_source: dict[str, list[Read]] = {}
    for file in ours:
        by_source.setdefault(file.source_sha256 or "", []).append(file)
    without_hash = by_source.pop("", [])
    found = [_found(digest, own, shipped, finder) for digest, own in by_source.items()]
    if without_hash or not found:
        found += [Network(path, tuple(without_hash)) for path in shipped]
    return found


def _named(path: Path, ours: Sequence[Read], named: Sequence[Path], finder: Finder) -> Network:
    """Return the network of a Keras model that was named, with the files that belong to it.

    These are the files that were made from it; without any the files of its name, or all if it is
    the only model.
    """
    own = [file for file in ours if finder.find(file.source_sha256 or "", [path])]
    if not own:
        own = [file for file in ours if len(set(named)) == 1 or _name(file.path) == path.stem]
    return Network(path, _those_of_name_first(own, path))


def _found(digest: str, own: Sequence[Read], shipped: Iterable[Path], finder: Finder) -> Network:
    """Return the network of the files that were made from one model, wherever that is."""
    places = [*shipped, *(path for file in own for path in near(file.path))]
    source = finder.find(digest, places)
    if source is not None and source.suffix.lower() in KERAS_ENDINGS:
        return Network(source, _those_of_name_first(own, source))
    if source is not None:
        unsuited = f"{own[0].path} was made from {source}, which is no Keras model"
        return Network(None, tuple(own), unsuited=unsuited)
    missing = (
        f"it needs the Keras model that {own[0].path} was made from (SHA-256 {digest[:12]}...): "
        "name it with --keras"
    )
    return Network(None, tuple(own), missing=missing)


def _those_of_name_first(files: Iterable[Read], keras_file: Path) -> tuple[Read, ...]:
    return tuple(sorted(files, key=lambda file: _name(file.path) != keras_file.stem))


def _name(path: Path) -> str:
    return path.name.split(".")[0]
