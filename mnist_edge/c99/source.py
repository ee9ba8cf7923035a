"""C source of a network in integers: templates/ filled with its numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge.c99 import rejection, selftest
from mnist_edge.c99.layers import Layer
from mnist_edge.c99.network import IntegerNetwork
from mnist_edge.c99.requantize import Runs
from mnist_edge.errors import ModelError

TEMPLATES = Path(__file__).parent / "templates"

KERNELS = {
    "KERNEL_VNNI": "vnni.c",
    "KERNEL_AVX2": "avx2.c",
    "KERNEL_NEON": "neon.c",
    "KERNEL_DSP": "dsp.c",
    "KERNEL_COLUMNS": "columns.c",
}
"""The template of each kernel that is chosen by a macro; without any it is rows.c."""

_HEADERS = frozenset(
    re.findall(
        r"\w+",
        """
        assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
        stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath
        threads time uchar unistd wchar wctype
        """,
    )
)
"""Names whose NAME.h would stand before a header of the compiler's."""

_ONE_SCORE = (
    "its sigmoid, bit for bit, of\n * the second class; the logit of the first one is always 0"
)

_PLACE = r"@([A-Z0-9_]+)@"

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Source:
    """C source of a network.

    Attributes:
        name: What its functions begin with, and its files are called.
        header: Content of NAME.h.
        code: Content of NAME.c.
    """

    name: str
    header: str
    code: str

    @property
    def files(self) -> dict[str, str]:
        """The content of each file by its name."""
        return {f"{self.name}.h": self.header, f"{self.name}.c": self.code}


