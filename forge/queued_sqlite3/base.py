"""The name of this module is Django's: ENGINE is the package."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from forge.queued_sqlite3.fifo_lock import FifoLock

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_DEFAULT_TIMEOUT_S = 5.0  # of Python's sqlite3

_locks: defaultdict[str, FifoLock] = defaultdict(FifoLock)  # by database
_locks_mutex = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """Hold the queue's lock from BEGIN to COMMIT or ROLLBACK, and for each writing statement in autocommit mode.

    With `transaction_mode: IMMEDIATE` every transaction is one that writes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._holds_lock = False
        self.execute_wrappers.append(self._execute_in_turn)

    def _execute_in_turn(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        begins = sql.startswith("BEGIN")
        if self._holds_lock or not (begins or sql.startswith(_WRITES)):
            return execute(sql, params, many, context)
        self._acquire()
        try:
            result = execute(sql, params, many, context)
        except BaseException:
            self._release()
            raise
        if not begins:
            self._release()
        return result

    def _commit(self) -> None:
        # After a commit that fails, Django rolls back.
        super()._commit()  # type: ignore[misc]  # the stubs lack it
        self._release()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._release()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._release()

    @property
    def _lock(self) -> FifoLock:
        with _locks_mutex:
            return _locks[str(self.settings_dict["NAME"])]

    def _acquire(self) -> None:
        timeout = float(self.settings_dict["OPTIONS"].get("timeout", _DEFAULT_TIMEOUT_S))
        if not self._lock.acquire(timeout):
            raise OperationalError(f"database is locked: {self._lock.waiting} write transactions wait")
        self._holds_lock = True

    def _release(self) -> None:
        if self._holds_lock:
            self._holds_lock = False
            self._lock.release()
