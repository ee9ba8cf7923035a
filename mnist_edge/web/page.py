"""page.html, filled: the page with a model and the engine inside."""

import base64
import gzip
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from mnist_edge import markup
from mnist_edge.documents import INLINE, Count, Share, to_json
from mnist_edge.errors import ModelError
from mnist_edge.files import sha256, write_whole
from mnist_edge.markup import Markup
from mnist_edge.model_spec import IMAGE_CHANNELS, ModelSpec, Preprocessing, Resize, are_digits
from mnist_edge.runtime import model_file
from mnist_edge.runtime.confidence import Calibration
from mnist_edge.runtime.model_file import ModelFile
from mnist_edge.web import engine
from mnist_edge.web.engine import Engine
from mnist_edge.web.wording import Wording

NUMBERS = (
    "parts",
    "lines",
    "printed",
    "rows",
    "groups",
    "cuts",
    "candidates",
    "crossings",
    "paths",
    "number",
)
"""The scripts that read whole numbers, each named after the module of ``runtime`` that it is."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the page must know of its model.

    Attributes:
        labels: The name of each class, in the order of the probabilities.
        preprocessing: How a picture becomes its image: strokes as MNIST's makers prepared ink on
            paper, resize the whole of it.
        resize: How the whole of it gets the image's size.
        image_shape: Of one image, as apps pass it: rows, columns and channels, if any.
        pixels: Whether it takes pixels as they are, rather than divided by 255.
        precision: How its weights are stored.
        temperature: What its logits are divided by for a confidence.
        reject_below: The confidence below which an answer may be none of the classes; null where
            none was measured, and no answer is rejected.
        reads_strokes: Whether an image without ink holds nothing to read.
        shape: Of one image, as its file takes it.
        bytes: Size of the file.
        sha256: Hash of the file.
    """

    labels: tuple[str, ...]
    preprocessing: Preprocessing
    resize: Resize
    image_shape: tuple[int, ...]
    pixels: bool
    precision: str
    temperature: float
    reject_below: Share | None
    reads_strokes: bool
    shape: tuple[int, ...]
    bytes: Count
    sha256: str


@dataclass(frozen=True, slots=True)
class PageModel:
    """The model inside a page.

    Attributes:
        path: Where its file is.
        facts: What the page knows of it.
    """

    path: str
    facts: ModelFacts = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class PageReport:
    """What was made of a model.

    Attributes:
        path: Where the page is.
        bytes: Its size.
        status: Whether it was written, or was there already, byte for byte.
        model: The model inside.
        engine: The package that runs it in the browser.
        address: Where the page is served; null if it is not.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/page/1"

    path: str
    bytes: Count
    status: Literal["written", "unchanged"]
    model: PageModel
    engine: str
    address: str | None = None


def write(model: str | None, out: Path, on_fetch: Callable[[], None] = lambda: None) -> PageReport:
    """Make the page, if ``out`` is not that page already.

    Args:
        model: An exported file; None for the shipped one, "small" for the shipped small one.
        out: The .html file to write.
        on_fetch: Called before the engine is fetched, the first time.

    Raises:
        ModelError: The model is missing, damaged, does not keep the contract, or takes no images.
        OutputError: ``out`` does not end in .html, is there and no page of ours, or cannot be
            written.
        MissingExtraError, DownloadError: The engine cannot be had, see ``engine.find``.
    """
    markup.require_page(out)
    source = model_file.read(model)
    _require_images(source)
    facts = describe(source)
    before = out.read_bytes() if out.exists() else None
    content = render(source, engine.find(on_fetch)).encode()
    if before != content:
        write_whole(out, content)
    return PageReport(
        path=str(out),
        bytes=len(content),
        status="unchanged" if before == content else "written",
        model=PageModel(source.origin, facts),
        engine=engine.PACKAGE,
    )


def _require_images(model: ModelFile) -> None:
    """Refuse a model that no picture can be made an input of."""
    shape = model.spec.input.shape
    is_image = len(shape) == 2 or (len(shape) == 3 and shape[2] in IMAGE_CHANNELS)
    if model.spec.preprocessing == "none" or model.spec.input.range is None or not is_image:
        raise ModelError(
            f"expected a model that takes images, since a page shows it pictures, but "
            f"{model.origin} takes inputs of shape {list(shape)} "
            f"(preprocessing={model.spec.preprocessing}): give them to Predictor.predict"
        )


def describe(model: ModelFile) -> ModelFacts:
    """Return what the page must know of a model.

    Raises:
        ModelError: Its calibration makes no sense.
    """
    calibration = Calibration.read(model.metadata, model.origin)
    return ModelFacts(
        labels=model.spec.labels,
        preprocessing=model.spec.preprocessing,
        resize=model.spec.resize,
        image_shape=model.spec.input.shape,
        pixels=model.spec.input.dtype == "uint8",
        precision=model.spec.precision,
        temperature=calibration.temperature,
        reject_below=calibration.reject_below,
        reads_strokes=model.spec.reads_strokes,
        shape=model.input_shape,
        bytes=len(model.content),
        sha256=sha256(model.content),
    )


def render(model: ModelFile, parts: Engine) -> str:
    """Return the page as text; the same for the same model and engine.

    Raises:
        ModelError: The model's metadata makes no sense.
    """
    wording = Wording.of(model.spec)
    return markup.page(
        Path(__file__).parent,
        *scripts_of(model.spec),
        # The engine's script becomes a blob, since a module inside a page cannot be imported; its
        # .wasm is compiled.
        admitted="blob: 'wasm-unsafe-eval'",
        preprocessing=model.spec.preprocessing,
        title=_text(f"{wording.heading[0].lower()}{wording.heading[1:]}"),
        **{name: _text(sentence) for name, sentence in asdict(wording).items()},
        about=markup.tag("span", _about(model)),
        engine=engine.PACKAGE,
        facts=markup.json_in_html(to_json(describe(model))),
        model=_pack(model.content),
        engine_script=_pack(parts.script),
        engine_wasm=_pack(parts.wasm),
    )


def scripts_of(spec: ModelSpec) -> list[str]:
    """Return the names of a page's scripts in their order: those alone that its model needs."""
    if not spec.reads_strokes:
        return ["picture.js", "resize.js", "page.js", "showing.js"]
    if not are_digits(spec.labels):
        return ["picture.js", "page.js"]
    numbers = [f"numbers/{name}.js" for name in NUMBERS]
    return ["picture.js", *numbers, "page.js", "switching.js"]


def _text(sentence: str) -> Markup:
    """Return a sentence for an element, or for an attribute in quotes."""
    return markup.join([sentence])


def _pack(content: bytes) -> str:
    """Return what ``unpacked`` in page.js takes."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _about(model: ModelFile) -> str:
    """Return a sentence for people: what the network is, and how well it reads."""
    size = f"{len(model.content) / 1e3:,.0f} kB"
    network = f"The network: an ONNX file, {model.spec.precision}, {size}"
    found = model.provenance
    if found.accuracy is None or found.images is None:
        return f"{network}; not verified."
    accuracy = f"{found.accuracy:.2%} accurate on {found.images:,} test images of {found.data}"
    return f"{network}; {accuracy}."
