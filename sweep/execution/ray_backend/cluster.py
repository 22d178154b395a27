"""Check from outside whether a Ray cluster answers, because Ray itself tries for minutes to join one."""

import socket
import subprocess
import sys
from ipaddress import ip_address

from sweep.errors import InfrastructureError

CONNECT_SECONDS = 10  # time for a machine to accept a connection
ANSWER_SECONDS = 30  # time for a cluster to report its status


def check_cluster(address: str) -> None:
    """Raise InfrastructureError if no cluster answers at `address`: HOST:PORT, or "auto" for this machine's cluster."""
    if (place := _host_and_port(address)) is not None:
        try:
            _connect_to(place, CONNECT_SECONDS)
        except (OSError, OverflowError) as error:
            raise InfrastructureError(f"cannot start Ray at {address}: nothing answers there ({error})") from error
    try:
        asked = [sys.executable, "-P", "-m", "ray.scripts.scripts", "status", "--address", address]
        answer = subprocess.run(
            asked,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # keep Ctrl-C from ending the query, which would look like an answer
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(
            f"cannot start Ray at {address}: no Ray cluster answered within {ANSWER_SECONDS} s"
        ) from None
    if answer.returncode != 0:
        reason = (answer.stderr or answer.stdout or "no reason given").strip().splitlines()[-1]
        raise InfrastructureError(f"cannot start Ray at {address}: {reason}")


def is_local(address: str) -> bool:
    """Return whether HOST:PORT is on the loopback interface."""
    if (place := _host_and_port(address)) is None:
        return False
    try:
        return ip_address(socket.gethostbyname(place[0])).is_loopback
    except OSError:  # an unknown name, which `check_cluster` reports
        return False


def is_listening(head: str, seconds: float) -> bool:
    """Return whether a program listens at HOST:PORT."""
    place = _host_and_port(head)
    assert place is not None, head
    try:
        _connect_to(place, seconds)
    except OSError:
        return False
    return True


def _connect_to(place: tuple[str, int], seconds: float) -> None:
    """Raise OSError if nothing listens at `place`, OverflowError if the port is out of range."""
    socket.create_connection(place, timeout=seconds).close()


def _host_and_port(address: str) -> tuple[str, int] | None:
    """Return the host and port of HOST:PORT; None for Ray's other forms of an address, such as auto."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() and "://" not in address else None
