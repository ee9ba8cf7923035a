"""The page over HTTP, from this machine: for a phone, or a browser that opens no files."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mnist_edge.errors import OptionError


class PageServer(ThreadingHTTPServer):
    """Serves one page at /, on a port that is its own.

    It listens as soon as it is made; ``serve_forever`` answers, with what ``page`` is by then.

    Args:
        host: The address to listen on.
        port: The port; 0 takes one that is free.

    Raises:
        OptionError: The address is not this machine's, or the port is taken or forbidden.
    """

    page = b""
    allow_reuse_address = os.name != "nt"  # there it would let two programs listen on one port
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        try:
            if not host:  # which would be all addresses
                raise ValueError("it is empty")
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, TypeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OptionError(
                f"expected an IPv4 address of this machine and a free port, received {host!r} and "
                f"{port} ({reason}): name others"
            ) from None

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing where a browser leaves before it has the whole page."""


class _Handler(BaseHTTPRequestHandler):
    """Knows one page, at /."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    # Seconds that a connection may wait for its next request, or take for the page.
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self.server.page)

    def do_HEAD(self) -> None:
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        if self.path.partition("?")[0] != "/":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self.server.page)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing: a line for each request is no news."""
