"""page.html, filled: the page with a model and the engine inside."""

import base64
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnist_edge import markup
from mnist_edge.errors import OutputError
from mnist_edge.files import require_writable, sha256, write_whole
from mnist_edge.runtime import model_file
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.web import engine
from mnist_edge.web.engine import Engine

_MARK = b'<meta name="generator" content="mnist-edge">'
"""What a page is known by, so that no other is written over."""


def write(model: str | None, out: Path, on_fetch: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Makes the page, if ``out`` is not that page already.

    Args:
        model: An exported file; None for the shipped one, "small" for the shipped small one.
        out: The .html file to write.
        on_fetch: Called before the engine is fetched, the first time.

    Returns:
        What was made: path, bytes, status ("written" or "unchanged"), model and engine.

    Raises:
        ModelError: The model is missing, damaged, or does not keep the contract.
        OutputError: ``out`` does not end in .html, is there and no page of ours, or cannot be written.
        MissingExtraError, DownloadError: The engine cannot be had, see ``engine.find``.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"expected a page to end in .html, received {out}")
    source = model_file.read(model)
    facts = describe(source)
    require_writable(out.parent, out.name)
    before = out.read_bytes() if out.exists() else None
    if before and _MARK not in before[:2000]:
        raise OutputError(f"expected no other page than one of mnist-edge at {out}, found one: name another file")
    content = render(source, engine.find(on_fetch)).encode()
    unchanged = before == content
    if not unchanged:
        write_whole(out, content)
    return {
        "path": str(out),
        "bytes": len(content),
        "status": "unchanged" if unchanged else "written",
        "model": {"path": source.origin, **facts},
        "engine": engine.PACKAGE,
    }


def describe(model: ModelFile) -> dict[str, Any]:
    """What the page must know of a model: how it takes pixels, what its answers are worth, and what it is.

    Raises:
        ModelError: Its calibration makes no sense.
    """
    calibration = Calibration.read(model.metadata, model.origin)
    return {
        "pixels": model.spec.input.dtype == "uint8",
        "precision": model.spec.precision,
        "temperature": calibration.temperature,
        "reject_below": calibration.reject_below,
        "reads_strokes": model.spec.reads_strokes,
        "bytes": len(model.content),
        "sha256": sha256(model.content),
    }


def render(model: ModelFile, parts: Engine) -> str:
    """The page as text; the same for the same model and engine.

    Raises:
        ModelError: What the model's file says of itself makes no sense.
    """
    return markup.page(
        Path(__file__).parent,
        "picture.js",
        "page.js",
        # The engine's script becomes a blob, since a module inside a page cannot be imported; its .wasm is compiled.
        admitted="blob: 'wasm-unsafe-eval'",
        about=markup.tag("span", _about(model)),
        engine=engine.PACKAGE,
        facts=markup.json_in_html(describe(model)),
        model=_packed(model.content),
        engine_script=_packed(parts.script),
        engine_wasm=_packed(parts.wasm),
    )


def _packed(content: bytes) -> str:
    """As the page's own ``unpacked`` wants it."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _about(model: ModelFile) -> str:
    said = f"The network: an ONNX file, {model.spec.precision}, {len(model.content) / 1e3:,.0f} kB"
    found = model.provenance
    if found.accuracy is None or found.images is None:
        return f"{said}; not verified."
    return f"{said}; it reads {found.accuracy:.2%} of {found.images:,} images of {found.data}."
