"""Hosts as network namespaces, each joined by a veth pair to a bridge in this process's own network namespace.

A host also has a process namespace, so that the death of its first process kills all of it, and a host name. None is
registered under /run/netns: what is not stopped ends with this process.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

PREFIX = "10.77.0"
GATEWAY = f"{PREFIX}.1"  # this process's own address
BRIDGE = "forge0"


class Network:
    """A bridge. Make it in a network namespace of its own: `unshare --net`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[Host] = []

    def __enter__(self) -> Self:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.kill()
        ip("link", "del", BRIDGE)

    def host(self, name: str) -> "Host":
        self.hosts.append(Host(self, name, len(self.hosts) + 2))
        return self.hosts[-1]


class Host:
    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name = name
        self.address = f"{PREFIX}.{number}"
        self.folder = network.folder / name
        self.folder.mkdir(mode=0o755)
        self._cable = f"forge-{number}"
        self._processes: list[HostProcess] = []
        self._namespaces = subprocess.Popen(
            [
                *("unshare", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *("sh", "-c", f"hostname {name} && echo && exec sleep infinity"),
            ],
            stdout=subprocess.PIPE,
        )
        assert self._namespaces.stdout is not None
        self._namespaces.stdout.readline()
        self._namespaces.stdout.close()
        self._first = psutil.Process(self._namespaces.pid).children()[0].pid
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", str(self._first))
        ip("link", "set", self._cable, "master", BRIDGE)
        self.connect()
        for command in (f"addr add {self.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            self.run(["ip", *command.split()])

    def connect(self) -> None:
        ip("link", "set", self._cable, "up")

    def cut_off(self) -> None:
        """Take the link down: what is sent to or by this host is lost, and no connection is closed."""
        ip("link", "set", self._cable, "down")

    def kill(self) -> None:
        """End all processes of this host at once, as without power; nothing of them reaches the network."""
        if self._namespaces.poll() is None:
            self.cut_off()
            self._namespaces.kill()
            self._namespaces.wait()
        for process in self._processes:
            process.ended()

    def start(self, name: str, command: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> "HostProcess":
        self._processes.append(HostProcess(self._inside(command, folder), self.folder / f"{name}.log", env))
        return self._processes[-1]

    def run(self, command: Sequence[str], *, folder: Path = Path("/"), env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(self._inside(command, folder), env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stderr}"
        return done.stdout

    def _inside(self, command: Sequence[str], folder: Path) -> list[str]:
        namespaces = ("--net", "--uts", "--pid", "--mount")
        return ["nsenter", "--target", str(self._first), *namespaces, f"--wd={folder}", *command]


class HostProcess:
    """A process on a host, and its log."""

    def __init__(self, command: list[str], log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as output:
            self._nsenter = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def alive(self) -> bool:
        return self._nsenter.poll() is None

    def stop(self, number: int) -> None:
        """Send a signal and wait for the end."""
        for child in psutil.Process(self._nsenter.pid).children():
            child.send_signal(number)
        self.ended()

    def ended(self) -> None:
        self._nsenter.wait(60)

    def text(self) -> str:
        return self.log.read_text(errors="replace")


def ip(*arguments: str) -> None:
    deadline = time.monotonic() + 10
    while (done := subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)).returncode:
        # A namespace that ends takes its end of the cable along, after a while.
        assert time.monotonic() < deadline, f"ip {' '.join(arguments)}: {done.stderr}"
        time.sleep(0.1)
