"""Serve the page of runs on the loopback interface, to the browser that knows its token."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sweep.charts.source import open_source
from sweep.errors import UsageError
from sweep.page.page import page
from sweep.store.activity import stamp
from sweep.store.run_folder import RunFolder

HOST = "127.0.0.1"
VERSION = "version"  # the address, under the token, that names what the page was made from


class PageServer(ThreadingHTTPServer):
    """A server of one page, which it makes anew when a ledger has changed."""

    daemon_threads = True

    def __init__(self, folders: Sequence[RunFolder], port: int = 0, metric: str | None = None) -> None:
        """Listen on `port` (0: a free one). Raise UsageError if it is taken."""
        self.folders = folders
        self.metric = metric
        self.token = secrets.token_urlsafe(16)
        self._made: tuple[str, bytes] | None = None  # the version and the page
        self._making = threading.Lock()
        try:
            super().__init__((HOST, port), PageHandler)
        except OSError as error:
            raise UsageError(f"--port {port}: {error.strerror}; choose another port, or none") from error

    @property
    def hosts(self) -> tuple[str, str]:
        """Return the hosts that a request may name: a page of another site that resolves to this machine may not."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def version(self) -> str:
        """Return a text that changes when a ledger does."""
        return hashlib.sha256(repr([stamp(folder) for folder in self.folders]).encode()).hexdigest()[:16]

    def page(self) -> bytes:
        """Return the page as of now. Raise UsageError if a run cannot be read."""
        with self._making:
            version = self.version()
            if self._made is None or self._made[0] != version:
                sources = [open_source(folder, self.metric) for folder in self.folders]
                self._made = version, page(sources, renew=(VERSION, version)).encode()
            return self._made[1]


class PageHandler(BaseHTTPRequestHandler):
    """Answers GET for the page and its version, and nothing else."""

    server: PageServer
    server_version, sys_version = "sweep", ""
    timeout = 30  # seconds

    def do_GET(self) -> None:
        token, _, name = self.path.removeprefix("/").partition("/")
        if self.headers.get("Host") not in self.server.hosts:
            self._answer(HTTPStatus.FORBIDDEN, "this host is not served")
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()) or name not in ("", VERSION):
            self._answer(HTTPStatus.NOT_FOUND, "nothing here: use the whole address that `sweep serve` printed")
        elif self.path == f"/{token}":
            self._redirect()
        elif name == VERSION:
            self._answer(HTTPStatus.OK, self.server.version())
        else:
            self._send_page()

    def _send_page(self) -> None:
        try:
            self._answer(HTTPStatus.OK, self.server.page(), "text/html")
        except UsageError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"the run cannot be read now: {error}")

    def _redirect(self) -> None:
        """Lead to the address with its last slash, from which the page's own addresses start."""
        self.send_response(HTTPStatus.PERMANENT_REDIRECT)
        self.send_header("Location", f"/{self.server.token}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self) -> None:
        self.close_connection = True
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is answered")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse

    def _answer(self, status: HTTPStatus, content: str | bytes, kind: str = "text/plain") -> None:
        body = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address holds the token."""
