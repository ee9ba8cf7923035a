"""An epoch of ours beside Keras' fit, numpy and PyTorch: make training-speed. Its table stands in docs/training.md.

The same network and images, Adam, batches of 128 and 256, in one run: each way in turn, ROUNDS times round, after an
epoch of each to warm up. "Accuracy" is that on the validation images after all epochs of that way.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.training.augment import distort
from mnist_edge.training.fit import evaluate
from mnist_edge.training.network import build
from mnist_edge.training.optimizer import epoch_function, optimizer_of
from mnist_edge.training.recipes import AUGMENTED

ROUNDS = 5
RATE = 1e-3

Digits = tuple[np.ndarray, np.ndarray]
Epoch = Callable[[], object]
Accuracy = Callable[[Digits], float]


def keras_fit(train: Digits, batch: int, **options: object) -> tuple[Epoch, Accuracy]:
    """model.fit on arrays, with ``options`` of compile."""
    model = build((512, 512), seed=0)
    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    images, labels = train[0].astype(np.float32) / 255, train[1]
    return partial(model.fit, images, labels, batch_size=batch, verbose=0), partial(keras_accuracy, model)


def keras_accuracy(model: keras.Model, digits: Digits) -> float:
    return evaluate(model, *digits)[1]


def ours(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """The epoch function with the fused optimizer, at a constant rate."""
    model = build((512, 512), seed=0)
    recipe = replace(
        AUGMENTED, epochs=10**6, learning_rate=RATE, warm_up=0, weight_decay=0, batch_norm=False, batch_size=batch
    )
    nobody = np.empty((len(train[0]), 0), np.float16)
    optimizer = optimizer_of(recipe, model.trainable_variables, -(-len(train[0]) // batch))
    run = epoch_function(model, optimizer, batch)

    def epoch() -> float:
        order = np.random.permutation(len(train[0]))
        return float(run(train[0][order], train[1][order], nobody)[0])

    return epoch, partial(keras_accuracy, model)


def plain_numpy(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """The network and Adam written out."""
    weights = [weight.copy() for weight in build((512, 512), seed=0).get_weights()]
    means, squares = ([np.zeros_like(weight) for weight in weights] for _ in range(2))
    steps = 0

    def forward(pixels: np.ndarray) -> list[np.ndarray]:
        activations = [pixels]
        for layer in range(3):
            activations.append(activations[-1] @ weights[2 * layer] + weights[2 * layer + 1])
            if layer < 2:
                np.maximum(activations[-1], 0, out=activations[-1])
        return activations

    def step(pixels: np.ndarray, digits: np.ndarray) -> None:
        nonlocal steps
        steps += 1
        activations = forward(pixels)
        error = np.exp(activations[-1] - activations[-1].max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(digits)), digits] -= 1
        error /= np.float32(len(digits))
        rate = np.float32(RATE * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps))
        for layer in (2, 1, 0):
            gradients = activations[layer].T @ error, error.sum(axis=0)
            if layer:
                error = (error @ weights[2 * layer].T) * (activations[layer] > 0)
            for number, gradient in zip((2 * layer, 2 * layer + 1), gradients, strict=True):
                means[number] += np.float32(0.1) * (gradient - means[number])
                squares[number] += np.float32(0.001) * (gradient * gradient - squares[number])
                weights[number] -= rate * means[number] / (np.sqrt(squares[number]) + np.float32(1e-7))

    def epoch() -> None:
        order = np.random.permutation(len(train[0]))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            step(train[0][chosen].astype(np.float32) / np.float32(255), train[1][chosen])

    def accuracy(digits: Digits) -> float:
        return float((forward(digits[0].astype(np.float32) / 255)[-1].argmax(axis=1) == digits[1]).mean())

    return epoch, accuracy


def pytorch(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """A plain PyTorch loop."""
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    images, labels = torch.from_numpy(train[0]).float() / 255, torch.from_numpy(train[1]).long()

    def epoch() -> None:
        order = torch.randperm(len(images))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()

    def accuracy(digits: Digits) -> float:
        with torch.no_grad():
            taken = model(torch.from_numpy(digits[0]).float() / 255).argmax(dim=1)
        return float((taken.numpy() == digits[1]).mean())

    return epoch, accuracy


def table(train: Digits, validation: Digits, batch: int) -> None:
    """Measures all ways at one batch size and prints them in Markdown."""
    ways = {
        "model.fit, defaults": keras_fit(train, batch),
        "model.fit, steps_per_execution=50": keras_fit(train, batch, steps_per_execution=50),
        "model.fit, jit_compile": keras_fit(train, batch, jit_compile=True),
        "mnist-edge": ours(train, batch),
        "numpy": plain_numpy(train, batch),
    }
    if importlib.util.find_spec("torch"):
        ways["PyTorch"] = pytorch(train, batch)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, (epoch, _) in ways.items():
            start = time.perf_counter()
            epoch()
            seconds[name].append(time.perf_counter() - start)
    baseline = np.array(seconds["model.fit, defaults"][1:])
    sys.stdout.write(f"\n| batch {batch} | s an epoch | times as fast | from, to | accuracy |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    for name, (_, accuracy) in ways.items():
        mine = np.array(seconds[name][1:])
        ratios = baseline / mine  # round by round, so that the machine's drift falls out
        row = f"{np.median(mine):.2f} | {np.median(ratios):.2f} | {ratios.min():.2f}, {ratios.max():.2f}"
        sys.stdout.write(f"| {name} | {row} | {accuracy(validation):.2%} |\n")
        sys.stdout.flush()
    if "PyTorch" not in ways:
        sys.stdout.write("| PyTorch | not installed here | | | |\n")


def main() -> None:
    """Prints a table a batch size, and what the distortion of an epoch costs."""
    digits = datasets.find()
    images, labels = digits.train_images.reshape(-1, 784), digits.train_labels.astype(np.int32)
    for batch in (128, 256):
        table((images[:-5000], labels[:-5000]), (images[-5000:], labels[-5000:]), batch)
    assert AUGMENTED.distortion
    start = time.process_time()
    distort(digits.train_images, digits.train_labels, AUGMENTED.distortion, np.random.default_rng(0))
    sys.stdout.write(f"\ndistortion of {len(images):,} images: {time.process_time() - start:.2f} s of one core\n")


if __name__ == "__main__":
    main()
