"""Results as JSON: ``to_json`` makes documents of frozen dataclasses, ``from_json`` reads them.

A document's keys are its dataclass's fields, its types are theirs: no list of keys is kept beside
them. The schemas in docs/ are made of the same. A class that is a document of its own names its
schema in a class variable ``SCHEMA``, which stands in every such document.
"""

import dataclasses
import math
import re
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union

from mnist_edge.errors import shown

Made = TypeVar("Made")

_MAX_CHARACTERS = 4096
"""Of a text, which may have to stand in a line of a table."""

INLINE: Mapping[str, bool] = {"inline": True}
"""Metadata of a field whose own fields stand in its place; where it is None, they are null."""


class Bounds(NamedTuple):
    """What a number of a document may be, as ``Annotated[float, Bounds(0, 1)]``."""

    least: float
    most: float


Share = Annotated[float, Bounds(0, 1)]
"""A part of a whole: 0.9957 is 99.57 %."""

Count = Annotated[int, Bounds(0, 2**53)]
"""How many; JSON's readers take no larger whole number as it is."""

Positive = Annotated[int, Bounds(1, 2**53)]
"""How many, at least one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A file that a command of several could not take.

    Attributes:
        path: The file.
        error: Why, in one sentence.
    """

    path: str
    error: str

    def __str__(self) -> str:
        """Return the sentence, with the file's name before it where it has none."""
        return self.error if self.path in self.error else f"{self.path}: {self.error}"


def to_json(value: Any) -> Any:
    """Return ``value`` as JSON has it.

    Dataclasses become objects, tuples and numpy's arrays lists, paths text. Numbers that are not
    finite, which JSON does not have, become null.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def from_json(kind: type[Made], document: object) -> Made:
    """Return the dataclass that a document is of, each part checked against its field.

    Keys that the class does not know are passed over; a field with a default may be missing.

    Args:
        kind: A dataclass.
        document: As ``json.loads`` returns it.

    Raises:
        ValueError: A part is missing, or of another type or size than the field has.
    """
    if not isinstance(document, dict):
        raise ValueError(f"expected an object, received {shown(document)}")
    schema = getattr(kind, "SCHEMA", None)
    if schema is not None and document.get("schema", schema) != schema:
        raise ValueError(f"expected schema {schema}, received {shown(document['schema'])}")
    hints = typing.get_type_hints(kind, include_extras=True)
    parts: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # a dataclass
        if field.metadata.get("inline"):
            parts[field.name] = _inline(hints[field.name], document)
        elif field.name in document:
            parts[field.name] = _part(hints[field.name], document[field.name], field.name)
        elif _is_required(field):
            raise ValueError(f"{field.name!r} is missing")
    return kind(**parts)


def _object(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    schema = getattr(type(value), "SCHEMA", None)
    if schema is not None:
        made["schema"] = schema
    for field in dataclasses.fields(value):
        part = to_json(getattr(value, field.name))
        if not field.metadata.get("inline"):
            made[field.name] = part
        elif part is not None:
            made |= part
        else:
            hint = typing.get_type_hints(type(value))[field.name]
            made |= dict.fromkeys(_keys(_inner(hint)))
    return made


def _inline(hint: Any, document: dict[str, Any]) -> Any:
    """Return a part whose fields stand among others; None where it may be that and all are null."""
    kind = _inner(hint)
    if kind is not hint and all(document.get(key) is None for key in _keys(kind)):
        return None
    return from_json(kind, document)


def _keys(kind: Any) -> list[str]:
    """Return the keys of a dataclass's document."""
    keys = []
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        keys += _keys(_inner(hints[field.name])) if field.metadata.get("inline") else [field.name]
    return keys


def _inner(hint: Any) -> Any:
    """Return what a type that may be None is otherwise; any other type as it is."""
    if typing.get_origin(hint) not in (Union, types.UnionType):
        return hint
    (inner,) = (part for part in typing.get_args(hint) if part is not type(None))
    return inner


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _part(hint: Any, value: Any, name: str) -> Any:
    """Return a part of a document as its field takes it."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _part(_inner(hint), value, name)
    if origin is Annotated:
        return _bounded(arguments[0], arguments[1], value, name)
    if origin is Literal:
        if value not in arguments:
            choices = ", ".join(map(str, arguments))
            raise ValueError(f"expected {name} to be one of {choices}, received {shown(value)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"expected {name} to be a list, received {shown(value)}")
        return tuple(
            _part(arguments[0], part, f"{name}[{number}]") for number, part in enumerate(value)
        )
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise ValueError(f"expected {name} to be an object, received {shown(value)}")
        parts = {}
        for key, part in value.items():
            parts[_key(arguments[0], key, name)] = _part(arguments[1], part, f"{name}.{key}")
        return parts
    if dataclasses.is_dataclass(hint):
        try:
            return from_json(hint, value)  # type: ignore[arg-type]  # a class
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return _plain(hint, value, name)


def _key(hint: Any, key: str, name: str) -> Any:
    if hint is not int:
        return _plain(str, key, f"a key of {name}")
    if not re.fullmatch(r"[0-9]{1,9}", key):
        raise ValueError(f"expected whole numbers as keys of {name}, received {shown(key)}")
    return int(key)


def _plain(hint: Any, value: Any, name: str) -> Any:
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    kinds = (int, float) if hint is float else (hint,)
    if hint is Any:
        return value
    if not isinstance(value, kinds) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"expected {name} to be {names[hint]}, received {shown(value)}")
    if isinstance(value, str) and not (value.isprintable() and len(value) <= _MAX_CHARACTERS):
        raise ValueError(
            f"expected {name} to be at most {_MAX_CHARACTERS:,} printable characters, "
            f"received {shown(value)}"
        )
    if hint is not float:
        return value
    # Beyond any float; not a number, which JSON does not have.
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"expected {name} to be a number, received {shown(value)}")
    return float(value)


def _bounded(hint: Any, bounds: Bounds, value: Any, name: str) -> Any:
    kinds = int if hint is int else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not bounds.least <= value <= bounds.most:
        what = "a whole number" if hint is int else "a number"
        limits = f"from {bounds.least:,} to {bounds.most:,}"
        raise ValueError(f"expected {name} to be {what} {limits}, received {shown(value)}")
    return value
