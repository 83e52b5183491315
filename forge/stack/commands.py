"""Command lines of the web servers and workers: of `up`, and of the commands `web` and `worker`."""

import os
import sys
from typing import NoReturn

from django.conf import settings

# Open streams do not delay the end of a web server: their clients reconnect and resume.
WEB_OPTIONS = [
    "--http", "forge.api.asgi.protocol:BoundedHttpProtocol",
    "--loop", "uvloop", "--ws", "none", "--lifespan", "on", "--no-access-log",
    "--timeout-graceful-shutdown", "3",
]  # fmt: skip
WORKER_OPTIONS = ["--pool", "threads", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
LOOPBACK = "127.0.0.1"


def reachable(host: str) -> str:
    """Return how a URL of this machine names a server that listens on this address."""
    named = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{named}]" if ":" in named else named


def web_command(port: int, host: str = LOOPBACK) -> list[str]:
    address = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "config.asgi:application", *address, *WEB_OPTIONS]


def worker_command(number: int = 1) -> list[str]:
    # The pid keeps names apart where several stacks of one machine share a broker.
    name = f"forge-{os.getpid()}-{number}@%h"
    return [sys.executable, "-m", "celery", "-A", "config", "--quiet", "worker", "-n", name, *WORKER_OPTIONS]


def run_in_place(command: list[str]) -> NoReturn:
    """Replace this process by the command, whose pid, signals and exit code it then has."""
    os.chdir(settings.BASE_DIR)
    # In the environment the folder may be relative to the one that was left.
    os.execve(sys.executable, command, {**os.environ, "FORGE_DATA": str(settings.FORGE_DATA)})  # noqa: S606
