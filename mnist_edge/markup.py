"""HTML and SVG as text, escaped unless it is markup already; and pages that need nothing else."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

from mnist_edge.errors import OutputError
from mnist_edge.files import open_regular, require_writable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(kind: str, *children: str | None, **attributes: object) -> Markup:
    """Return an element.

    Args:
        kind: Its name. Elements that have no end tag, as ``input``, cannot be made here.
        *children: What is in it. What is not ``Markup`` is escaped; None is left out.
        **attributes: ``class_`` is class, ``aria_label`` is aria-label; None is left out.
    """
    head = kind
    for key, value in attributes.items():
        if value is not None:
            head += f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
    content = join(child for child in children if child is not None)
    return Markup(f"<{head}>{content}</{kind}>")


def join(parts: Iterable[str]) -> Markup:
    """Return one after the other; what is not ``Markup`` is escaped."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(part) for part in parts)
    )


def json_in_html(document: Any) -> Markup:
    """Return JSON for a ``<script type="application/json">``, which a text in it cannot end.

    Raises:
        ValueError: A number in it is not finite.
    """
    return Markup(json.dumps(document, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))


def page(folder: Path, *scripts: str, admitted: str = "", **parts: object) -> str:
    """Return a page that needs nothing else: ``page.html`` of a folder, filled.

    Args:
        folder: Where the files are, ``page.css`` too.
        *scripts: The names of scripts, one after the other in ``$script``.
        admitted: What its Content-Security-Policy admits as scripts besides those.
        **parts: What else ``page.html`` wants, beside ``$head``, ``$style`` and ``$script``.
    """
    frame = (folder / "page.html").read_text(encoding="utf-8")
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "".join((folder / name).read_text(encoding="utf-8") for name in scripts)
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_digest(style)};"
        f" script-src {_digest(script)} {admitted}".rstrip()
    )
    return Template(frame).substitute(
        head=_HEAD.format(policy=policy), style=style, script=script, **parts
    )


def require_page(path: Path) -> None:
    """Refuse a file that no page of ours may be written over.

    Raises:
        OutputError: It does not end in .html, or is there and is something else.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"expected a page to end in .html, received {path}")
    require_writable(path.parent, path.name)
    try:
        with open_regular(path) as file:
            start = file.read(_MARKED_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if start and not any(mark in start for mark in _MARKS):
        raise OutputError(
            f"expected a new file or a page of mnist-edge, found another page at {path}: name "
            "another file"
        )


_MARKS = (
    b'<meta name="generator" content="mnist-edge">',
    # Reports of version 0.1 had no other.
    b"base-uri 'none'; form-action 'none'; style-src 'sha256-",
)
"""What a page is known by, so that no other is written over."""

_MARKED_BYTES = 2000
"""A mark stands within so many at the start of a page."""

_HEAD = """<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="mnist-edge">"""


def _digest(text: str) -> str:
    """Return what a Content-Security-Policy admits a style or script by, and no other."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
