"""Keys and HTTP clients for benchmarks of a running service."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from forge.stack import Stack

ROOT = Path(__file__).resolve().parent.parent


def manage(data: Path, *arguments: str, database: str | None = None) -> str:
    """Run a command of manage.py on this folder and return its output."""
    variables = {**os.environ, "FORGE_DATA": str(data), **({"DATABASE_URL": database} if database else {})}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.check_output(command, cwd=ROOT, env=variables, text=True).strip()


def make_key(data: Path, *, account: str = "bench", credits: int = 1_000_000, database: str | None = None) -> str:
    return manage(data, "make_key", "--account", account, "--credits", str(credits), database=database)


def make_client(stack: Stack, key: str, *, timeout_s: float = 120) -> httpx.Client:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    return httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=timeout_s, trust_env=False)
