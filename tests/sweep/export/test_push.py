"""Uploads to a hub, tested against a hub on loopback."""

import base64
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sweep.errors import InfrastructureError, UsageError
from sweep.export.push import check_repository, push

OWNER = "someone/sonnets"


class Hub(ThreadingHTTPServer):
    """Takes repositories and commits, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.refuses = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refuses:
            return self.say({"error": "Invalid token"}, 401)
        if self.path == "/api/validate-yaml":
            return self.say({"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            return self.say({"url": f"{self.server.address}/{OWNER}", "name": OWNER})
        if self.path == f"/api/models/{OWNER}/preupload/main":
            paths = [one["path"] for one in json.loads(body)["files"]]
            files = [{"path": path, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for path in paths]
            return self.say({"files": files})
        if self.path == f"/api/models/{OWNER}/commit/main":
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            oid = "0" * 40
            return self.say(
                {"success": True, "commitOid": oid, "commitUrl": f"{self.server.address}/{OWNER}/commit/{oid}"}
            )
        return self.say({}, 404)

    def do_GET(self) -> None:
        self.say({"id": OWNER, "sha": "0" * 40, "siblings": []})

    def say(self, content: dict[str, Any], code: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    yield server
    server.shutdown()
    server.server_close()


def test_a_folder_arrives_whole_in_a_private_repository(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(range(256)) * 10)
    assert push(tmp_path, OWNER, public=False) == f"{hub.address}/{OWNER}/commit/{'0' * 40}"
    assert [(one["name"], one["visibility"]) for one in hub.created] == [("sonnets", "private")]
    assert hub.files == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_refusal_is_one_clear_error(hub: Hub, tmp_path: Path) -> None:
    hub.refuses = True
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InfrastructureError, match=r"cannot upload to someone/sonnets: .* log in with `hf auth login`"):
        push(tmp_path, OWNER, public=False)


def test_a_name_without_an_owner_is_refused() -> None:
    with pytest.raises(UsageError, match="'sonnets' is not the name of a repository; write OWNER/NAME"):
        check_repository("sonnets")


def test_nothing_is_uploaded_without_consent(
    finished: Path, hub: Hub, sweep: Callable[..., Any], tmp_path: Path
) -> None:
    asked = sweep("export", finished, "--to", tmp_path / "one", "--push", OWNER)
    assert (asked.exit_code, hub.files) == (2, {})
    assert "There was no answer, so nothing was done; add --yes" in asked.output
    done = sweep("export", finished, "--to", tmp_path / "two", "--push", OWNER, "--yes", "--public")
    assert done.exit_code == 0, done.output
    assert set(hub.files) >= {"README.md", "config.json", "model.safetensors", "tokenizer.json"}
    assert hub.created[0]["visibility"] == "public"
