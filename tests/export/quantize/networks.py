"""Small float graphs of random weights, as the export makes them clean."""

from typing import Self

import numpy as np
import onnx
import onnxruntime as ort

from mnist_edge.export.metadata import parse, serialized
from mnist_edge.export.passes import graph as graphs
from mnist_edge.export.passes.examine import examine
from mnist_edge.export.passes.graph import Graph, Node
from mnist_edge.export.quantize.rewriting import names, rewritten
from mnist_edge.model_spec import InputSpec

CLASSES = 5


class Network:
    """A graph that grows at its end, which is called ``last``."""

    def __init__(self, *shape: int) -> None:
        self.graph = Graph(17, "image", shape, "", [], {})
        self.last = "image"
        self._rng = np.random.default_rng(0)

    @property
    def shape(self) -> tuple[int, ...]:
        return examine(self.graph).shapes[self.last][1:]

    def add(self, operator: str, *inputs: object, **attributes: object) -> Self:
        """Inputs behind the first are names of tensors or constants."""
        named = [
            value if isinstance(value, str) else self.graph.constant(value, np.asarray(value).dtype)
            for value in inputs
        ]
        name = f"layer_{len(self.graph.nodes)}.{operator.lower()}"
        self.graph.nodes.append(Node(operator, [self.last, *named], [name], attributes, name))
        self.last = self.graph.output = name
        return self

    def convolution(self, filters: int, *kernel: int, group: int = 1, **attributes: object) -> Self:
        weight = self.random(filters, self.shape[0] // group, *kernel)
        return self.add("Conv", weight, self.random(filters), group=group, **attributes)

    def dense(self, units: int) -> Self:
        weight = self.random(self.shape[-1], units)
        return self.add("MatMul", weight).add("Add", self.random(units))

    def flat(self) -> Self:
        return self.add("Reshape", np.array([-1, int(np.prod(self.shape))], np.int64))

    def random(self, *shape: int) -> np.ndarray:
        return self._rng.normal(0, 0.3, shape).astype(np.float32)

    def model(self) -> onnx.ModelProto:
        """The network with its last layer and its softmax."""
        if len(self.shape) > 1:
            self.flat()
        self.dense(CLASSES).add("Softmax")
        self.graph.replace(self.last, "probabilities")
        self.graph.nodes[-1].outputs = ["probabilities"]
        self.graph.output = "probabilities"
        names.name_new(self.graph)
        made = graphs.write(self.graph, "small", (CLASSES,), 8)
        onnx.checker.check_model(made, full_check=True)
        return made


def pixels_of(spec: InputSpec, count: int = 200) -> np.ndarray:
    """Made images, uint8 (count, elements): noise of several strengths, around several greys."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (count, spec.elements)) * rng.uniform(20, 90, (count, 1))
    return np.clip(noise + rng.uniform(40, 200, (count, 1)), 0, 255).astype(np.uint8)


def as_unit(pixels: np.ndarray) -> np.ndarray:
    return np.divide(pixels, 255, dtype=np.float32)


def scores(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    """What the last softmax takes."""
    cut = parse(serialized(model))
    name = cut.graph.node[-1].input[0]
    cut.graph.output.append(onnx.ValueInfoProto(name=name))
    session = ort.InferenceSession(serialized(cut), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    (found,) = session.run([name], {"image": images.reshape(len(images), *given.shape[1:])})
    return found


def error(received: np.ndarray, expected: np.ndarray) -> float:
    """The difference as a share of how far the expected scores spread."""
    return float(np.sqrt(np.square(received - expected).mean()) / expected.std())


def require_unchanged(network: Network) -> Graph:
    """What ``rewritten`` makes of a network, which must answer as before."""
    exact = network.model()
    changed = rewritten(exact)
    spec = InputSpec(network.graph.input_shape)
    images = as_unit(pixels_of(spec, 20))
    expected = scores(exact, images)
    received = scores(graphs.write(changed, "small", (CLASSES,), 8), images)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    return changed


def operators(graph: Graph) -> str:
    return " ".join(node.operator for node in graph.nodes)
