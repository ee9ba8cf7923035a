"""mnist-edge demo: draw digits, or show pictures, in the browser."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_edge.cli.app import PAGE, Json, Model, command, echo, print_json
from mnist_edge.cli.render.tables import printable
from mnist_edge.cli.verbosity import note
from mnist_edge.documents import to_json
from mnist_edge.errors import OptionError

if TYPE_CHECKING:
    from mnist_edge.web.page import PageReport

LOCAL = "127.0.0.1"


@command
def demo(
    model: Model = None,
    out: Annotated[Path, typer.Option(metavar="HTML", help="Write the page to this file.")] = PAGE,
    serve: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="Serve the page on this port until Ctrl-C; 0 picks a free port.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="With --serve: listen on this address."),
    ] = LOCAL,
    as_json: Json = False,
) -> None:
    """Draw digits in the browser: one HTML page that works offline.

    Writes the page as export --target web does, and opens it. To use it on a phone, serve it on an
    address that the phone can reach; everyone on that network can then open it. The page takes
    drawings for a model of digits or letters, pictures for others.

    Example: mnist-edge demo

    Example: mnist-edge demo --model flowers.int8.onnx --out flowers.html

    Example: mnist-edge demo --serve 8000 --host 192.168.1.20
    """
    import webbrowser

    if serve is None and host != LOCAL:
        raise OptionError(
            "expected --serve PORT with --host: without it the page is opened from disk"
        )
    if serve is not None:
        _serve(model, out, host, serve, as_json)
        return
    made = make_page(model, out)
    show_page(made, as_json)
    if not webbrowser.open(out.resolve().as_uri()):
        note(f"no browser could be started: open {out} in a browser yourself")


def make_page(model: str | None, out: Path) -> "PageReport":
    """Make the page, with a note on stderr if its engine must be fetched first."""
    from mnist_edge.web import engine, page

    def on_fetch() -> None:
        note(f"fetching {engine.PACKAGE} (33 MB, once) with npm")

    return page.write(model, out, on_fetch)


def show_page(made: "PageReport", as_json: bool) -> None:
    """Print what ``make_page`` made."""
    if as_json:
        print_json(to_json(made))
    else:
        path = printable(made.path)
        inside = printable(made.model.path)
        echo(f"{path} ({made.bytes:,} bytes), {inside} inside, {made.status}")


def _serve(model: str | None, out: Path, host: str, port: int, as_json: bool) -> None:
    """Make the page and serve it until Ctrl-C."""
    from mnist_edge.web.serving import PageServer

    # Before the page, which may have to fetch its engine: an address that cannot be had is known
    # at once.
    with PageServer(host, port) as listening:
        made = make_page(model, out)
        listening.page = Path(made.path).read_bytes()
        address = f"http://{host}:{listening.server_port}/"
        if as_json:
            print_json(to_json(replace(made, address=address)))
        else:
            echo(f"{address}  (Ctrl-C ends it)")
        sys.stdout.flush()
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            note("no longer served")
