"""Protocol buffers, read strictly and written anew.

Two readers of one file may see two different models: one follows a tag of more than 32 bits that
the other cuts off, or keeps the first of two values where the other keeps the last. So nothing is
guessed here. A field that the schema does not list, a tag that is longer than it need be, a second
value where there may be one: each is refused. What passes is encoded anew from the values that were
read, and only that is handed on, so that an engine cannot see anything else.

Wire format: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

MAX_FIELDS = 100_000
"""Fields and packed numbers in one file: a thousand times what a dense network has."""

MAX_TEXT = 4 * 2**20
"""Bytes of names and other texts in one file."""

_VARINT = 0
_DELIMITED = 2
_FIXED32 = 5


class Kind(Enum):
    """Type of a field's value."""

    INT32 = auto()
    INT64 = auto()
    FLOAT = auto()
    STRING = auto()
    BYTES = auto()
    FLOATS = auto()  # packed or not: 4 bytes each
    INT32S = auto()  # packed or not
    INT64S = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A field in a schema.

    Attributes:
        name: The field's name in the .proto file.
        type: Its kind or, where it is a message, that message's schema.
        repeated: Whether it may occur more than once.
        refused: What people call it, where no file may hold it.
    """

    name: str
    type: "Kind | Schema" = Kind.BYTES
    repeated: bool = False
    refused: str = ""


class RefusedFieldError(ValueError):
    """A field that the schema knows and refuses; the text is what people call it."""


Schema: TypeAlias = Mapping[int, Field]
"""The fields of a message by number. A number that is not in it is refused."""

Value: TypeAlias = "int | float | str | memoryview | Message"


@dataclass(slots=True)
class Message:
    """A message as it was read.

    Attributes:
        values: Its values by the field's name, in the order in which they stood.
        encoded: The message written anew, in pieces.
    """

    values: dict[str, list[Value]] = field(default_factory=dict)
    encoded: list[bytes | memoryview] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def integer(self, name: str, default: int = 0) -> int:
        """Return the integer called ``name``, or ``default``."""
        found = self.values.get(name, (default,))[0]
        assert isinstance(found, int)
        return found

    def real(self, name: str, default: float = 0.0) -> float:
        """Return the float called ``name``, or ``default``."""
        found = self.values.get(name, (default,))[0]
        assert isinstance(found, float)
        return found

    def text(self, name: str) -> str:
        """Return the string called ``name``, or an empty one."""
        found = self.values.get(name, ("",))[0]
        assert isinstance(found, str)
        return found

    def data(self, name: str) -> memoryview:
        """Return the bytes called ``name``, or none."""
        found = self.values.get(name, (memoryview(b""),))[0]
        assert isinstance(found, memoryview)
        return found

    def integers(self, name: str) -> tuple[int, ...]:
        """Return all integers called ``name``."""
        return tuple(value for value in self.values.get(name, ()) if isinstance(value, int))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all strings called ``name``."""
        return tuple(value for value in self.values.get(name, ()) if isinstance(value, str))

    def messages(self, name: str) -> "list[Message]":
        """Return all messages called ``name``."""
        return [value for value in self.values.get(name, ()) if isinstance(value, Message)]

    def message(self, name: str) -> "Message":
        """Return the message called ``name``, or an empty one."""
        found = self.messages(name)
        return found[0] if found else Message()

    def size(self) -> int:
        """Return the number of bytes of the message written anew."""
        return sum(map(len, self.encoded))


def read(content: bytes, schema: Schema) -> Message:
    """Read a message.

    Args:
        content: Its bytes.
        schema: Its fields.

    Raises:
        RefusedFieldError: It holds a field that the schema refuses.
        ValueError: It is damaged, holds a field that the schema does not list, or is written in a
            way that another reader might read otherwise.
    """
    return _Reader().message(memoryview(content), schema)


class _Raw(NamedTuple):
    """A field as it stands in the file: its number, its wire type, and an integer or bytes."""

    number: int
    wire: int
    payload: int | memoryview

    def integer(self, name: str) -> int:
        if self.wire != _VARINT or not isinstance(self.payload, int):
            raise ValueError(f"a {name} that is no integer")
        return self.payload

    def content(self, name: str, wire: int = _DELIMITED) -> memoryview:
        if self.wire != wire or isinstance(self.payload, int):
            raise ValueError(f"a {name} of another type")
        return self.payload


