"""Recipes: everything that decides how a network is trained, as data.

A recipe is a list of stages, and ``stages.run`` goes through them from the first to the last. Each
makes one network; a later stage may learn from it, or start from its weights.
"""

from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, Literal

from mnist_edge.errors import OptionError
from mnist_edge.model_spec import are_digits
from mnist_edge.training.augment import Distortion

LABELS = "labels"
"""What a stage learns from that has no teacher."""

WIDE = "wide"
"""The trained network that ``compress`` is given: stages refer to it as to one before them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One network and its training.

    Attributes:
        name: What later stages, progress bars and checkpoints call it.
        widths: Units of each hidden layer.
        epochs: Passes over the training images.
        batch_size: Images a step.
        learning_rate: The optimizer's; with a warm-up, the highest.
        optimizer: "rmsprop" is Keras' at its defaults, at a constant rate; "adamw" is Adam with
            decoupled weight decay, whose rate rises evenly in the warm-up and falls to zero along
            half a cosine.
        warm_up: Epochs in which the rate rises; adamw's alone, as is the next.
        weight_decay: Share of each kernel (not bias) that a step takes away, times the rate.
        batch_norm: Whether hidden layers are normalised in training; folded in at the end.
        distortion: How images are distorted anew in each epoch, or None.
        drawn: Share of an epoch's images that are drawn digits (``drawing``), added to the training
            images.
        outliers: Share of them that are no digit; their target is the uniform distribution, which
            takes the place of a teacher's answer.
        backgrounds: Share of all images that get a background (``backgrounds.py``).
        sets: Distorted sets of all training images that the epochs go round, each in another order
            every time; 0 for a new one each epoch. They stay in memory: 43 MB each for MNIST, more
            by the share of drawings.
        convolutions: Channels of 3x3 convolutions in front of the hidden layers, every other one
            halving the picture; for teachers alone, since what is exported is made of Dense layers.
        starts_from: The stage whose network, pruned to ``widths``, is where this one starts; None
            for new weights.
        learns_from: "labels", or the stage whose network's answers are learnt instead of them.
        temperature: What the logits of student and teacher are divided by to compare them.
        padded: Whether the network gets back the shape of the one it was pruned from, with units of
            zeros; what is exported to be small leaves them out again.
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
    drawn: float = 0.0
    outliers: float = 0.0
    backgrounds: float = 0.0
    sets: int = 0
    convolutions: tuple[int, ...] = ()
    starts_from: str | None = None
    learns_from: str = LABELS
    temperature: float = 1.0
    padded: bool = False

    def __post_init__(self) -> None:
        """Refuse shares that there could not be.

        Raises:
            OptionError: One is negative, or more than half of the images would be drawn.
        """
        shares = (self.drawn, self.outliers, self.backgrounds)
        are_shares = all(0 <= share <= 1 for share in shares)
        if not are_shares or self.drawn + self.outliers > 0.5:
            raise OptionError(
                f"expected shares from 0 to 1 in {self.name!r}, and at most half of the images "
                f"drawn, received {shares}"
            )

    def describe(self) -> dict[str, Any]:
        """Return all settings but those at their default, so that a manifest outlives new ones."""
        described = {}
        settings = asdict(self)
        for field in fields(self):
            value = settings[field.name]
            if field.default is MISSING or value != field.default:
                described[field.name] = value
        return described


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train a network.

    Attributes:
        name: What the command line and the manifests call it.
        stages: In the order in which they are trained; the last one's network is the result.
    """

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Refuse stages that do not fit together.

        Raises:
            OptionError: A stage refers to none before it, two have one name, or a student's logits
                and its teacher's could not be compared.
        """
        known: dict[str, Stage | None] = {LABELS: None, WIDE: None}
        for stage in self.stages:
            if stage.name in known:
                raise OptionError(f"expected a name for each stage, received {stage.name!r} twice")
            for other in (stage.starts_from or LABELS, stage.learns_from):
                if other not in known:
                    raise OptionError(
                        f"expected a stage before {stage.name!r} that is called {other!r}"
                    )
            teacher = known[stage.learns_from]
            if stage.learns_from != LABELS and not (
                stage.batch_norm and (teacher is None or teacher.batch_norm)
            ):
                raise OptionError(
                    f"expected batch_norm in {stage.name!r} and in its teacher, whose logits are "
                    "compared"
                )
            if stage.outliers and stage.learns_from == LABELS:
                raise OptionError(
                    f"expected a teacher in {stage.name!r}, whose outliers have no label"
                )
            if stage.padded and not stage.starts_from:
                raise OptionError(
                    f"expected a stage that {stage.name!r}, which is padded, starts from"
                )
            known[stage.name] = stage

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each hidden layer in the last stage."""
        return self.stages[-1].widths

    @property
    def needs_wide(self) -> bool:
        """Whether a stage refers to a network that is given."""
        return any(WIDE in (stage.starts_from, stage.learns_from) for stage in self.stages)

    def chain(self) -> tuple[Stage, ...]:
        """Return the stages that the resulting network goes through: no teacher is among them."""
        by_name = {stage.name: stage for stage in self.stages}
        chain = [self.stages[-1]]
        while chain[0].starts_from in by_name:
            chain.insert(0, by_name[chain[0].starts_from])
        return tuple(chain)

    def with_epochs(self, epochs: int) -> "Recipe":
        """Return the recipe with other epochs in its network's first stage, and no other longer."""
        first = self.chain()[0]
        stages = []
        for stage in self.stages:
            own = epochs if stage == first else min(stage.epochs, epochs)
            stages.append(replace(stage, epochs=own))
        return replace(self, stages=tuple(stages))

    def with_widths(self, widths: tuple[int, ...]) -> "Recipe":
        """Return the recipe with other widths in its last stage."""
        *before, last = self.stages
        return replace(self, stages=(*before, replace(last, widths=widths)))

    def for_classes(self, labels: tuple[str, ...]) -> "Recipe":
        """Return the recipe as it is for classes of these names.

        Pens, European strokes, drawn digits and outliers make sense for digits only; backgrounds
        were tried on digits only.
        """
        if are_digits(labels):
            return self
        stages = []
        for stage in self.stages:
            found = stage.distortion and replace(
                stage.distortion, pens=0, european_ones=0, crossed_sevens=0
            )
            others = replace(stage, distortion=found, drawn=0, outliers=0, backgrounds=0)
            stages.append(others)
        return replace(self, stages=tuple(stages))

    def describe(self) -> dict[str, Any]:
        """Return what manifests record of it."""
        return {"name": self.name, "stages": [stage.describe() for stage in self.stages]}


