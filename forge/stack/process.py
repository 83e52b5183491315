import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
LOG_LIMIT = 4 * 2**20
TAIL_LINES = 12
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 10.0  # up for so long, a process has earned the first pause again


class Process:
    """One child and its log; `poll` starts it again when it dies, until it is stopped on purpose.

    To be started and polled from the main thread only: on Linux a child is killed when the thread that made it ends.
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
        started: Callable[[], None] = lambda: None,
    ) -> None:
        """`env`: None is this process's own. `grace`: seconds from SIGTERM to SIGKILL. `started` follows each start."""
        self.name = name
        self.command = list(command)
        self.cwd = cwd
        self.env = env
        self.log = log
        self.grace = grace
        self._started = started
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._born = 0.0
        self._log_offset = 0
        self._pause = FIRST_PAUSE_S
        self._due: float | None = None

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
            raise RuntimeError("start processes from the main thread: they die with the thread that started them")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            if output.tell() > LOG_LIMIT:
                output.truncate(0)
            self._log_offset = output.seek(0, os.SEEK_END)
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(os.getpid()), *self.command],
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
            )
        self._wanted, self._born, self._due = True, time.monotonic(), None
        self._started()

    def poll(self) -> str | None:
        """Starts the process again when that is due; returns a sentence when it has just died."""
        if not self._wanted or self.alive:
            return None
        now = time.monotonic()
        if self._due is None:
            pause = FIRST_PAUSE_S if now - self._born >= STEADY_S else self._pause
            self._pause = min(2 * pause, LONGEST_PAUSE_S)
            self._due = now + pause
            return f"{self.name} {self.ending()}, it starts again in {pause:g} s. The end of {self.log}:\n{self.tail()}"
        if now >= self._due:
            try:
                self.start()
            except OSError as error:  # no memory for a process, or no disk for its log: neither ends the others
                self._due = now + self._pause
                return f"{self.name} cannot be started ({error}); trying again in {self._pause:g} s"
        return None

    def kill(self) -> None:
        """SIGKILL, as a crash would be: `poll` starts it again."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def terminate(self) -> None:
        """Asks it to end; it is not started again."""
        self._wanted = False
        if self._child:
            self._child.terminate()

    def wait(self, timeout: float) -> bool:
        """Whether it has ended within so many seconds."""
        if self._child is None:
            return True
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Ends it, by force after its grace; it stays down until `start`."""
        self.terminate()
        if not self.wait(self.grace):
            self.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def ending(self) -> str:
        code = self.exit_code
        if code is None:
            return "is running"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def tail(self) -> str:
        """The last lines of what this run of it has printed."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_offset, size - 2**14))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:]) or "(nothing was printed)"
