"""Whether a Ray cluster answers, asked from outside: Ray, once it tries to join, tries for minutes."""

import socket
import subprocess
import sys
from ipaddress import ip_address

from sweep.errors import InfrastructureError

CONNECT_SECONDS = 10  # for a machine to answer
ANSWER_SECONDS = 30  # for a cluster to say how it is


def check_cluster(address: str) -> None:
    """Raise InfrastructureError if no cluster answers at `address`: HOST:PORT, or "auto" for this machine's cluster."""
    if (place := _place(address)) is not None:
        try:
            _knock(place, CONNECT_SECONDS)
        except (OSError, OverflowError) as error:
            raise InfrastructureError(f"cannot start Ray at {address}: nothing answers there ({error})") from error
    try:
        asked = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
        answer = subprocess.run(
            asked,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is this process's: it is no answer
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"cannot start Ray at {address}: what answers there is no Ray cluster") from None
    if answer.returncode != 0:
        reason = (answer.stderr or answer.stdout or "no reason given").strip().splitlines()[-1]
        raise InfrastructureError(f"cannot start Ray at {address}: {reason}")


def is_here(address: str) -> bool:
    """Whether HOST:PORT is on the loopback interface."""
    if (place := _place(address)) is None:
        return False
    try:
        return ip_address(socket.gethostbyname(place[0])).is_loopback
    except OSError:  # an unknown name: `check_cluster` says so
        return False


def answers(head: str, seconds: float) -> bool:
    """Whether something listens at HOST:PORT."""
    place = _place(head)
    assert place is not None, head
    try:
        _knock(place, seconds)
    except OSError:
        return False
    return True


def _knock(place: tuple[str, int], seconds: float) -> None:
    """Raises OSError where nothing listens at `place`, OverflowError where that is no port."""
    socket.create_connection(place, timeout=seconds).close()


def _place(address: str) -> tuple[str, int] | None:
    """Host and port; None of Ray's other forms, such as auto."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() and "://" not in address else None
