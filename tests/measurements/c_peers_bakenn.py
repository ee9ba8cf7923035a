"""A Keras network's weights as bakenn's C code; run by c_peers.py in the environment that has it.

Usage: c_peers_bakenn.py WEIGHTS.npz IMAGES.npy FOLDER
"""

import sys

import bakenn
import numpy as np
from bakenn import FloatLinear, FloatMLP, quantize_ptq


def without_constants(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return kernels and biases without hidden units that hardly depend on the input.

    They are added to the biases behind them: bakenn refuses a bias that is huge beside its weights.
    """
    kept = list(arrays)
    for place in range(0, len(kept) - 2, 2):
        kernel, bias, following = kept[place : place + 3]
        largest = np.abs(kernel).max(axis=0)
        used = (largest > 1e-3 * largest.max()) & following.any(axis=1)
        kept[place], kept[place + 1], kept[place + 2] = kernel[:, used], bias[used], following[used]
        kept[place + 3] = kept[place + 3] + np.maximum(bias[~used], 0) @ following[~used]
    return kept


def main(weights_file: str, images_file: str, folder: str) -> None:
    """Quantize and write the code; the images are uint8 (N, pixels), for the ranges."""
    weights = np.load(weights_file)
    arrays = without_constants([weights[name] for name in weights.files])
    count = len(arrays) // 2
    layers = tuple(
        FloatLinear(kernel.T, bias, number < count - 1, f"layer_{number}")
        for number, (kernel, bias) in enumerate(zip(arrays[::2], arrays[1::2], strict=True))
    )
    ranges = np.load(images_file).astype(np.float32) / 255
    graph = quantize_ptq(FloatMLP(layers), ranges, name="network")
    bakenn.compile(graph, folder, model_name="network")


if __name__ == "__main__":
    main(*sys.argv[1:])
