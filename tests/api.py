"""Writes docs/api.md from the docstrings of what ``mnist_edge`` exports: make api."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import mnist_edge
from mnist_edge.model_spec import InputSpec, ModelSpec

PAGE = Path(__file__).parents[1] / "docs" / "api.md"

HEAD = """# The Python API

Every public name of `mnist_edge`. For use in an app, with threads, processes and web servers, see
[embedding.md](embedding.md).

Generated from the docstrings by `make api`.
"""

OF_SPEC: tuple[type, ...] = (ModelSpec, InputSpec)
"""What ``Predictor.spec`` consists of; imported from ``mnist_edge.model_spec``."""

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example):$", re.MULTILINE)
_ENTRY = re.compile(r"^([\w*, ]+): (.+(?:\n {4}.+)*)", re.MULTILINE)


def page() -> str:
    """Return the page."""
    exported = [getattr(mnist_edge, name) for name in mnist_edge.__all__ if name[0] != "_"]
    errors = [kind for kind in exported if issubclass(kind, Exception)]
    others = [kind for kind in exported if not issubclass(kind, Exception)]
    parts = [HEAD]
    for kind in sorted(others, key=lambda kind: kind is not mnist_edge.Predictor):
        parts += _class(kind, "mnist_edge")
    for kind in OF_SPEC:
        parts += _class(kind, "mnist_edge.model_spec")
    parts.append("## Errors\n")
    parts.append(_tree())
    for kind in errors:
        bases = " and ".join(f"`{base.__name__}`" for base in kind.__bases__)
        parts.append(f"- `{kind.__name__}` (of {bases}): {_text(inspect.getdoc(kind) or '')}")
    return "\n".join(parts) + "\n"


def _class(kind: type, module: str) -> Iterator[str]:
    """Yield the lines on a class: what it is, then each public method and property."""
    yield f"## {kind.__name__}\n"
    yield f"`from {module} import {kind.__name__}`\n"
    if inspect.isfunction(vars(kind).get("__init__")) and not is_dataclass(kind):
        signature = _signature(kind.__init__).removesuffix(" -> None")
        yield f"```python\n{kind.__name__}{signature}\n```\n"
    yield from _document(kind)
    for name, member in vars(kind).items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            yield f"### {kind.__name__}.{name}\n"
            yield from _document(member)
        elif inspect.isfunction(member) or isinstance(member, classmethod):
            yield f"### {kind.__name__}.{name}\n"
            yield f"```python\n{name}{_signature(getattr(kind, name))}\n```\n"
            yield from _document(member)


def _signature(function: Any) -> str:
    """Return a signature as it is written, without self."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef)
    definition.args.args = [one for one in definition.args.args if one.arg not in ("self", "cls")]
    answer = f" -> {ast.unparse(definition.returns)}" if definition.returns else ""
    return f"({ast.unparse(definition.args)}){answer}"


def _document(thing: Any) -> Iterator[str]:
    """Yield a docstring as Markdown: a list for each of its sections."""
    text, *sections = _SECTION.split(inspect.getdoc(thing) or "")
    yield f"{_text(text)}\n"
    for title, section in zip(sections[::2], sections[1::2], strict=True):
        body = inspect.cleandoc(section)
        if title == "Example":
            yield f"```python\n{body}\n```\n"
            continue
        entries = _ENTRY.findall(body)
        yield f"{title}:\n"
        if not entries:
            yield f"- {_text(body)}"
        for name, described in entries:
            yield f"- `{name}`: {_text(described)}"
        yield ""


def _text(text: str) -> str:
    """Return a docstring's text with Markdown's backticks, a line a paragraph."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("``", "`")


def _tree() -> str:
    """Return the tree of errors as their module draws it."""
    from mnist_edge import errors

    lines = [line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def main() -> None:
    """Write it."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
