"""What the benchmarks of a running service have in common: a key for it, and a client that has one."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from forge.stack import Stack

ROOT = Path(__file__).resolve().parent.parent


def manage(data: Path, *arguments: str, database: str | None = None) -> str:
    """What a command of manage.py prints, run on this folder."""
    variables = {**os.environ, "FORGE_DATA": str(data), **({"DATABASE_URL": database} if database else {})}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.check_output(command, cwd=ROOT, env=variables, text=True).strip()


def key_of(data: Path, *, account: str = "bench", credits: int = 1_000_000, database: str | None = None) -> str:
    return manage(data, "make_key", "--account", account, "--credits", str(credits), database=database)


def client_of(stack: Stack, key: str, *, timeout_s: float = 120) -> httpx.Client:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    return httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=timeout_s, trust_env=False)


def peak_mb(pid: int) -> float:
    """The most memory that the process has held, since its start or since its `clear_refs` was written."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
