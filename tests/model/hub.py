"""A minimal hub server: the part of Hugging Face's protocol that is needed to download files of a repository.

`GET` or `HEAD /<owner>/<name>/resolve/<revision>/<file>` answers with the file of a model, its ETag and its commit,
and below `/datasets` with that of a data set. Missing files give 404 with the error code by which the client tells the
cases apart. `GET /api/datasets/<owner>/<name>` lists the files of a data set. The server listens on the loopback
interface.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMITS = {"main": "a" * 40, "v1": "b" * 40}


@dataclass
class Hub:
    """Models and data sets by id; each is a folder. `cut` files are sent short of their announced length."""

    repositories: dict[str, Path]
    datasets: dict[str, Path] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        self.requests.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            return self.listing(parts[1:])
        repositories = self.repositories
        if parts[0] == "datasets":
            repositories, parts = self.datasets, parts[1:]
        if len(parts) < 5 or parts[2] != "resolve" or "/".join(parts[:2]) not in repositories:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        revision, name = parts[3], "/".join(parts[4:])
        commit = COMMITS.get(revision, revision)
        if commit not in COMMITS.values():
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        file = repositories["/".join(parts[:2])] / name
        if not file.is_file():
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b""
        body = file.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        headers = {"ETag": tag, "X-Repo-Commit": commit, "Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
        return 200, headers, body

    def listing(self, parts: list[str]) -> tuple[int, dict[str, str], bytes]:
        """The commit and the names of the files of `datasets/<owner>/<name>[/revision/<revision>]`."""
        name, revision = "/".join(parts[1:3]), unquote(parts[4]) if len(parts) > 4 else "main"
        if parts[0] != "datasets" or name not in self.datasets:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        commit = COMMITS.get(revision, revision)
        if commit not in COMMITS.values():
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        folder = self.datasets[name]
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        body = json.dumps({"id": name, "sha": commit, "siblings": [{"rfilename": name} for name in names]}).encode()
        return 200, {"Content-Length": str(len(body)), "Content-Type": "application/json"}, body


@contextmanager
def serve(hub: Hub) -> Iterator[str]:
    """The hub's address while it is open."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.respond(with_body=False)

        def do_GET(self) -> None:
            self.respond(with_body=True)

        def respond(self, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            status, headers, body = hub.answer(path)
            if path.rpartition("/")[2] in hub.cut and with_body:
                body = body[: len(body) // 2]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
