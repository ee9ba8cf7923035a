"""What a model takes of a data set, so that pictures and tables are read as it needs them."""

from dataclasses import dataclass, replace
from typing import Self

from mnist_edge.model_spec import InputSpec, ModelSpec, Resize


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What a model takes.

    Attributes:
        input: One input, as apps pass it: pixels where it has a range, else features.
        classes: How many classes it has; None for any number.
        labels: Their names in the order of its answers, where these are known.
        resize: How pictures get its size; None where nothing says it.
        feature_names: The names of its features, in its order, where these are known.
    """

    input: InputSpec
    classes: int | None = None
    labels: tuple[str, ...] = ()
    resize: Resize | None = None
    feature_names: tuple[str, ...] = ()

    @classmethod
    def by(cls, spec: ModelSpec) -> Self:
        """Return what an exported file takes."""
        return cls(spec.input, len(spec.labels), spec.labels, spec.resize, spec.feature_names)

    @property
    def takes_pixels(self) -> bool:
        """Whether its inputs are pictures."""
        return self.input.range is not None

    def of_any_classes(self) -> Self:
        """Return the same of a model with any classes."""
        return replace(self, classes=None, labels=())