# Keras' own MNIST MLP, RMSprop at its defaults: https://keras.io/api/optimizers/rmsprop/
ARTICLE = Recipe(
    "article",
    (Stage("network", widths=(512, 512), epochs=20, batch_size=128, learning_rate=1e-3),),
)

DISTORTION = Distortion(
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
"""How the shipped network's digits are distorted."""

DRAWN = 0.12
"""A larger share read a few more of other people's digits, and as many fewer of MNIST's."""

OUTLIERS = 0.025
"""With .02 the network rejects 75 % of printed letters, with .05 96 %; more costs clean digits."""

BACKGROUNDS = 0.015
"""More than this gained a point on corrupted digits, and cost more on clean ones."""

# How these three were found: docs/research/training.md. The teacher sees no outliers and no
# backgrounds: it answers each digit before a background is added.
_TEACHER = Stage(
    "teacher",
    widths=(128,),
    epochs=16,
    batch_size=128,
    learning_rate=0.004,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=DISTORTION,
    drawn=DRAWN,
    convolutions=(48, 48, 96, 96),
)

_STUDENT = Stage(
    "student",
    widths=(512, 512),
    epochs=18,
    batch_size=256,
    learning_rate=0.007,
    optimizer="adamw",
    warm_up=1,
    weight_decay=0.05,
    batch_norm=True,
    distortion=DISTORTION,
    drawn=DRAWN,
    outliers=OUTLIERS,
    backgrounds=BACKGROUNDS,
    sets=40,  # 2 GB; with 18 the network memorized them
    learns_from="teacher",
    temperature=3.0,
)

# An epoch takes less than half as long with these units, so that there can be many more.
_PRUNED = replace(
    _STUDENT,
    name="pruned",
    widths=(384, 160),
    epochs=440,
    learning_rate=0.01,
    weight_decay=0.03,
    starts_from="student",
    padded=True,
)

AUGMENTED = Recipe("augmented", (_TEACHER, _STUDENT, _PRUNED))

# What a narrower network is fine-tuned by. How it was found: docs/compression.md
COMPRESSED = Recipe(
    "compressed",
    (
        Stage(
            "narrow",
            widths=(128, 64),
            epochs=400,
            batch_size=256,
            learning_rate=0.03,
            optimizer="adamw",
            warm_up=1,
            weight_decay=0.01,
            batch_norm=True,
            # A network with less room is better spent on less: a third less than for the wide one.
            distortion=replace(
                DISTORTION,
                rotation=4,
                scale=0.04,
                shear=0.04,
                translation=0.4,
                elastic=1.0,
            ),
            # The wide network's answers carry most of what these teach.
            drawn=DRAWN / 2,
            outliers=OUTLIERS / 2,
            backgrounds=BACKGROUNDS / 2,
            sets=32,
            starts_from=WIDE,
            learns_from=WIDE,
        ),
    ),
)

RECIPES = {recipe.name: recipe for recipe in (AUGMENTED, ARTICLE)}
"""By name, the one that made the shipped network first."""
