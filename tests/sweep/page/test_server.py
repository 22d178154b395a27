"""The served page: loopback only, with its token only, GET only, and as new as the ledger."""

import http.client
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from playwright.sync_api import Browser

from sweep.errors import UsageError
from sweep.page.server import PageServer
from sweep.store.run_folder import RunFolder
from sweep.testing import drive


@pytest.fixture
def server(empty_run: RunFolder) -> Iterator[PageServer]:
    with PageServer([empty_run]) as started:
        thread = threading.Thread(target=started.serve_forever, args=(0.05,))
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def ask(server: PageServer, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, dict[str, str]]:
    """The status, body and headers of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    headers = {"Host": host} if host is not None else {}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def test_it_listens_on_loopback_only(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=2)


def test_the_page_needs_the_token(server: PageServer) -> None:
    status, body, headers = ask(server, f"/{server.token}/")
    assert status == 200
    assert body.startswith("<!doctype html>")
    assert 'data-renew="version"' in body
    assert "connect-src &#39;self&#39;" in body
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert len(server.token) >= 20


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/version",
        "/{token}",
        "/{token}x/",
        "/{token}/../run.json",
        "/{token}/%2e%2e/",
        "/{token}//",
        "/{token}/version/",
        "/x/{token}/",
    ],
)
def test_other_addresses_are_not_found(server: PageServer, path: str) -> None:
    if path == "/{token}":
        path = "/" + server.token[:-1]
    status, body, _ = ask(server, path.format(token=server.token))
    assert status == 404
    assert server.token not in body


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1", "localhost:1", "[::1]:80", "127.0.0.1:80@example.org", ""]
)
def test_other_hosts_are_refused(server: PageServer, host: str) -> None:
    """A site whose name resolves to this machine (DNS rebinding) sends its own name."""
    assert ask(server, f"/{server.token}/", host=host)[0] in (400, 403)


def test_the_address_without_its_last_slash_leads_to_the_page(server: PageServer) -> None:
    status, _, headers = ask(server, f"/{server.token}")
    assert (status, headers["Location"]) == (308, f"/{server.token}/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_only_get_is_answered(server: PageServer, method: str) -> None:
    assert ask(server, f"/{server.token}/", method)[0] == 405


def test_the_page_follows_the_ledger(server: PageServer, empty_run: RunFolder) -> None:
    before = ask(server, f"/{server.token}/version")[1]
    assert "No point has a score yet." in ask(server, f"/{server.token}/")[1]
    assert ask(server, f"/{server.token}/version")[1] == before
    drive(empty_run)
    assert ask(server, f"/{server.token}/version")[1] != before
    assert "Best chrf: 40.000" in ask(server, f"/{server.token}/")[1]


def test_a_run_that_cannot_be_read_is_an_answer(server: PageServer, empty_run: RunFolder) -> None:
    empty_run.ledger.write_text("not a ledger\n{}\n")
    status, body, _ = ask(server, f"/{server.token}/")
    assert status == 503
    assert "cannot be read now" in body


def test_a_taken_port_is_one_error(server: PageServer, empty_run: RunFolder) -> None:
    with pytest.raises(UsageError, match=rf"--port {server.server_port}: Address already in use; choose another"):
        PageServer([empty_run], server.server_port)


def test_the_command_serves_until_ctrl_c(
    spawn: Callable[[Sequence[object]], "subprocess.Popen[str]"], empty_run: RunFolder
) -> None:
    process = spawn(["serve", empty_run.name])
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    port, token = int(address.split(":")[2].split("/")[0]), address.rstrip("/").rpartition("/")[2]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/{token}/version")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.endswith("stopped\n")
    assert token not in said


@pytest.mark.slow
def test_a_browser_renews_the_page(server: PageServer, empty_run: RunFolder, browser: Browser) -> None:
    context = browser.new_context()
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(server.address)
    tab.wait_for_selector("text=No point has a score yet.")
    tab.wait_for_timeout(3_500)  # it has asked once for the version
    drive(empty_run)
    tab.wait_for_selector("text=Best chrf: 40.000", timeout=15_000)
    context.close()
    assert said == []


def test_sweep_serve_has_no_runs(sweep: Callable[..., Result], tmp_path: Path) -> None:
    result = sweep("serve", "--out", tmp_path / "none")
    assert result.exit_code == 2
    assert "holds no runs yet" in result.stderr
