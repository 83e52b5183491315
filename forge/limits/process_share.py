"""A limit within one web process that no account can use up alone."""

import threading
from collections import defaultdict
from collections.abc import Callable


class ProcessShare:
    """Counts what accounts hold of a scarce thing; one account may hold half of it. Thread-safe."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        self._capacity = capacity
        self._held: defaultdict[str, set[object]] = defaultdict(set)
        self._lock = threading.Lock()

    def take(self, account_id: str, token: object) -> bool:
        """Return False where the process or the account's half of it has no more."""
        capacity = self._capacity()
        with self._lock:
            total = sum(map(len, self._held.values()))
            if total >= capacity or len(self._held.get(account_id, ())) >= max(1, capacity // 2):
                return False
            self._held[account_id].add(token)
            return True

    def give_back(self, account_id: str, token: object) -> None:
        """Free what `take` has counted; a second call does nothing."""
        with self._lock:
            held = self._held.get(account_id, set())
            held.discard(token)
            if not held:
                self._held.pop(account_id, None)

    @property
    def held(self) -> int:
        with self._lock:
            return sum(map(len, self._held.values()))
