"""A fair queue of CPU-bound calls: next is the account that has used the least CPU time.

Within an account calls run in the order in which they came. The time an account has used is its virtual runtime, as in
Linux's completely fair scheduler: an account that was idle starts at that of the account served last, so that idleness
saves up no claim. Counting calls instead of time would let files of 10 s alternate with files of 10 ms.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.conf import settings

_T = TypeVar("_T")


@dataclass
class _Account:
    used: float  # virtual runtime, CPU seconds
    running: int = 0
    calls: deque[tuple["Future[Any]", Callable[[], Any]]] = field(default_factory=deque)


class FairExecutor:
    """Runs calls in few threads, of which one account occupies at most `per_account`."""

    def __init__(self, *, threads: int, per_account: int) -> None:
        # Few threads, always the same ones: the allocator keeps the memory of each thread's largest image.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="upload-check")
        self._per_account = per_account
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}  # in the order of their arrival
        self._served_to = 0.0

    def submit(self, account_id: str, call: Callable[[], _T]) -> "Future[_T]":
        """Queue a call; cancelling the future drops it unless it runs already."""
        future: Future[_T] = Future()
        with self._lock:
            account = self._accounts.setdefault(account_id, _Account(self._served_to))
            if not account.calls:
                account.used = max(account.used, self._served_to)
            account.calls.append((future, call))
        # The pool's task names no call: its thread takes those that are next in fair order.
        self._pool.submit(self._run_all)
        return future

    def _run_all(self) -> None:
        """Run calls until none may run. One that may not waits for its account's thread, which takes it afterwards."""
        while taken := self._take():
            account, future, call = taken
            started = time.thread_time()
            try:
                end = partial(future.set_result, call())
            except BaseException as error:  # noqa: BLE001 (the future's)
                end = partial(future.set_exception, error)
            with self._lock:
                account.used += time.thread_time() - started
                account.running -= 1
            end()

    def _take(self) -> tuple[_Account, "Future[Any]", Callable[[], Any]] | None:
        with self._lock:
            while account := self._next():
                self._served_to = max(self._served_to, account.used)
                self._forget_idle()
                future, call = account.calls.popleft()
                if future.set_running_or_notify_cancel():
                    account.running += 1
                    return account, future, call
            return None

    def _next(self) -> _Account | None:
        open_to = [one for one in self._accounts.values() if one.calls and one.running < self._per_account]
        return min(open_to, key=lambda account: account.used, default=None)

    def _forget_idle(self) -> None:
        """Remove accounts whose virtual runtime a new account would have, too."""
        self._accounts = {
            key: account
            for key, account in self._accounts.items()
            if account.calls or account.running or account.used > self._served_to
        }


# One thread more than an account may occupy: slow files of one leave it to the others.
check_queue = FairExecutor(threads=settings.FORGE_UPLOAD_CHECKS + 1, per_account=settings.FORGE_UPLOAD_CHECKS)
