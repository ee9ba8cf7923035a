from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from mnist_edge.runtime import protobuf
from mnist_edge.runtime.onnx_schema import MODEL
from tests.conftest import ARTIFACTS
from tests.fuzz.damage import varint

SHIPPED = sorted(ARTIFACTS.glob("*.onnx"))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_our_files_are_written_anew_byte_for_byte(path: Path) -> None:
    content = path.read_bytes()
    assert b"".join(protobuf.read(content, MODEL).encoded) == content


def test_values_are_those_that_were_written() -> None:
    model = onnx.ModelProto(ir_version=8, producer_name="übrig")
    node = model.graph.node.add(op_type="Gemm", input=["a", "b"], output=["c"])
    node.attribute.append(onnx.helper.make_attribute("alpha", 0.5))
    node.attribute.append(onnx.helper.make_attribute("axis", -1))
    message = protobuf.read(model.SerializeToString(), MODEL)
    found = message.message("graph").messages("node")[0]
    assert message.integer("ir_version") == 8
    assert message.text("producer_name") == "übrig"
    assert found.texts("input") == ("a", "b")
    alpha, axis = found.messages("attribute")
    assert alpha.real("f") == 0.5
    assert axis.integer("i") == -1


@pytest.mark.parametrize("written", ["packed", "one by one"])
def test_lists_are_read_in_both_ways_of_writing(written: str) -> None:
    numbers = (3, 2**63 - 1, 0)
    if written == "packed":
        tensor = field(1, b"".join(map(varint, numbers)))
    else:
        tensor = b"".join(varint(1 << 3) + varint(number) for number in numbers)
    content = field(7, field(5, tensor))
    message = protobuf.read(content, MODEL)
    found = message.message("graph").messages("initializer")[0]
    assert found.integers("dims") == numbers
    assert b"".join(message.encoded) == content


def test_longer_integers_than_need_be_are_written_anew() -> None:
    """A length may stand in more bytes than it needs; another reader gets the plain way."""
    plain = field(2, b"name")
    padded = varint(2 << 3 | 2) + varint(4, extra=3) + b"name"
    assert b"".join(protobuf.read(padded, MODEL).encoded) == plain


DISAGREEMENTS: dict[str, Callable[[], bytes]] = {
    "a tag of more than 32 bits": lambda: varint(2**35 | 2 << 3 | 2) + b"\x04name",
    "a tag with empty bytes behind": lambda: varint(2 << 3 | 2, extra=1) + b"\x04name",
    "an unknown field": lambda: field(99, b"x"),
    "a second value where there may be one": lambda: field(2, b"a") + field(2, b"b"),
    "two graphs": lambda: field(7, b"") + field(7, b""),
    "an integer of 70 bits": lambda: varint(1 << 3) + varint(2**69),
    "a type of more than 32 bits": lambda: field(7, field(5, varint(2 << 3) + varint(2**32 + 1))),
    "a zero point of more than 32 bits": lambda: field(7, field(5, field(5, varint(2**40)))),
    "text where a number belongs": lambda: field(1, b"8"),
    "a number where text belongs": lambda: varint(2 << 3) + varint(8),
    "text that is no UTF-8": lambda: field(2, b"\xff\xfe"),
    "a group": lambda: varint(2 << 3 | 3) + varint(2 << 3 | 4),
    "eight bytes": lambda: varint(5 << 3 | 1) + bytes(8),
    "a length beyond the end": lambda: varint(2 << 3 | 2) + varint(5) + b"name",
    "a length beyond 64 bits": lambda: varint(2 << 3 | 2) + varint(2**64 + 4) + b"name",
    "floats cut off": lambda: field(7, field(5, field(4, bytes(5)))),
    "a tag and nothing behind": lambda: varint(1 << 3),
}


@pytest.mark.parametrize("kind", DISAGREEMENTS)
def test_what_two_readers_could_read_otherwise_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        protobuf.read(DISAGREEMENTS[kind](), MODEL)


def test_fields_are_counted_over_the_whole_file() -> None:
    entry = field(14, field(1, b"k"))
    protobuf.read(entry * (protobuf.MAX_FIELDS // 2), MODEL)
    with pytest.raises(ValueError, match="more than 100,000 fields"):
        protobuf.read(entry * (protobuf.MAX_FIELDS // 2 + 1), MODEL)
    packed = field(7, field(5, field(7, bytes(protobuf.MAX_FIELDS))))
    with pytest.raises(ValueError, match="more than 100,000 fields"):
        protobuf.read(packed, MODEL)


def test_text_is_counted_over_the_whole_file() -> None:
    entry = field(14, field(1, bytes(2**20)))
    protobuf.read(entry * 4, MODEL)
    with pytest.raises(ValueError, match="more than 4 MiB of names and texts"):
        protobuf.read(entry * 4 + field(2, b"x"), MODEL)
