"""The JSON schema of a document, made of its dataclass: fields, types and docstring."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Protocol, Union


class Document(Protocol):
    """A frozen dataclass that is a whole document."""

    SCHEMA: ClassVar[str]


def json_schema(kind: type[Document], title: str) -> dict[str, Any]:
    """Return the JSON schema of a document: its fields, each described as in its docstring."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_schema_of(kind),
    }


def _schema_of(kind: Any) -> dict[str, Any]:
    """Return the schema of a dataclass: an object with its fields, to which others may be added."""
    properties: dict[str, Any] = {}
    schema = getattr(kind, "SCHEMA", None)
    if schema is not None:
        properties["schema"] = {"const": schema, "description": "What this document is."}
    hints = typing.get_type_hints(kind, include_extras=True)
    descriptions = _descriptions(kind)
    for field in dataclasses.fields(kind):
        if field.metadata.get("inline"):
            plain = _inner(hints[field.name])
            for key, part in _schema_of(plain)["properties"].items():
                properties[key] = part if plain is hints[field.name] else _or_null(part)
        else:
            described = {"description": descriptions[field.name]}
            properties[field.name] = _type_of(hints[field.name]) | described
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }


def _type_of(hint: Any) -> dict[str, Any]:
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if type(None) in arguments:
            return _or_null(_type_of(_inner(hint)))
        return {"anyOf": [_type_of(part) for part in arguments]}
    if origin is Annotated:
        bounds = arguments[1]
        return _type_of(arguments[0]) | {"minimum": bounds.least, "maximum": bounds.most}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _type_of(arguments[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type_of(arguments[1])}
    if dataclasses.is_dataclass(hint):
        return _schema_of(hint)
    if hint is float:  # one that is not finite is null
        return {"type": ["number", "null"]}
    return {} if hint is Any else {"type": {str: "string", bool: "boolean", int: "integer"}[hint]}


def _inner(hint: Any) -> Any:
    """Return what a type that may be None is otherwise; any other type as it is."""
    if typing.get_origin(hint) not in (Union, types.UnionType):
        return hint
    return next(part for part in typing.get_args(hint) if part is not type(None))


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what may be null too, described as it was."""
    plain = dict(schema)
    described = {"description": plain.pop("description")} if "description" in plain else {}
    return {"anyOf": [plain, {"type": "null"}], **described}


def _descriptions(kind: Any) -> dict[str, str]:
    """Return the text of each field in the Attributes section of a class's docstring."""
    text = inspect.getdoc(kind) or ""
    _, _, section = text.partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    return {name: " ".join(lines.split()) for name, lines in entries}
