"""The page over HTTP, from this machine: for a phone, or a browser that opens no files."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mnist_edge.errors import OptionError


class _Server(ThreadingHTTPServer):
    """Listens on a port alone, and goes on when a browser leaves before it has the whole page."""

    allow_reuse_address = os.name != "nt"  # there it would let two programs listen on one port
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing."""


def require_address(host: str, port: int) -> None:
    """Refuse an address that nothing can be served on; arguments and errors as of ``server``."""
    server(b"", host, port).server_close()


def server(page: bytes, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of one page, which listens already; ``serve_forever`` lets it answer.

    Args:
        page: The page's bytes.
        host: The address to listen on.
        port: The port; 0 takes one that is free.

    Raises:
        OptionError: The address is not this machine's, or the port is taken or forbidden.
    """

    class Handler(BaseHTTPRequestHandler):
        """Knows one page, at /."""

        protocol_version = "HTTP/1.1"
        # Seconds that a connection may wait for its next request, or take for the page.
        timeout = 60

        def do_GET(self) -> None:
            self._answer(page)

        def do_HEAD(self) -> None:
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            if self.path.partition("?")[0] != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-cache")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing: a line for each request is no news."""

    try:
        if not host:  # which would be all addresses
            raise ValueError("it is empty")
        return _Server((host, port), Handler)
    except (OSError, OverflowError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OptionError(
            f"expected an IPv4 address of this machine and a free port, received {host!r} and "
            f"{port} ({reason}): name others"
        ) from None
