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

_T = TypeVar("_T")


@dataclass
class _Account:
    used: float  # virtual runtime, CPU seconds
    running: int = 0
    calls: deque[tuple["Future[Any]", Callable[[], Any]]] = field(default_factory=deque)


class FairExecutor:
    def __init__(self, threads: int) -> None:
        # Few threads, always the same ones: the allocator keeps the memory of each thread's largest image.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="upload-check")
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
        # The pool's task names no call: its thread takes the next one in fair order.
        self._pool.submit(self._run_next)
        return future

    def _run_next(self) -> None:
        taken = self._take()
        if taken is None:
            return  # Cancelled.
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
            for account in self._accounts.values():
                while account.calls and account.calls[0][0].cancelled():
                    account.calls.popleft()
            waiting = [account for account in self._accounts.values() if account.calls]
            if not waiting:
                return None
            account = min(waiting, key=lambda account: account.used)
            self._served_to = max(self._served_to, account.used)
            self._forget_idle()
            future, call = account.calls.popleft()
            if not future.set_running_or_notify_cancel():
                return None  # Cancelled since; another task of the pool takes the next call.
            account.running += 1
            return account, future, call

    def _forget_idle(self) -> None:
        """Remove accounts whose virtual runtime a new account would have, too."""
        self._accounts = {
            key: account
            for key, account in self._accounts.items()
            if account.calls or account.running or account.used > self._served_to
        }
