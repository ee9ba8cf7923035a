"""What all commands share of Typer's: the order of their help, --quiet and --verbose."""

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from mnist_edge.cli import verbosity
from mnist_edge.errors import OptionError

INPUT = frozenset(
    [
        *("--model", "--reference", "--keras", "--data", "--labels", "--label-column", "--resize"),
        *("--column", "--max-pixels"),
    ]
)
"""Options that name what is read."""

OUTPUT = frozenset(
    [
        *("--target", "--precision", "--out", "--format", "--keep", "--probabilities"),
        *("--png", "--plot", "--preview", "--html", "--top", "--show", "--json"),
    ]
)
"""Options that name what is written or printed."""

NAMES = frozenset(
    [
        *("--out", "--out-dir", "--html", "--png", "--plot", "--preview"),
        *("--reference", "--keras", "--labels", "--label-column"),
    ]
)
"""Options whose value is a name of a file, a folder, classes or a column."""

TAKES_URLS = frozenset(["score"])

_URL = re.compile(r"^(?:--[\w-]+=)?[A-Za-z][\w+.-]*://")

ORDER = (
    *("predict", "score", "demo", "info"),
    *("export", "verify", "benchmark", "compare"),
    *("data", "train", "compress"),
)
"""The commands as help lists them: running a model, making its files, making the model."""

GENERAL = frozenset(["--quiet", "--verbose", "--help", "--version"])
"""Options of every command."""

SECTIONS = ("Arguments", "Input", "Output", "Options", "General")
"""The titles in a command's help, in order."""


class Command(TyperCommand):
    """A command: its help lists arguments, input, output, other options, those of all commands."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        settings["params"] = [*(settings.get("params") or []), *_general()]
        super().__init__(name, **settings)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty names, and URLs where files are read and written by their path alone."""
        _require_names(args)
        for text in args:
            if _URL.search(text) and self.name not in TAKES_URLS:
                url = text[text.index("=") + 1 :] if text.startswith("-") else text
                raise OptionError(f"expected a path, received the URL {url}: fetch it first")
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line, without Typer's braces around what is required."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the parameters, a section each kind."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                name, text = record
                sections[_section_of(parameter)].append((name, in_words(text)))
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Group(TyperGroup):
    """``mnist-edge`` itself."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands as help lists them."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command with the whole of its first sentence."""
        rows = []
        for name in self.list_commands(ctx):
            rows.append((name, (self.commands[name].help or "").partition("\n")[0]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _require_names(args: list[str]) -> None:
    """Refuse an empty name of a file or folder: a path would take it for the current folder.

    Raises:
        OptionError: There is one.
    """
    for before, text in zip(["", *args], args, strict=False):
        option, has_value, value = text.partition("=")
        if before in NAMES and not text:
            raise OptionError(f"expected a name with {before}, received an empty one")
        if option in NAMES and has_value and not value:
            raise OptionError(f"expected a name with {option}, received an empty one")


def in_words(text: str) -> str:
    """Return Typer's text of a parameter or a wrong value without notation of programs."""
    text = re.sub(r"\[default: \((.+?)\)(; |\])", r"[default: \1\2", text, flags=re.DOTALL)
    text = re.sub(r"not in the range (-?\d+)<=x<=(-?\d+)", r"not from \1 to \2", text)
    text = re.sub(r"not in the range x>=(-?\d+)", r"less than \1", text)
    text = re.sub(r"(-?\d+)<=x<=(-?\d+)", r"from \1 to \2", text)
    text = re.sub(r"x>=(-?\d+)", r"\1 or more", text)
    text = re.sub(r"a valid (?:int|integer)(?: range)?", "a whole number", text)
    text = re.sub(r"a valid float(?: range)?", "a number", text)
    text = re.sub(
        r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)",
        r"expected no further argument, received \1",
        text,
    )
    text = re.sub(r"No such option: (\S+)", r"No such option '\1'", text)
    text = re.sub(r" \(Possible options: ([\w-]+)\)", r". Did you mean '\1'?", text)
    return re.sub(r" \(Possible options: (.+)\)", r". Did you mean one of \1?", text)


def _section_of(parameter: Any) -> str:
    """Return the title under which help has a parameter."""
    if parameter.param_type_name == "argument":
        return "Arguments"
    names = set(parameter.opts)
    if names & INPUT:
        return "Input"
    if names & OUTPUT:
        return "Output"
    return "General" if names & GENERAL else "Options"


def _general() -> list[TyperOption]:
    """Return the options that every command takes, as mnist-edge itself does before it."""
    return [
        TyperOption(
            param_decls=["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=lambda _context, _option, value: verbosity.be_quiet(value),
            help=verbosity.QUIET_HELP,
        ),
        TyperOption(
            param_decls=["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=lambda _context, _option, value: verbosity.be_verbose(value),
            help=verbosity.VERBOSE_HELP,
        ),
    ]
