"""The latest probe of the storage, made in a thread: nobody waits long for a store that does not answer."""

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from forge.storage import StorageUnavailable, storage_address, storage_is_remote, storage_probe

_LOCAL_S, _REMOTE_S = 1.0, 15.0  # how long a probe counts: a store charges for each request
_HANGS_S = 3.0


@dataclass(frozen=True)
class StorageState:
    """`identity`: of the storage, "" where it is not known. `problem`: a sentence, "" where there is none."""

    identity: str = ""
    problem: str = ""


class StorageCheck:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self._latest = StorageState()
        self._probe: Future[StorageState] | None = None
        self._started_at = self._fresh_until = 0.0

    def read(self, wait_s: float = _HANGS_S) -> StorageState:
        """Return the latest state; one that is not fresh is probed again, for which the caller waits so long."""
        with self._lock:
            if self._probe is not None and self._probe.done():
                self._latest = self._probe.result()
            if self._probe is None or (self._probe.done() and time.monotonic() > self._fresh_until):
                self._probe = self._start()
            probe = self._probe
        try:
            return probe.result(wait_s)
        except TimeoutError:
            if time.monotonic() - self._started_at < _HANGS_S:
                return self._latest
            return StorageState(problem=f"{storage_address()} has not answered for {_HANGS_S:g} s")

    def _start(self) -> "Future[StorageState]":
        probe: Future[StorageState] = Future()
        self._started_at = time.monotonic()

        def run() -> None:
            state = _probed()
            self._fresh_until = time.monotonic() + (_REMOTE_S if storage_is_remote() else _LOCAL_S)
            probe.set_result(state)

        threading.Thread(target=run, name="storage-probe", daemon=True).start()
        return probe


def _probed() -> StorageState:
    try:
        return StorageState(identity=storage_probe())
    except StorageUnavailable as error:
        return StorageState(problem=f"the storage cannot be used: {error.reason}")
    except Exception as error:  # noqa: BLE001 (of a thread that must end with a result)
        return StorageState(problem=f"the storage cannot be used: {type(error).__name__}")


storage_check = StorageCheck()
