"""Recipes: everything that decides how a network is trained, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train a network.

    Attributes:
        name: What the command line and the receipts call it.
        widths: Units of each hidden layer.
        epochs: Passes over the training images.
        batch_size: Images a step.
        learning_rate: RMSprop's.
    """

    name: str
    widths: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float


# Keras' own MNIST MLP, RMSprop at its defaults: https://keras.io/api/optimizers/rmsprop/
ARTICLE = Recipe("article", widths=(512, 512), epochs=20, batch_size=128, learning_rate=1e-3)

RECIPES = {recipe.name: recipe for recipe in (ARTICLE,)}
