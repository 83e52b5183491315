"""Command lines of the web servers and workers; Procfile has the same options, which a test compares."""

import os
import sys

# Open streams do not delay the end of a web server: their clients reconnect and resume.
WEB_OPTIONS = [
    "--http", "forge.api.asgi.protocol:BoundedHttpProtocol",
    "--loop", "uvloop", "--ws", "none", "--lifespan", "on", "--no-access-log",
    "--timeout-graceful-shutdown", "3",
]  # fmt: skip
WORKER_OPTIONS = ["--pool", "threads", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]


def web_command(port: int) -> list[str]:
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "config.asgi:application", *address, *WEB_OPTIONS]


def worker_command(number: int) -> list[str]:
    # The pid keeps names apart where several stacks of one machine share a broker.
    name = f"forge-{os.getpid()}-{number}@%h"
    return [sys.executable, "-m", "celery", "-A", "config", "worker", "-n", name, *WORKER_OPTIONS]
