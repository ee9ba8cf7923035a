"""What is measured: a runtime with a model, and what is timed of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_edge.documents import Positive
from mnist_edge.model_spec import UNIT_PIXELS, InputSpec, TrainedScaling

if TYPE_CHECKING:
    from mnist_edge.runtime.foreign_file import Tensor

MAX_CALL_BYTES = 2 * 2**30
"""A call that may take more is not tried: a small machine would stop at it."""

_NUMBER_BYTES = 4

Images = NDArray[np.generic]
"""One input or several, as an app passes them."""


class Opened(NamedTuple):
    """A model in a runtime: for each batch size the two calls that are timed.

    Attributes:
        read: Given B, a function of images, one or for B > 1 a batch, to the class or classes: all
            that an app does.
        bare: Given B, the engine's call alone, on input that stands ready in the engine's own
            format.
    """

    read: Callable[[int], Callable[[Images], Any]]
    bare: Callable[[int], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Setup:
    """A runtime with a model and a number of threads: what rows of several batch sizes share.

    Attributes:
        runtime: mnist-edge is the Predictor; the others are baselines.
        api: The runtime's call, where it offers several.
        model: Path of the model that is run, or was converted.
        precision: What the weights are stored as.
        threads: Threads a call may use.
    """

    runtime: str
    api: str
    model: str
    precision: str
    threads: Positive

    @property
    def name(self) -> str:
        """The runtime, its API and the precision, such as "keras call fp32"."""
        return " ".join(filter(None, (self.runtime, self.api, self.precision)))

    @property
    def file_name(self) -> str:
        """The model's name without its folder."""
        return Path(self.model).name

    @property
    def network(self) -> str:
        """The network that the model is of: mnist-mlp of mnist-mlp.int8.onnx."""
        return self.file_name.split(".")[0]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model, ready to be opened.

    Attributes:
        setup: What the report's rows of it have in common.
        file: Path of the file that is opened: the model, or what was made of it.
        all_threads: Whether its threads are all that this process may use, so that a runtime's own
            default will do.
        input: What one image is, as an app passes it.
        scaling: What a model that was not exported takes the pixels as.
        feeds: What a file of others takes; empty for all other models.
        fixed_batch: How many images it takes a call; None where that is open.
        numbers: How many an image becomes on its way at most; 0 where that is not known, or the
            runtime itself sees to it that memory is bounded.
    """

    setup: Setup
    file: str
    all_threads: bool
    input: InputSpec = UNIT_PIXELS
    scaling: TrainedScaling = field(default_factory=TrainedScaling)
    feeds: "tuple[Tensor, ...]" = ()
    fixed_batch: int | None = None
    numbers: int = 0

    def limitation(self, batch: int) -> str | None:
        """Return why it is not tried with a batch of this size; None where it is."""
        if self.fixed_batch not in (None, batch):
            return f"batch {batch:,}: the file takes {self.fixed_batch:,}"
        needed = batch * _NUMBER_BYTES * max(self.numbers, self.input.elements)
        if needed > MAX_CALL_BYTES:
            return f"batch {batch:,}: it may take {needed / 2**30:.1f} GiB of memory"
        return None
