"""An epoch of ours beside Keras' fit, numpy and PyTorch: make training-speed.

Its table stands in docs/training.md. The same network and images, Adam, batches of 128 and 256, in
one run: each way in turn, ROUNDS times round, after an epoch of each to warm up. "Accuracy" is that
on the validation images after all epochs of that way.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.training.augment import distort
from mnist_edge.training.fit import evaluate
from mnist_edge.training.network import build
from mnist_edge.training.optimizer import make_optimizer, make_train_epoch
from mnist_edge.training.recipes import DISTORTION, Stage

ROUNDS = 5
RATE = 1e-3

Digits = tuple[np.ndarray, np.ndarray]
Epoch = Callable[[], object]
Accuracy = Callable[[Digits], float]


def keras_fit(train: Digits, batch: int, **options: object) -> tuple[Epoch, Accuracy]:
    """Train by model.fit on arrays, with ``options`` of compile."""
    model = build((512, 512), seed=0)
    adam = keras.optimizers.Adam(RATE)
    loss = "sparse_categorical_crossentropy"
    model.compile(adam, loss, metrics=["accuracy"], **options)
    images = train[0].astype(np.float32) / 255
    epoch = partial(model.fit, images, train[1], batch_size=batch, verbose=0)
    return epoch, partial(keras_accuracy, model)


def keras_accuracy(model: keras.Model, digits: Digits) -> float:
    return evaluate(model, *digits)[1]


def ours(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """Train by our epoch with the fused optimizer, at a constant rate."""
    model = build((512, 512), seed=0)
    stage = Stage("ours", (512, 512), 10**6, batch, RATE, optimizer="adamw")
    images, labels = train
    no_teacher = np.empty((len(labels), 0), np.float16)
    optimizer = make_optimizer(stage, model.trainable_variables, -(-len(labels) // batch))
    train_epoch = make_train_epoch(model, optimizer, batch)

    def epoch() -> float:
        order = np.random.permutation(len(labels))
        return float(train_epoch(images[order], labels[order], no_teacher)[0])

    return epoch, partial(keras_accuracy, model)


def plain_numpy(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """Train by the network and Adam written out in numpy."""
    weights = [weight.copy() for weight in build((512, 512), seed=0).get_weights()]
    means, squares = ([np.zeros_like(weight) for weight in weights] for _ in range(2))
    steps = 0

    def forward(pixels: np.ndarray) -> list[np.ndarray]:
        activations = [pixels]
        for layer in range(3):
            kernel, bias = weights[2 * layer : 2 * layer + 2]
            activations.append(activations[-1] @ kernel + bias)
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
                root = np.sqrt(squares[number]) + np.float32(1e-7)
                weights[number] -= rate * means[number] / root

    def epoch() -> None:
        order = np.random.permutation(len(train[0]))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            step(train[0][chosen].astype(np.float32) / np.float32(255), train[1][chosen])

    def accuracy(digits: Digits) -> float:
        answers = forward(digits[0].astype(np.float32) / 255)[-1]
        return float((answers.argmax(axis=1) == digits[1]).mean())

    return epoch, accuracy


def pytorch(train: Digits, batch: int) -> tuple[Epoch, Accuracy]:
    """Train by a plain PyTorch loop."""
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 512),
        torch.nn.ReLU(),
        torch.nn.Linear(512, 512),
        torch.nn.ReLU(),
        torch.nn.Linear(512, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    images, labels = torch.from_numpy(train[0]).float() / 255, torch.from_numpy(train[1]).long()

    def epoch() -> None:
        order = torch.randperm(len(images))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            optimizer.zero_grad()
            answers = model(images[chosen])
            torch.nn.functional.cross_entropy(answers, labels[chosen]).backward()
            optimizer.step()

    def accuracy(digits: Digits) -> float:
        with torch.no_grad():
            taken = model(torch.from_numpy(digits[0]).float() / 255).argmax(dim=1)
        return float((taken.numpy() == digits[1]).mean())

    return epoch, accuracy


def table(train: Digits, validation: Digits, batch: int) -> None:
    """Measure all ways at one batch size and print them in Markdown."""
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
        times = f"{np.median(mine):.2f} | {np.median(ratios):.2f}"
        limits = f"{ratios.min():.2f}, {ratios.max():.2f}"
        sys.stdout.write(f"| {name} | {times} | {limits} | {accuracy(validation):.2%} |\n")
        sys.stdout.flush()
    if "PyTorch" not in ways:
        sys.stdout.write("| PyTorch | not installed here | | | |\n")


def main() -> None:
    """Print a table a batch size, and what the distortion of an epoch costs."""
    digits = datasets.find()
    images = digits.train_images.reshape(-1, 784)
    labels = digits.train_labels.astype(np.int32)
    for batch in (128, 256):
        table((images[:-5000], labels[:-5000]), (images[-5000:], labels[-5000:]), batch)
    start = time.process_time()
    distort(digits.train_images, digits.train_labels, DISTORTION, np.random.default_rng(0))
    seconds = time.process_time() - start
    sys.stdout.write(f"\ndistortion of {len(images):,} images: {seconds:.2f} s of one core\n")


if __name__ == "__main__":
    main()
