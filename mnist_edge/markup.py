"""HTML and SVG elements as text, escaped unless they are markup already; and what a page carries inside itself."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(kind: str, *children: str | None, **attributes: object) -> Markup:
    """An element.

    Args:
        kind: Its name. Elements that have no end tag, as ``input``, cannot be made here.
        *children: What is in it. What is not ``Markup`` is escaped; None is left out.
        **attributes: ``class_`` is class, ``aria_label`` is aria-label; None is left out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{kind}{said}>{join(child for child in children if child is not None)}</{kind}>")


def join(parts: Iterable[str]) -> Markup:
    """One after the other; what is not ``Markup`` is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in parts))


def json_in_html(document: Any) -> Markup:
    """JSON for a ``<script type="application/json">``, which a text in it cannot end.

    Raises:
        ValueError: A number in it is not finite.
    """
    return Markup(json.dumps(document, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))


def page(folder: Path, *scripts: str, admitted: str = "", **parts: object) -> str:
    """A page that needs nothing else: ``page.html`` of a folder, filled, with ``page.css`` and scripts inside.

    Args:
        folder: Where the files are.
        *scripts: Their names, one after the other in ``$script``.
        admitted: What its Content-Security-Policy admits as scripts besides those.
        **parts: What else ``page.html`` wants, beside ``$head``, ``$style`` and ``$script``.
    """
    frame, style, *codes = ((folder / file).read_text(encoding="utf-8") for file in ("page.html", "page.css", *scripts))
    script = "".join(codes)
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_digest(style)};"
        f" script-src {' '.join(filter(None, (_digest(script), admitted)))}"
    )
    return Template(frame).substitute(head=_HEAD.format(policy=policy), style=style, script=script, **parts)


_HEAD = """<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">"""


def _digest(text: str) -> str:
    """What a Content-Security-Policy knows a style or script by, so that it admits no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
