"""Checks around Ray: who could reach it, what is set for it, what killed runs left of it."""

import os
from ipaddress import ip_address
from typing import Any

import psutil

from sweep.doctor.findings import Check, note, ok, problem
from sweep.execution.ray_backend.private_folder import left_folders
from sweep.store import retention

PROGRAMS = ("raylet", "gcs_server", "ray::", "/ray/")  # in the command line of a process of Ray's
DASHBOARD = ("dashboard.py", "dashboard/agent.py", "ray-dashboard", "ray::Dashboard")


def ports() -> Check:
    """Listeners of this user's Ray processes that others may reach. Whoever reaches a dashboard may run code."""
    exposed, dashboards = [], []
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.pid is None:
            continue
        address: Any = connection.laddr  # typed as if it could be empty, which a listener's never is
        ip, command = address.ip, _own_command(connection.pid)
        where = f"{ip}:{address.port} (process {connection.pid})"
        if is_dashboard(command):
            dashboards.append((ip, where))
        elif is_ray(command) and not is_loopback(ip):
            exposed.append(where)
    return judge_ports(exposed, dashboards)


def judge_ports(exposed: list[str], dashboards: list[tuple[str, str]]) -> Check:
    """`exposed`: addresses beyond loopback; `dashboards`: IP and address of each, wherever they listen."""
    if outward := [address for ip, address in dashboards if not is_loopback(ip)]:
        return problem(
            "ray's ports",
            f"a Ray dashboard listens to the network on {', '.join(outward)}: whoever reaches it may run code as you",
            "ray stop; start it again with --include-dashboard=false, or with --dashboard-host 127.0.0.1 and "
            "RAY_AUTH_MODE=token",
        )
    if exposed:
        return note(
            "ray's ports",
            f"a Ray that is not this tool's listens to the network on {', '.join(sorted(exposed))}",
            "ray stop, unless it is a cluster of yours: then keep it behind a firewall, with RAY_AUTH_MODE=token",
        )
    if dashboards:
        return note(
            "ray's ports",
            f"a Ray dashboard listens on {', '.join(address for _, address in dashboards)}, for this machine only",
            "ray stop, unless it is needed: web pages and other users of this machine may reach it",
        )
    return ok("ray's ports", "no Ray process of yours listens to the network")


def _own_command(pid: int) -> str:
    """The command line of a process of this user; empty for another's, or one that is gone."""
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
    """Also of an IPv4 address in IPv6's clothes."""
    address = ip_address(ip.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def address() -> Check:
    """Ray itself would join the cluster that this names."""
    value = os.environ.get("RAY_ADDRESS")
    if value:
        return note("RAY_ADDRESS", f"is {value!r}, which is ignored", f"to use that cluster, say so: --address {value}")
    return ok("RAY_ADDRESS", "not set; a run starts a private Ray unless --address is given")


def left_behind() -> Check:
    """Private folders of runs that were killed before they could remove theirs."""
    folders = left_folders()
    if not folders:
        return ok("left behind", "nothing of killed runs")
    count = f"{len(folders)} private folder" + ("s" if len(folders) > 1 else "")
    size = sum(map(retention.size, folders))
    return note(
        "left behind",
        f"{count} of killed runs, {size / 2**20:.0f} MiB: {', '.join(map(str, folders[:3]))}",
        "`sweep gc` removes them, and so does the next run",
    )
