"""Check Ray: who can reach it, RAY_ADDRESS, and what killed runs left behind."""

import os
from ipaddress import ip_address
from typing import Any

import psutil

from sweep.doctor.findings import Check, note, ok, problem
from sweep.execution.ray_backend.private_folder import left_folders
from sweep.store import retention

PROGRAMS = ("raylet", "gcs_server", "ray::", "/ray/")  # found in the command lines of Ray's processes
DASHBOARD = ("dashboard.py", "dashboard/agent.py", "ray-dashboard", "ray::Dashboard")


def ports() -> Check:
    """Find ports of this user's Ray that others can reach. Whoever can reach a dashboard can run code."""
    exposed, dashboards = [], []
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.pid is None:
            continue
        address: Any = connection.laddr  # its type allows an empty tuple, but a listener has an address
        ip, command = address.ip, _own_command(connection.pid)
        where = f"{ip}:{address.port} (process {connection.pid})"
        if is_dashboard(command):
            dashboards.append((ip, where))
        elif is_ray(command) and not is_loopback(ip):
            exposed.append(where)
    return judge_ports(exposed, dashboards)


def judge_ports(exposed: list[str], dashboards: list[tuple[str, str]]) -> Check:
    """Return the finding for `exposed` addresses (not on loopback) and `dashboards` (IP and address of each)."""
    if outward := [address for ip, address in dashboards if not is_loopback(ip)]:
        return problem(
            "ray's ports",
            f"a Ray dashboard listens to the network on {', '.join(outward)}: whoever can reach it can run code as you",
            "run `ray stop`, then start Ray with --include-dashboard=false, or with --dashboard-host 127.0.0.1 and "
            "RAY_AUTH_MODE=token",
        )
    if exposed:
        return note(
            "ray's ports",
            f"a Ray that this tool did not start listens to the network on {', '.join(sorted(exposed))}",
            "run `ray stop`, unless it is your cluster; then keep it behind a firewall, with RAY_AUTH_MODE=token",
        )
    if dashboards:
        return note(
            "ray's ports",
            f"a Ray dashboard listens on {', '.join(address for _, address in dashboards)}, on this machine only",
            "run `ray stop` unless you need it: web pages and other users of this machine can reach it",
        )
    return ok("ray's ports", "no Ray process of yours listens to the network")


def _own_command(pid: int) -> str:
    """Return the command line of a process; empty if it belongs to another user or is gone."""
    try:
        process = psutil.Process(pid)
        return " ".join(process.cmdline()) if process.uids().real == os.getuid() else ""
    except psutil.Error:
        return ""


def is_ray(command: str) -> bool:
    return any(program in command for program in PROGRAMS)


def is_dashboard(command: str) -> bool:
    return is_ray(command) and any(name in command for name in DASHBOARD)


def is_loopback(ip: str) -> bool:
    """Return whether `ip` is a loopback address, also if it is an IPv4 address written as IPv6."""
    address = ip_address(ip.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def address() -> Check:
    """Check RAY_ADDRESS: Ray would join the cluster that it names, but this tool does not."""
    value = os.environ.get("RAY_ADDRESS")
    if value:
        return note(
            "RAY_ADDRESS", f"is {value!r}, but this tool ignores it", f"to use that cluster, pass --address {value}"
        )
    return ok("RAY_ADDRESS", "not set; a run starts a private Ray unless --address is given")


def left_behind() -> Check:
    """Find private folders that killed runs left behind."""
    folders = left_folders()
    if not folders:
        return ok("left behind", "no folders of killed runs")
    count = f"{len(folders)} private folder" + ("s" if len(folders) > 1 else "")
    size = sum(map(retention.size, folders))
    return note(
        "left behind",
        f"{count} of killed runs, {size / 2**20:.0f} MiB: {', '.join(map(str, folders[:3]))}",
        "`sweep gc` removes them, and so does the next run",
    )
