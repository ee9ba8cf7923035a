"""Activations: found in the arithmetic that converters write, and written as engines want them."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from mnist_edge.export.passes.examine import OPEN, examine
from mnist_edge.export.passes.graph import BROADCAST, Graph, Node, Shape

GELU = "Gelu"
"""The exact GELU. ONNX has it from opset 20 on: it is written out at the end."""

_ROOT = math.sqrt(2)

_MANY = 2**40
"""Stands for the number of images: no axis of a tensor is as long."""


def find_gelu(graph: Graph) -> bool:
    """Find x * (1 + Erf(x / sqrt(2))) / 2, in whatever order its factors stand."""
    changed = False
    for node in list(graph.nodes):
        number, factors = _product(graph, node)
        if len(factors) != 2 or not math.isclose(number, 0.5, rel_tol=1e-5):
            continue
        for source, rest in (factors, factors[::-1]):
            if _is_one_plus_erf(graph, rest, source):
                node.operator, node.inputs, node.attributes = GELU, [source], {}
                changed = True
                break
    return changed


def _product(graph: Graph, node: Node) -> tuple[float, list[str]]:
    """Return what a Mul multiplies: its numbers together, and its other factors."""
    number = 1.0
    factors: list[str] = []
    pending = list(node.inputs) if node.operator == "Mul" else []
    while pending:
        name = pending.pop(0)
        value = graph.number(name)
        before = graph.maker(name, "Mul", "Div")
        if value is not None:
            number *= value
        elif before is not None and before.operator == "Mul" and _is_scaled(graph, before):
            pending += before.inputs
        elif before is not None and before.operator == "Div" and _is_scaled(graph, before):
            pending.append(before.inputs[0])
            number /= graph.number(before.inputs[1]) or math.inf
        elif before is not None and before.operator == "Mul" and len(factors) + len(pending) < 2:
            pending += before.inputs
        else:
            factors.append(name)
    return number, factors


def _is_scaled(graph: Graph, node: Node) -> bool:
    """Return whether a node multiplies something by one number, or divides it by one."""
    numbers = [graph.number(name) for name in node.inputs]
    return numbers[1] is not None or (node.operator == "Mul" and numbers[0] is not None)


def _is_one_plus_erf(graph: Graph, name: str, source: str) -> bool:
    """Return whether a tensor is 1 + Erf(x / sqrt(2)), or 1 - Erf(-x / sqrt(2))."""
    for node, sign in ((graph.maker(name, "Add"), 1), (graph.maker(name, "Sub"), -1)):
        if node is None:
            continue
        inputs = node.inputs if sign == -1 or graph.number(node.inputs[0]) else node.inputs[::-1]
        erf = graph.maker(inputs[1], "Erf")
        if graph.number(inputs[0]) != 1 or erf is None:
            continue
        root, factor = _scaled(graph, erf.inputs[0])
        return root == source and math.isclose(factor, sign / _ROOT, rel_tol=1e-5)
    return False


def _scaled(graph: Graph, name: str) -> tuple[str, float]:
    """Return x and f, if a tensor is x * f by Mul, Div and Neg of numbers."""
    factor = 1.0
    while (node := graph.maker(name, "Mul", "Div", "Neg")) is not None:
        if node.operator == "Neg":
            factor = -factor
            name = node.inputs[0]
            continue
        if not _is_scaled(graph, node):
            break
        value = graph.number(node.inputs[1])
        name = node.inputs[0] if value is not None else node.inputs[1]
        value = value if value is not None else graph.number(node.inputs[0]) or 0.0
        factor = factor * value if node.operator == "Mul" else factor / (value or math.inf)
    return name, factor


def write_gelu(graph: Graph) -> None:
    """Write a GELU as x / sqrt(2), Erf, + 1, * x, * 0.5: onnxruntime makes one of these five."""
    for node in [node for node in graph.nodes if node.operator == GELU]:
        source = node.inputs[0]
        scaled = graph.add_before(node, "Div", [source, graph.constant(_ROOT)])
        erf = graph.add_before(node, "Erf", [scaled])
        raised = graph.add_before(node, "Add", [erf, graph.constant(1)])
        product = graph.add_before(node, "Mul", [source, raised])
        node.operator, node.inputs = "Mul", [product, graph.constant(0.5)]


def write_hard_swish(graph: Graph) -> bool:
    """Write x * Clip(x + 3, 0, 6) / 6 as x * HardSigmoid(x): two operators for four."""
    changed = False
    for node in list(graph.nodes):
        number, factors = _product(graph, node)
        if len(factors) != 2 or not math.isclose(number, 1 / 6, rel_tol=1e-5):
            continue
        for source, rest in (factors, factors[::-1]):
            clip = graph.maker(rest, "Clip")
            if clip is not None and _is_raised_clip(graph, clip, source):
                sigmoid = {"alpha": 1 / 6, "beta": 0.5}
                node.inputs = [source, graph.add_before(node, "HardSigmoid", [source], **sigmoid)]
                changed = True
                break
    return changed


def _is_raised_clip(graph: Graph, clip: Node, source: str) -> bool:
    """Return whether a node is Clip(x + 3, 0, 6)."""
    limits = [graph.number(name) for name in clip.inputs[1:]]
    add = graph.maker(clip.inputs[0], "Add")
    parts = graph.split(add) if add else None
    raised = parts is not None and parts[1].size == 1 and float(parts[1].reshape(())) == 3
    return limits == [0, 6] and parts is not None and raised and parts[0] == source


def write_clip(graph: Graph) -> bool:
    """Write Min and Max with numbers, one behind the other, as Clip."""
    changed = False
    for node in list(graph.nodes):
        inner = {"Min": "Max", "Max": "Min"}.get(node.operator)
        parts = graph.split(node) if inner else None
        before = graph.maker(parts[0], inner) if parts and inner else None
        first = graph.split(before) if before else None
        if parts is None or first is None or first[1].size != 1 or parts[1].size != 1:
            continue
        limits = {node.operator: parts[1], inner: first[1]}
        low, high = (graph.constant(limits[name].reshape(())) for name in ("Max", "Min"))
        if graph.constants[low] <= graph.constants[high]:
            node.operator, node.inputs = "Clip", [first[0], low, high]
            changed = True
    return changed


def write_where(graph: Graph) -> bool:
    """Write a * Cast(c) + b * Cast(not c) as Where(c, a, b)."""
    changed = False
    for node in list(graph.nodes):
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        chosen = _chosen(graph, *node.inputs) or _chosen(graph, *node.inputs[::-1])
        if chosen is not None:
            node.operator, node.inputs = "Where", list(chosen)
            changed = True
    return changed


def _chosen(graph: Graph, one: str, other: str) -> tuple[str, str, str] | None:
    """Return c, a and b, if the tensors are a * Cast(c) and b * Cast(not c)."""
    for condition, value in _masked(graph, one):
        for opposite, rest in _masked(graph, other):
            inverse = graph.maker(opposite, "Not")
            if inverse is not None and inverse.inputs[0] == condition:
                return condition, value, rest
    return None


def _masked(graph: Graph, name: str) -> Iterator[tuple[str, str]]:
    """Yield c and a for each way in which a tensor is a * Cast(c)."""
    product = graph.maker(name, "Mul")
    inputs = product.inputs if product else []
    for mask, value in (inputs, inputs[::-1]) if inputs else ():
        cast = graph.maker(mask, "Cast")
        if cast is not None:
            yield cast.inputs[0], value


def write_elu(graph: Graph) -> bool:
    """Write Where(x > 0, Elu(x) or x, a * Elu(x)) as Elu(x) with that alpha."""
    changed = False
    for node in list(graph.nodes):
        if node.operator != "Where":
            continue
        greater = graph.maker(node.inputs[0], "Greater")
        source, alpha = _scaled(graph, node.inputs[2])
        elu = graph.maker(source, "Elu")
        if greater is None or elu is None or elu.attributes.get("alpha", 1.0) != 1.0:
            continue
        plain = node.inputs[1] in (elu.output, elu.inputs[0])
        if plain and greater.inputs[0] == elu.inputs[0] and graph.number(greater.inputs[1]) == 0:
            node.operator, node.inputs = "Elu", [elu.inputs[0]]
            node.attributes = {"alpha": alpha}
            changed = True
    return changed


def write_prelu(graph: Graph) -> bool:
    """Write Relu(x) + a * Relu(-x) as PRelu(x) with the slope -a."""
    changed = False
    for node in list(graph.nodes):
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        for one, other in (node.inputs, node.inputs[::-1]):
            relu = graph.maker(one, "Relu")
            slope = _slope(graph, other, relu.inputs[0]) if relu else None
            if relu is not None and slope is not None:
                node.operator, node.inputs = "PRelu", [relu.inputs[0], slope]
                changed = True
                break
    return changed


def _slope(graph: Graph, name: str, source: str) -> str | None:
    """Return the slope s, as a constant, if a tensor is -s * Relu(-x)."""
    product = graph.maker(name, "Mul")
    parts = graph.split(product) if product else None
    relu = graph.maker(parts[0], "Relu") if parts else None
    negative = graph.maker(relu.inputs[0], "Neg") if relu else None
    if parts is None or negative is None or negative.inputs[0] != source:
        return None
    return graph.constant(-parts[1])


def fill_by_broadcasting(graph: Graph) -> bool:
    """Take one number where a tensor was filled with it to the shape that comes out anyway."""
    shapes = examine(graph).shapes
    changed = False
    for node in graph.nodes:
        if node.operator not in BROADCAST:
            continue
        for position, name in enumerate(node.inputs):
            filled = graph.maker(name, "ConstantOfShape")
            others = [_shape(graph, shapes, other) for other in node.inputs if other != name]
            if filled is not None and others and _broadcast(others) == shapes[node.output]:
                value = filled.attributes.get("value", np.zeros(1, np.float32))
                node.inputs[position] = graph.constant(value.reshape(()), value.dtype)
                changed = True
    return changed


def _shape(graph: Graph, shapes: Mapping[str, Shape], name: str) -> Shape:
    value = graph.constants.get(name)
    return shapes[name] if value is None else value.shape


def _broadcast(shapes: list[Shape]) -> Shape | None:
    """Return what shapes are broadcast to; None where one of them gives an open axis alone."""
    closed = [tuple(_MANY if size == OPEN else size for size in shape) for shape in shapes]
    try:
        made = np.broadcast_shapes(*closed)
    except ValueError:
        return None
    return tuple(OPEN if size == _MANY else size for size in made)
