"""Recipes: everything that decides how a network is trained, as data."""

from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, Literal

from mnist_edge.errors import OptionError
from mnist_edge.training.augment import Distortion


@dataclass(frozen=True, slots=True)
class Pruning:
    """How a trained network goes on with fewer units: taught as before, at a rate that rises and falls anew.

    Attributes:
        widths: Units of each hidden layer that stay. In the network that comes of it, the others are zeros: it keeps
            its shape, and what is exported to be small leaves them out.
        epochs: Passes over the training images.
        learning_rate: The highest.
        weight_decay: As in a recipe.
    """

    widths: tuple[int, ...]
    epochs: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train a network.

    Attributes:
        name: What the command line and the receipts call it.
        widths: Units of each hidden layer.
        epochs: Passes over the training images.
        batch_size: Images a step.
        learning_rate: The optimizer's; with a warm-up, the highest.
        optimizer: "rmsprop" is Keras' at its defaults, at a constant rate; "adamw" is Adam with decoupled weight
            decay, whose rate rises evenly in the warm-up and falls to zero along half a cosine.
        warm_up: Epochs in which the rate rises; adamw's alone, as is the next.
        weight_decay: Share of each kernel (not bias) that a step takes away, times the rate.
        batch_norm: Whether hidden layers are normalised in training; the trained network has it folded in.
        distortion: How images are distorted anew in each epoch, or None.
        sets: Distorted sets of all training images that the epochs go round, each in another order every time; 0 for a
            new one each epoch. They stay in memory, 44 MB each.
        convolutions: Channels of 3x3 convolutions in front of the hidden layers, every other one halving the picture;
            for a teacher alone, since what is exported is made of Dense layers.
        teacher: How the network is trained whose answers this one learns instead of the labels, or None.
        temperature: What the logits of both are divided by in that comparison.
        pruning: What comes after all this, or None.
    """

    name: str
    widths: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Literal["rmsprop", "adamw"] = "rmsprop"
    warm_up: float = 0.0
    weight_decay: float = 0.0
    batch_norm: bool = False
    distortion: Distortion | None = None
    sets: int = 0
    convolutions: tuple[int, ...] = ()
    teacher: "Recipe | None" = None
    temperature: float = 1.0
    pruning: Pruning | None = None

    def __post_init__(self) -> None:
        """Refuses a teacher or a pupil whose logits could not be compared, and a pruning that could not be learnt from.

        Raises:
            OptionError: One of the two has no batch normalisation; there is pruning without a teacher.
        """
        if self.teacher and not (self.batch_norm and self.teacher.batch_norm):
            raise OptionError(f"expected batch_norm in {self.name!r} and in its teacher, whose logits are compared")
        if self.pruning and not self.teacher:
            raise OptionError(f"expected a teacher in {self.name!r}, which is pruned and goes on")

    def lasting(self, epochs: int) -> "Recipe":
        """The same recipe over other epochs, with a teacher and a pruning that take no more of them."""
        teacher = self.teacher and replace(self.teacher, epochs=min(self.teacher.epochs, epochs))
        pruning = self.pruning and replace(self.pruning, epochs=min(self.pruning.epochs, epochs))
        return replace(self, epochs=epochs, teacher=teacher, pruning=pruning)

    def after_pruning(self) -> "Recipe | None":
        """How the network goes on once it is pruned: what ``pruning`` does not name is as before."""
        if self.pruning is None:
            return None
        return replace(self, name="pruned", teacher=None, pruning=None, **asdict(self.pruning))

    def describe(self) -> dict[str, Any]:
        """What receipts say of it: all but what is at its default, so that a receipt outlives new attributes."""
        default = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        told = asdict(self) | {"teacher": self.teacher and self.teacher.describe()}
        return {name: value for name, value in told.items() if name not in default or value != default[name]}


# Keras' own MNIST MLP, RMSprop at its defaults: https://keras.io/api/optimizers/rmsprop/
ARTICLE = Recipe("article", widths=(512, 512), epochs=20, batch_size=128, learning_rate=1e-3)

_DISTORTION = Distortion(
    rotation=6,
    scale=0.06,
    shear=0.06,
    translation=0.6,
    elastic=1.4,
    elastic_sigma=5,
    pens=0.5,
    thinner=0.6,
    thicker=0.8,
    unsharp=0.75,
    blur=0.8,
    european_ones=0.05,
    crossed_sevens=0.05,
)

_TEACHER = Recipe(
    "teacher",
    widths=(128,),
    epochs=24,
    batch_size=128,
    learning_rate=0.004,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=_DISTORTION,
    convolutions=(32, 32, 64, 64),
)

# How it was found: docs/training.md
AUGMENTED = Recipe(
    "augmented",
    widths=(512, 512),
    epochs=24,
    batch_size=256,
    learning_rate=0.007,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=_DISTORTION,
    sets=24,
    teacher=_TEACHER,
    temperature=3.0,
    pruning=Pruning(widths=(384, 160), epochs=360, learning_rate=0.01, weight_decay=0.03),
)

# What a narrower network is fine-tuned by; its teacher is the wide one. How it was found: docs/compression.md
COMPRESSED = Recipe(
    "compressed",
    widths=(128, 64),
    epochs=200,
    batch_size=256,
    learning_rate=0.03,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.01,
    batch_norm=True,
    # A network with less room is better spent on less: turned and bent a third less than for the wide one.
    distortion=replace(_DISTORTION, rotation=4, scale=0.04, shear=0.04, translation=0.4, elastic=1.0),
    sets=12,
)

RECIPES = {recipe.name: recipe for recipe in (AUGMENTED, ARTICLE)}
"""By name, the one that made the shipped network first."""