def name_of(path: Path) -> str:
    """Return what the functions of a model file begin with: mnist_mlp of mnist-mlp.int8.onnx."""
    stem = path.name.split(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    if not name or name[0].isdigit() or name in _HEADERS:
        name = f"network_{name}".rstrip("_")
    return name[:40].rstrip("_")


def render(network: IntegerNetwork, name: str, version: str) -> Source:
    """Return a network as C99; the same for the same file and version.

    Args:
        network: The network.
        name: What its functions begin with, a C identifier.
        version: Of mnist-edge, for the comment at the top.

    Raises:
        ModelError: The file's calibration cannot be had in integers.
    """
    parts = {
        **_facts(network, name, version),
        "KERNEL_CHOICE": _template("choice.c"),
        "MOST_ROWS": str(max(layer.rows for layer in network.layers)),
        "KERNELS": _kernels(),
        "WEIGHTS": "\n\n".join(_weights(network.layers)),
        "SHIFT": str(next((layer.step.shift for layer in network.layers if layer.step), 0)),
        "STEPS": "\n".join(_steps(network.layers)),
        "RUNS": "\n\n".join(_runs(network.layers)),
        "STORE": "\n\n".join(_stores(network.layers)),
        "BYTES": _bytes(network.layers),
        "LAYERS": "\n".join(_calls(network.layers)),
        "WIDEST": str(max(layer.columns for layer in network.layers)),
    }
    parts |= _rejection(network)
    return Source(name, _filled("network.h", parts), _filled("network.c", parts))


def check_program(name: str) -> str:
    """Return a program that writes what the code of that name answers to each image of a file."""
    return _filled("check.c", {"NAME": name, "UPPER": name.upper()})


def _filled(template: str, parts: dict[str, str]) -> str:
    text = _template(template)
    # What is filled in may have places of its own.
    while re.search(_PLACE, text):
        text = re.sub(_PLACE, lambda match: parts[match[1]], text)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").rstrip()


def _facts(network: IntegerNetwork, name: str, version: str) -> dict[str, str]:
    spec = network.model.spec
    widths = "-".join(str(layer.columns) for layer in network.layers)
    task = f"{spec.input.size} pixels to {len(spec.labels)} classes"
    return {
        "TITLE": f"{name}: {task}, dense layers {widths}",
        "VERSION": version,
        "FILE": _in_comment(Path(network.model.origin).name),
        "SHA256": network.model.sha256,
        "GUARD": f"{name.upper()}_H",
        "NAME": name,
        "UPPER": name.upper(),
        "PIXELS": str(spec.input.elements),
        "CLASSES": str(len(spec.labels)),
        # Nine digits are enough for any float32.
        "LOGIT_SCALE": f"{float(network.logit_scale):.9g}",
        "HEAD": _ONE_SCORE if network.one_score else "Softmax, bit for bit",
        "LABELS": "\n".join(f"    {_string(label)}," for label in spec.labels),
        "SELFTEST_IMAGES": str(selftest.IMAGES),
        "SELFTEST_HASH": str(selftest.hash_of(network)),
    }


def _in_comment(text: str) -> str:
    """Return a file's name as a comment may hold it: ASCII that cannot end it, or a line."""
    return re.sub(r"[^A-Za-z0-9 ._+-]", "?", text)[:80].replace("??", "?")


def _string(text: str) -> str:
    """Return a text as a C string: what is not a plain character as octal digits of UTF-8."""
    plain = (
        chr(byte)
        if (chr(byte).isalnum() and byte < 128) or chr(byte) in " -_.,+"
        else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(plain)}"'


def _kernels() -> str:
    parts = []
    word = "if"
    for macro, template in KERNELS.items():
        parts.append(f"#{word} defined({macro})\n\n{_template(template)}\n")
        word = "elif"
    parts.append(f"#else\n\n{_template('rows.c')}\n\n#endif")
    return "\n".join(parts)


def _weights(layers: Sequence[Layer]) -> Iterator[str]:
    for number, layer in enumerate(layers, 1):
        yield (
            f"/* Layer {number}: {layer.rows} inputs, {layer.columns} units; a row of weights for "
            "each input. */"
        )
        yield _array(f"int8_t weights_{number}[{layer.weights.size} + PADDING]", layer.weights)
        yield _array(f"int32_t bias_{number}[{layer.columns}]", layer.bias)


def _array(declared: str, values: NDArray[np.generic]) -> str:
    lines = []
    line = "   "
    for value in values.reshape(-1).tolist():
        if len(line) + len(str(value)) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {_number(value)},"
    return "\n".join([f"static const {declared} = {{", *lines, line, "};"])


def _number(value: int) -> str:
    # In C -2147483648 is a minus and a number that int does not hold.
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def _steps(layers: Sequence[Layer]) -> Iterator[str]:
    for number, layer in enumerate(layers, 1):
        if layer.step is None:
            continue
        step = layer.step
        half = f"((uint64_t){step.half >> 32}u << 32) + {step.half % 2**32}u"
        yield (
            f"static const step step_{number} = {{ {_number(step.least)}, {step.most}, "
            f"{step.factor}u, {half} }};"
        )
        if step.corrections is not None:
            yield f"/* Sums from which on the uint8 of layer {number} is one more. */"
            yield _array(f"int32_t corrections_{number}[256]", step.corrections)


def _runs(layers: Sequence[Layer]) -> Iterator[str]:
    for number, layer in enumerate(layers, 1):
        if isinstance(layer.stairs, Runs):
            count = len(layer.stairs.starts)
            yield (
                f"/* Layer {number}: its activation makes a uint8 of each run of sums; where each "
                "run begins. */"
            )
            yield _array(f"int32_t starts_{number}[{count}]", layer.stairs.starts)
            yield _array(f"uint8_t values_{number}[{count}]", layer.stairs.bytes)


def _stores(layers: Sequence[Layer]) -> Iterator[str]:
    """Yield the functions that make uint8 of sums, as far as a network needs them."""
    if any(layer.step for layer in layers):
        yield _template("store.c")
    if any(layer.step and layer.step.corrections is not None for layer in layers):
        yield _template("store_corrected.c")
    if any(isinstance(layer.stairs, Runs) for layer in layers):
        yield _template("look_up.c")


def _bytes(layers: Sequence[Layer]) -> str:
    """Return the room for what hidden layers hand on: each reads it before it writes it."""
    hidden = [layer.columns for layer in layers[:-1]]
    return f"    uint8_t bytes[{max(hidden)}];\n" if hidden else ""


def _calls(layers: Sequence[Layer]) -> Iterator[str]:
    taken = "pixels"
    for number, layer in enumerate(layers, 1):
        yield f"    begin(bias_{number}, {layer.columns}, sums);"
        yield (f"    add_products({taken}, {layer.rows}, weights_{number}, {layer.columns}, sums);")
        if layer.step is not None and layer.step.corrections is not None:
            yield (
                f"    store_corrected(sums, {layer.columns}, step_{number}, "
                f"corrections_{number}, bytes);"
            )
        elif layer.step is not None:
            yield f"    store(sums, {layer.columns}, step_{number}, bytes);"
        elif isinstance(layer.stairs, Runs):
            yield (
                f"    look_up(sums, {layer.columns}, starts_{number}, values_{number}, "
                f"{len(layer.stairs.starts)}, bytes);"
            )
        taken = "bytes"
        yield ""


def _rejection(network: IntegerNetwork) -> dict[str, str]:
    limit = network.calibration.reject_below
    if not limit:
        return {
            "REJECTION": "Here always 0: the model's file carries no limit.",
            "REJECTED": _template("rejected_never.c"),
        }
    try:
        found = rejection.made(
            float(network.logit_scale),
            network.calibration.temperature,
            limit,
            len(network.model.spec.labels),
        )
    except ValueError as error:
        raise ModelError(
            f"expected logits whose confidence integers give in {network.model.origin}, found "
            f"{error}"
        ) from error
    return {
        "REJECTION": (
            f"Its confidence is below {limit} then, as that of one real image in a hundred; this\n"
            f" * is exact to {rejection.ERROR:.5f}. The caller checks for images without ink."
        ),
        "REJECTED": _template("rejected.c"),
        "POWERS": _array("uint32_t powers[65]", np.array(found.powers)),
        "FARTHEST": str(found.farthest),
        "GAP_FACTOR": f"((uint64_t){found.factor >> 32}u << 32) + {found.factor % 2**32}u",
        "GAP_SHIFT": str(found.shift),
        "MOST_POWERS": f"((uint64_t){found.most >> 32}u << 32) + {found.most % 2**32}u",
    }
