import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings

from forge.stack import ports
from forge.stack.commands import LOOPBACK, reachable, web_command, worker_command
from forge.stack.errors import StackError, StartFailed, StopRequested
from forge.stack.process import SupervisedProcess
from forge.stack.readiness import not_ready_reason
from forge.stack.state_file import RecordedProcess, StackState, SupervisorLock, stop_orphans
from forge.stack.valkey import Valkey

POLL_S = 0.2
VALKEY_START_S = 60.0
WEB_GRACE_S = 8.0
WORKER_MARGIN_S = 5.0  # beyond the grace in which a worker ends by itself
VALKEY_GRACE_S = 10.0
STOP_NOTICE_S = 4.0  # a stop that takes longer is reported


class Stack:
    """Valkey, the migrations, web servers and workers on one data folder.

    Start, poll and stop it from the main thread. Valkey is left out where REDIS_URL names another server.
    """

    def __init__(
        self,
        data: Path,
        port: int | None = None,
        webs: int = 1,
        workers: int = 1,
        env: Mapping[str, str | None] | None = None,
        report: Callable[[str], None] = lambda _sentence: None,
        host: str = LOOPBACK,
    ) -> None:
        """`port`: 0 is any free one, None the last used or 8000. `env`: variables of the children; None unsets.
        `host`: the IP address that the web servers listen on.

        `report` is called with sentences for the terminal: deaths with the last log lines, what a stop waits for.
        """
        self.data = data.absolute()
        self.urls: list[str] = []
        self.processes: dict[str, SupervisedProcess] = {}
        self._requested_port = port
        self._host = host
        self._webs = webs
        self._workers = workers
        self._env = dict(env or {})
        self._report = report
        self._redis_url: str | None = None
        self._ports: list[int] = []
        self._last_port: int | None = None
        self._lock = SupervisorLock(self.data)
        self._stop_requested = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    def start(self) -> None:
        """Return when Valkey is ready, the tables are made and the other processes are started, not yet ready."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            stop_orphans(self.data)
            self._allocate_ports()
            self._start_valkey()
            self._migrate()
            self._start_webs()
            self._start_workers()
        except BaseException:
            self.stop()
            raise

    def poll(self) -> None:
        """Restart what has died. Call it every fraction of a second."""
        for process in self.processes.values():
            if sentence := process.poll():
                self._report(sentence)

    def not_ready_reason(self) -> str | None:
        """Return what the web servers still wait for, as a sentence; None when all are ready."""
        return not_ready_reason(self.urls)

    def wait_ready(self, timeout: float = 120.0) -> None:
        deadline = time.monotonic() + timeout
        while reason := self.not_ready_reason():
            if time.monotonic() > deadline:
                raise StackError(f"Not ready after {timeout:g} s. {reason} The logs are in {self.logs}.")
            self.poll()
            self._sleep(POLL_S)

    def request_stop(self) -> None:
        """Make a start under way raise StopRequested. Safe in a signal handler."""
        self._stop_requested = True

    def stop(self) -> None:
        """Shut down in order, web servers first and Valkey last. An exception from outside kills what is left."""
        try:
            for prefix in ("web", "worker", "migrate", "valkey"):
                self._stop_all([process for name, process in self.processes.items() if name.startswith(prefix)])
        finally:
            for process in self.processes.values():
                process.terminate()
                process.kill()
            if self._lock.held and self.urls:
                StackState(port=self._last_port).save(self.data)
            self.processes.clear()
            self._lock.release()

    def _allocate_ports(self) -> None:
        last = StackState.load(self.data).port
        self._ports = [ports.web_port(self._requested_port, last, self._host)]
        self._last_port = last if self._requested_port == 0 else self._ports[0]
        while len(self._ports) < self._webs:
            self._ports.append(ports.free_port(excluded=self._ports))
        self.urls = [f"http://{reachable(self._host)}:{port}" for port in self._ports]

    def _stop_all(self, processes: list[SupervisedProcess]) -> None:
        for process in processes:
            process.terminate()
        for process in processes:
            if not process.wait(STOP_NOTICE_S):
                self._report(f"{process.name} completes its work in flight, for {process.grace:g} s at most.")
            process.stop()

    def _start_valkey(self) -> None:
        if not self._uses_embedded_valkey():
            return
        valkey = Valkey.prepare(self.data, ports.free_port(excluded=self._ports))
        self._redis_url = valkey.url
        process = self._add("valkey", valkey.command, cwd=valkey.folder, grace=VALKEY_GRACE_S)
        deadline = time.monotonic() + VALKEY_START_S
        while not valkey.is_ready():
            if not process.alive or time.monotonic() > deadline:
                raise StartFailed(process.name, f"it {process.describe()}", process.log, process.tail())
            self._sleep()

    def _uses_embedded_valkey(self) -> bool:
        if "REDIS_URL" in self._env:
            return not self._env["REDIS_URL"]
        return bool(settings.FORGE_EMBEDDED_REDIS)

    def _migrate(self) -> None:
        process = self._add("migrate", [sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks"])
        while process.alive:
            self._sleep()
        if process.exit_code:
            raise StartFailed(process.name, f"it {process.describe()}", process.log, process.tail())
        del self.processes["migrate"]

    def _start_webs(self) -> None:
        for number, port in enumerate(self._ports, start=1):
            self._add(f"web-{number}", web_command(port, self._host), grace=WEB_GRACE_S)

    def _start_workers(self) -> None:
        grace = settings.FORGE_WORKER_GRACE_S + WORKER_MARGIN_S
        for number in range(1, self._workers + 1):
            self._add(f"worker-{number}", worker_command(number), grace=grace)

    def _add(self, name: str, command: list[str], *, cwd: Path | None = None, grace: float = 5.0) -> SupervisedProcess:
        process = SupervisedProcess(
            name,
            command,
            cwd=cwd or settings.BASE_DIR,
            env=self._environment(),
            log=self.logs / f"{name}.log",
            grace=grace,
            on_start=self._save_state,
        )
        self.processes[name] = process
        process.start()
        return process

    def _environment(self) -> dict[str, str]:
        own: dict[str, str | None] = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            **self._env,
            "FORGE_DATA": str(self.data),
        }
        if self._redis_url:
            own["REDIS_URL"] = self._redis_url
        # Passed on, not read: config/settings.py decides what the environment means.
        merged = {"FORGE_LOG_FORMAT": "plain", **os.environ, **own}
        return {name: value for name, value in merged.items() if value is not None}

    def _save_state(self) -> None:
        recorded = {name: RecordedProcess.of(process.pid) for name, process in self.processes.items() if process.alive}
        StackState(
            urls=self.urls,
            port=self._last_port,
            supervisor=RecordedProcess.of(os.getpid()),
            processes={name: process for name, process in recorded.items() if process},
        ).save(self.data)

    def _sleep(self, seconds: float = POLL_S / 4) -> None:
        if self._stop_requested:
            raise StopRequested
        time.sleep(seconds)
