"""The names of a model's classes: as asked for, as it records them, or as its data has them."""

from mnist_edge.datasets import Dataset
from mnist_edge.datasets.labels import MAX_NAME
from mnist_edge.errors import OptionError
from mnist_edge.export.inputs import input_of
from mnist_edge.sources.source import Source

Labels = tuple[str, ...]


def known_labels(source: Source, asked: Labels = ()) -> Labels:
    """Return the names of a model's classes without any data; none where nothing names them.

    Args:
        source: The model.
        asked: Names that somebody gives them.

    Raises:
        OptionError: These are not as many as it has classes.
    """
    if asked and len(asked) != source.classes:
        raise OptionError(
            f"expected --labels to name the {source.classes} classes of {source.path}, received "
            f"{len(asked)}"
        )
    return asked or _recorded(source)


def choose_labels(source: Source, asked: Labels, dataset: Dataset | None) -> Labels:
    """Return the names of a model's classes; none for their numbers.

    They are those that were asked for, else those that training has written into the model's file,
    else those of the data set that was named for it.

    Raises:
        OptionError: As ``known_labels``.
    """
    labels = known_labels(source, asked)
    if labels or dataset is None or not dataset.is_named:
        return labels
    fits = dataset.shape == input_of(source).shape and len(dataset.classes) == source.classes
    return dataset.classes if fits else ()


def _recorded(source: Source) -> Labels:
    """Return the names in a model's file, which may hold anything there."""
    found = source.facts.get("labels")
    if not isinstance(found, list) or len(found) != source.classes:
        return ()
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NAME for name in found):
        return ()
    return tuple(found) if len(set(found)) == len(found) else ()
