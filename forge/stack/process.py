import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PARENT_DEATH_SIGNAL = Path(__file__).with_name("parent_death_signal.py")
MAX_LOG_BYTES = 4 * 2**20
TAIL_LINES = 12
FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
BACKOFF_RESET_S = 10.0  # after this uptime the backoff is the first one again


class SupervisedProcess:
    """A child process and its log; `poll` restarts it with exponential backoff until it is stopped.

    Start and poll it from the main thread only: on Linux a child is killed when the thread that made it ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        log: Path,
        grace: float = 5.0,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        """`env`: None inherits. `grace`: seconds from SIGTERM to SIGKILL. `on_start` runs after each start."""
        self.name = name
        self.command = list(command)
        self.cwd = cwd
        self.env = env
        self.log = log
        self.grace = grace
        self._on_start = on_start
        self._child: subprocess.Popen[bytes] | None = None
        self._should_run = False
        self._started_at = 0.0
        self._log_offset = 0
        self._backoff = FIRST_BACKOFF_S
        self._restart_at: float | None = None

    @property
    def pid(self) -> int:
        """Of the running process, or of the last one."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._child.poll() if self._child else None

    def start(self) -> None:
        if self.alive:
            return
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start processes from the main thread: they end with the thread that started them")
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._rotate_log()
        with self.log.open("ab") as output:
            os.fchmod(output.fileno(), 0o600)
            self._log_offset = output.seek(0, os.SEEK_END)
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), *self.command],
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=0o077,  # other users of this machine read no file of the service
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
            )
        self._should_run, self._started_at, self._restart_at = True, time.monotonic(), None
        self._on_start()

    def poll(self) -> str | None:
        """Restart the process when that is due. Return a sentence when it has just died or cannot be started."""
        self._rotate_log()
        if not self._should_run or self.alive:
            return None
        now = time.monotonic()
        if self._restart_at is None:
            backoff = FIRST_BACKOFF_S if now - self._started_at >= BACKOFF_RESET_S else self._backoff
            self._backoff = min(2 * backoff, MAX_BACKOFF_S)
            self._restart_at = now + backoff
            ending = f"{self.name} {self.describe()}, restart in {backoff:g} s"
            return f"{ending}. The end of {self.log}:\n{self.tail()}"
        if now >= self._restart_at:
            try:
                self.start()
            except OSError as error:  # no memory for a process, or no disk for its log: neither ends the others
                self._restart_at = now + self._backoff
                return f"{self.name} cannot be started ({error}); trying again in {self._backoff:g} s"
        return None

    def kill(self) -> None:
        """Send SIGKILL, as a crash would end it: `poll` restarts it."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def terminate(self) -> None:
        """Send SIGTERM; it is not restarted."""
        self._should_run = False
        if self._child:
            self._child.terminate()

    def wait(self, timeout: float) -> bool:
        """Return whether it has ended within `timeout` seconds."""
        if self._child is None:
            return True
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Shut it down gracefully, by SIGKILL after its grace; it stays stopped until `start`."""
        self.terminate()
        if not self.wait(self.grace):
            self.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def describe(self) -> str:
        """Return "is running", or how it ended."""
        code = self.exit_code
        if code is None:
            return "is running"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def _rotate_log(self) -> None:
        """Move a log over the limit to `NAME.log.1`. The process writes on into the same file, which begins anew.

        By copy and truncate: a process keeps its log open. A line that is written in between is lost.
        """
        try:
            if self.log.stat().st_size <= MAX_LOG_BYTES:
                return
            try:
                shutil.copy(self.log, self.log.with_name(f"{self.log.name}.1"))  # with its permissions
            finally:
                os.truncate(self.log, 0)  # on a full disk too, which this is to help
        except OSError:
            return  # no log yet, or a full disk
        self._log_offset = 0

    def tail(self) -> str:
        """Return the last lines that this run has printed."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_offset, size - 2**14))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:]) or "(nothing was printed)"