class _Reader:
    """Counts fields and text over a whole file while its messages are read."""

    def __init__(self) -> None:
        self.fields = 0
        self.text = 0

    def message(self, content: memoryview, schema: Schema) -> Message:
        message = Message()
        position = 0
        while position < len(content):
            raw, position = _next(content, position)
            described = schema.get(raw.number)
            if described is None:
                raise ValueError(f"an unknown field {raw.number}")
            if described.refused:
                raise RefusedFieldError(described.refused)
            if described.name in message.values and not described.repeated:
                raise ValueError(f"a second {described.name}, where there may be one")
            self.count(1)
            self.value(message, described, raw)
        return message

    def count(self, fields: int) -> None:
        self.fields += fields
        if self.fields > MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS:,} fields")

    def count_text(self, length: int) -> None:
        self.text += length
        if self.text > MAX_TEXT:
            raise ValueError(f"more than {MAX_TEXT >> 20} MiB of names and texts")

    def value(self, message: Message, described: Field, raw: _Raw) -> None:
        """Read the value of one field and add it to ``message``."""
        kind = described.type
        name = described.name
        values = message.values.setdefault(name, [])
        if not isinstance(kind, Kind):
            inner = self.message(raw.content(name), kind)
            values.append(inner)
            message.encoded += [_head(raw.number, inner.size()), *inner.encoded]
        elif kind in (Kind.INT32S, Kind.INT64S) and raw.wire == _DELIMITED:
            integers = self.packed(raw.content(name))
            values += [_signed(integer, kind, name) for integer in integers]
            content = b"".join(map(_varint, integers))
            message.encoded += [_head(raw.number, len(content)), content]
        else:
            if kind is Kind.STRING:
                self.count_text(len(raw.content(name)))
            value, encoded = _scalar(kind, name, raw)
            values.append(value)
            message.encoded += encoded

    def packed(self, content: memoryview) -> list[int]:
        """Read integers that stand one behind the other in one field."""
        integers = []
        position = 0
        while position < len(content):
            self.count(1)
            integer, position = varint(content, position)
            integers.append(integer)
        return integers


def varint(content: memoryview, position: int) -> tuple[int, int]:
    """Read an unsigned integer of at most 64 bits.

    Returns:
        The integer, and the position behind it.

    Raises:
        ValueError: It is cut off, or larger.
    """
    value = shift = 0
    while True:
        if position >= len(content):
            raise ValueError("a field that is cut off")
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 63:
            raise ValueError("an integer of more than 64 bits")
    if value >= 2**64:
        raise ValueError("an integer of more than 64 bits")
    return value, position


def _next(content: memoryview, position: int) -> tuple[_Raw, int]:
    """Return the field that starts at ``position``, and where the next one starts."""
    start = position
    tag, position = varint(content, position)
    if tag >= 2**32 or position - start != len(_varint(tag)):
        raise ValueError("a tag that is longer than it need be")
    number = tag >> 3
    wire = tag & 7
    if wire == _VARINT:
        integer, position = varint(content, position)
        return _Raw(number, wire, integer), position
    if wire == _DELIMITED:
        length, position = varint(content, position)
    elif wire == _FIXED32:
        length = 4
    else:  # no field that we know has eight bytes, or is a group
        raise ValueError(f"a field {number} of another type")
    end = position + length
    if end > len(content):
        raise ValueError("a field that is cut off")
    return _Raw(number, wire, content[position:end]), end


def _scalar(kind: Kind, name: str, raw: _Raw) -> tuple[Value, list[bytes | memoryview]]:
    """Return a number or a text, and how it is written."""
    if kind in (Kind.STRING, Kind.BYTES):
        content = raw.content(name)
        text = str(content, "utf-8") if kind is Kind.STRING else content
        return text, [_head(raw.number, len(content)), content]
    if kind is Kind.FLOATS and raw.wire == _DELIMITED:
        content = raw.content(name)
        if len(content) % 4:
            raise ValueError("floats that are cut off")
        return content, [_head(raw.number, len(content)), content]
    if kind in (Kind.FLOAT, Kind.FLOATS):
        content = raw.content(name, _FIXED32)
        real = struct.unpack("<f", content)[0] if kind is Kind.FLOAT else content
        return real, [_varint(raw.number << 3 | _FIXED32), content]
    integer = raw.integer(name)
    encoded = _varint(raw.number << 3 | _VARINT) + _varint(integer)
    return _signed(integer, kind, name), [encoded]


def _head(number: int, length: int) -> bytes:
    """Return what stands before ``length`` bytes of content."""
    return _varint(number << 3 | _DELIMITED) + _varint(length)


def _signed(integer: int, kind: Kind, name: str) -> int:
    signed = integer - 2**64 if integer >= 2**63 else integer
    # Another reader would cut the rest off and see a different number.
    if kind in (Kind.INT32, Kind.INT32S) and not -(2**31) <= signed < 2**31:
        raise ValueError(f"a {name} of more than 32 bits")
    return signed


def _varint(integer: int) -> bytes:
    written = bytearray()
    while integer > 127:
        written.append(integer & 127 | 128)
        integer >>= 7
    written.append(integer)
    return bytes(written)
