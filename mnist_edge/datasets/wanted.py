"""What a model takes of a data set, so that pictures and tables are read as it needs them."""

from dataclasses import dataclass, replace
from typing import Literal

from mnist_edge.errors import OptionError, shown
from mnist_edge.model_spec import InputSpec

Resize = Literal["stretch", "crop", "pad"]
"""How a picture of other proportions gets a model's size: ``stretch`` changes its proportions,
``crop`` cuts off what is too much, ``pad`` adds black."""

RESIZES: tuple[Resize, ...] = ("stretch", "crop", "pad")


def as_resize(text: str) -> Resize:
    """Return an option's text as one of ``RESIZES``.

    Raises:
        OptionError: It is none of them.
    """
    for how in RESIZES:
        if text == how:
            return how
    raise OptionError(f"expected --resize as {', '.join(RESIZES)}, received {shown(text)}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model takes.

    Attributes:
        input: One input, as apps pass it: pixels where it has a range, else features.
        classes: How many classes it has; None for any number.
        labels: Their names in the order of its answers, where these are known.
    """

    input: InputSpec
    classes: int | None = None
    labels: tuple[str, ...] = ()

    @property
    def takes_pixels(self) -> bool:
        """Whether its inputs are pictures."""
        return self.input.range is not None

    def of_any_classes(self) -> "Wanted":
        """Return the same of a model with any classes."""
        return replace(self, classes=None, labels=())
