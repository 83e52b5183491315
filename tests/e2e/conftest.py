"""Real stacks on folders of their own: loopback, free ports, scripted model, stopped by pid."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psutil
import pytest
from django.conf import settings

from forge.stack import Stack
from tests.postgres import MISSING, Cluster, programs, throwaway

TIMEOUT_S = 120.0  # an upper bound: a test continues as soon as its condition is met

FAKE_PYTHON = """\
#!/bin/sh
case "$*" in
*"-m pip --version"*) exit 0 ;;
*"-m pip install"*)
    echo "$*" >>"{venv}/installs"
    if [ -e "{venv}/killed" ]; then kill -9 $$; fi
    if [ -e "{venv}/refused" ]; then exit 1; fi
    exit 0 ;;
esac
exec "{python}" "$@"
"""

# CI has both and must not skip.
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ, reason="curl is not installed: apt install curl"
)


class MakeStack(Protocol):
    def __call__(
        self, *, webs: int = 1, workers: int = 1, env: dict[str, str | None] | None = None, data: Path | None = None
    ) -> Stack: ...


class MakeKey(Protocol):
    def __call__(
        self, data: Path, *, account: str = "alice", credits: int = 1000, database: str | None = None
    ) -> str: ...


def wait_until(condition: Callable[[], object], what: str, poll: Callable[[], object] = lambda: None) -> None:
    """Wait for the condition; `poll` is a stack's, so that what dies meanwhile is restarted."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {TIMEOUT_S:g} s for {what}"
        poll()
        time.sleep(0.05)


def environment(data: Path) -> dict[str, str]:
    """Return the environment of a command on this folder, with everything embedded and the scripted model."""
    kept = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "DATABASE_URL"}}
    return {**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "FORGE_DATA": str(data), "FORGE_MODELS": "scripted"}


def processes_on(data: Path) -> list[psutil.Process]:
    """Return every process that works on this folder, recorded or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and _works_on(process, data):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _works_on(process: psutil.Process, data: Path) -> bool:
    # Valkey overwrites its environment with its title, but it alone runs in its own folder.
    return process.environ().get("FORGE_DATA") == str(data) or process.cwd() == str(data / "valkey")


@contextmanager
def default_signal_handlers() -> Iterator[None]:
    """Restore the default handlers of SIGHUP and SIGINT, which a child would otherwise inherit as ignored under nohup
    or in the background of a script.
    """
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class UpCommand:
    """`manage.py up` in a process of its own."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "up", *(arguments or ("--port", "0"))]
        data.mkdir(parents=True, exist_ok=True)
        with (data / "stdout").open("w") as stdout, (data / "stderr").open("w") as stderr, default_signal_handlers():
            self.process = subprocess.Popen(
                command, env=environment(data), stdout=stdout, stderr=stderr, start_new_session=True
            )

    @property
    def stdout(self) -> str:
        return (self.data / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.data / "stderr").read_text()

    def url(self) -> str:
        """Wait for the ready line and return its address."""
        wait_until(lambda: self.stdout.endswith("\n") or self.process.poll() is not None, "the ready line")
        assert self.stdout.startswith("ready "), self.stderr
        return self.stdout.split()[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., UpCommand]]:
    started: list[UpCommand] = []

    def start(*arguments: str, data: Path = tmp_path) -> UpCommand:
        started.append(UpCommand(data, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def _stack(data: Path, webs: int, workers: int, env: dict[str, str | None] | None) -> Stack:
    scripted: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None}
    return Stack(data, port=0, webs=webs, workers=workers, env={**scripted, **(env or {})}, report=print)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One web server and one worker, ready, shared by tests that do not break it."""
    with _stack(tmp_path_factory.mktemp("stack"), 1, 1, None) as running:
        running.wait_ready(TIMEOUT_S)
        yield running


@pytest.fixture
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """Ready stacks of the test's own, which it may break."""
    started: list[Stack] = []

    def make(
        *, webs: int = 1, workers: int = 1, env: dict[str, str | None] | None = None, data: Path | None = None
    ) -> Stack:
        made = _stack(data or tmp_path_factory.mktemp("stack"), webs, workers, env)
        made.start()
        started.append(made)
        made.wait_ready(TIMEOUT_S)
        return made

    yield make
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def make_key() -> MakeKey:
    def make(data: Path, *, account: str = "alice", credits: int = 1000, database: str | None = None) -> str:
        made = subprocess.run(
            [sys.executable, "manage.py", "make_key", "--account", account, "--credits", str(credits)],
            cwd=settings.BASE_DIR,
            env={**os.environ, "FORGE_DATA": str(data), **({"DATABASE_URL": database} if database else {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    return make


@pytest.fixture(scope="session")
def stack_key(stack: Stack, make_key: MakeKey) -> str:
    """The key of account alice on the shared stack."""
    return make_key(stack.data)


@pytest.fixture
def client(stack: Stack, stack_key: str) -> Iterator[httpx.Client]:
    """A client of account alice on the shared stack, at the API's base path."""
    headers = {"X-API-Key": stack_key}
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    if programs() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with throwaway() as cluster:
        yield cluster


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A fake virtual environment with nothing installed yet: `pip install` is only recorded."""
    folder = tmp_path / "a venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    python = folder / "bin" / "python"
    python.write_text(FAKE_PYTHON.format(venv=folder, python=sys.executable))
    python.chmod(0o755)
    return folder
