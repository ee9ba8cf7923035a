"""What the layers of a network take, on calibration images: how far it goes together."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize.rounding import Moments

_WINDOWS = 16
"""Of an image, on the average, that a convolution's moments are taken from: there is no need for
all of them, and those of many images say more."""

Limits = tuple[np.float32, np.float32]


class LayerMoments:
    """The moments of the inputs of each layer, a batch of images at a time.

    Attributes:
        of: For the name of the output of the first of layers that are alike one, or one for each
            group of a convolution.
    """

    def __init__(self, graph: Graph, alike: Sequence[Sequence[Node]]) -> None:
        """Start without values.

        Args:
            graph: The float graph.
            alike: Those of its nodes that have weights; those of the same weights together, whose
                inputs are taken as those of one.
        """
        self._alike = alike
        layers = [node for group in alike for node in group]
        self._kernels = {node.output: graph.constants[node.inputs[1]].shape for node in layers}
        self.of: dict[str, list[Moments]] = {}

    def add(self, values: Mapping[str, NDArray[np.floating]], limits: Mapping[str, Limits]) -> None:
        """Take in what layers take for more images.

        Args:
            values: Of each layer's input.
            limits: The range in which it is stored as uint8.
        """
        for alike in self._alike:
            for node in alike:
                name = node.inputs[0]
                steps = in_256_steps(values[name], *limits[name])
                rows = steps[:, None] if node.operator == "Gemm" else self._windows(node, steps)
                found = self.of.setdefault(
                    alike[0].output, [Moments(rows.shape[2]) for _ in range(rows.shape[1])]
                )
                for group, moments in enumerate(found):
                    moments.add(rows[:, group])

    def _windows(self, node: Node, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return some of what a convolution's kernels are laid on.

        Args:
            node: The convolution.
            image: (N, channels, ...).

        Returns:
            (M, groups, K), in the order of a kernel with the channels last.
        """
        kernel = self._kernels[node.output][2:]
        rank = len(kernel)
        pads = node.attributes.get("pads", [0] * (2 * rank))
        around = [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)]
        strides = node.attributes.get("strides", [1] * rank)
        dilations = node.attributes.get("dilations", [1] * rank)
        spans = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
        axes = range(2, 2 + rank)
        windows = sliding_window_view(np.pad(image, around), spans, axis=tuple(axes))
        strided = [slice(None, None, stride) for stride in strides]
        dilated = [slice(None, None, step) for step in dilations]
        windows = windows[:, :, *strided, *dilated]
        # (N, ..., channels, kernel...)
        windows = np.moveaxis(windows, 1, 1 + rank)
        positions = windows.shape[: 1 + rank]
        every = max(1, math.prod(positions[1:]) // _WINDOWS) | 1
        chosen = np.unravel_index(np.arange(0, math.prod(positions), every), positions)
        rows = windows[chosen]
        groups = node.attributes.get("group", 1)
        split = rows.reshape(len(rows), groups, -1, *kernel)
        return np.moveaxis(split, 2, -1).reshape(len(rows), groups, -1)


def in_256_steps(
    values: NDArray[np.floating], low: np.float32, high: np.float32
) -> NDArray[np.float64]:
    """Return values as the number of steps, from zero, that they are stored as."""
    step = (float(high) - float(low)) / 255
    steps: NDArray[np.float64] = np.rint(np.clip(values.astype(np.float64), low, high) / step)
    return steps
