"""What a page says: of a model of digits, of other characters, of pictures."""

from dataclasses import dataclass

from mnist_edge.model_spec import DIGITS, ModelSpec

MOST_BARS = 10
"""Classes whose probabilities are all shown; of more, as many of the likeliest."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of a page that depend on its model. None of them holds a label of it.

    Attributes:
        heading: What to do.
        summary: What the page is, in a sentence.
        ready: What to do, once the network is there.
        rejected: What else a doubtful answer may be.
        opener: On the button that opens a file.
        hint: The ways to draw and to bring a picture.
        bars: Which probabilities are shown.
        seen: What the network sees.
    """

    heading: str
    summary: str
    ready: str
    rejected: str
    opener: str
    hint: str
    bars: str
    seen: str

    @classmethod
    def of(cls, spec: ModelSpec) -> "Wording":
        """Return the sentences for a model of images."""
        return _for_strokes(spec) if spec.reads_strokes else _for_pictures(spec)


def _for_strokes(spec: ModelSpec) -> Wording:
    what = _character(spec.labels)
    return Wording(
        heading=f"Draw a {what}",
        summary=f"Draw a {what}: a neural network reads it, on this device.",
        ready=f"Ready: draw a {what}, large.",
        rejected=f"or no {what} at all",
        opener="Open a photo",
        hint=f"Mouse, pen or finger; or drop or paste a photo of one {what}.",
        bars=_bars(spec, what),
        seen=f"{_size(spec)} pixels, prepared as MNIST's images were.",
    )


def _for_pictures(spec: ModelSpec) -> Wording:
    shape = spec.input.shape
    colour = "in colour" if len(shape) == 3 and shape[2] > 1 else "in grey"
    return Wording(
        heading="Show a picture",
        summary="Show a picture: a neural network says what it is, on this device.",
        ready="Ready: open, drop or paste a picture, or draw one.",
        rejected="or none of its classes",
        opener="Open a picture",
        hint="Drop a picture anywhere on this page, or paste one; or draw with mouse, pen or "
        "finger, in black on white or in white on black.",
        bars=_bars(spec, "class"),
        seen=f"{_size(spec)} pixels {colour}, the whole picture stretched to fit.",
    )


def _character(labels: tuple[str, ...]) -> str:
    """Return what one of the labels is."""
    if set(labels) <= set(DIGITS):
        return "digit"
    if not all(len(label) == 1 and label.isalnum() for label in labels):
        return "character"
    return "letter" if all(map(str.isalpha, labels)) else "digit or letter"


def _bars(spec: ModelSpec, what: str) -> str:
    if len(spec.labels) > MOST_BARS:
        return f"Probability of the {MOST_BARS} likeliest of {len(spec.labels):,} classes"
    return f"Probability of each {what}"


def _size(spec: ModelSpec) -> str:
    """Return rows and columns, as people write the size of a picture: width first."""
    rows, columns = spec.input.shape[:2]
    return f"{columns} \N{MULTIPLICATION SIGN} {rows}"
