"""A Keras network's weights as bakenn's C code; run by c_peers.py in the environment that has it.

Usage: c_peers_bakenn.py WEIGHTS.npz IMAGES.npy FOLDER
"""

import sys

import bakenn
import numpy as np
from bakenn import FloatLinear, FloatMLP, quantize_ptq


def main(weights_file: str, images_file: str, folder: str) -> None:
    """Quantize and write the code; the images are uint8 (N, pixels), for the ranges."""
    weights = np.load(weights_file)
    arrays = [weights[name] for name in weights.files]
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
