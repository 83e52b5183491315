"""A semaphore of the event loop with fair order: waiters are served round robin by owner."""

import asyncio
from collections import Counter, OrderedDict, deque

_Waiters = deque["asyncio.Future[None]"]


class FairSemaphore:
    """Grants `capacity` slots. One owner holds half at most, so that its slow requests do not stop others."""

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._most = max(1, capacity // 2)
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, _Waiters] = OrderedDict()

    def try_acquire(self, owner: str) -> bool:
        """Return whether a slot is granted at once; `release` must then follow."""
        is_open = self._is_open_to(owner)
        if is_open:
            self._grant(owner)
        return is_open

    async def acquire(self, owner: str) -> None:
        """Return when a slot is granted; `release` must follow. Cancel it to stop waiting."""
        if self.try_acquire(owner):
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(owner)  # It was granted in the moment of the cancellation.
            else:
                self._forget(owner, granted)
            raise

    def release(self, owner: str) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._serve()

    def _is_open_to(self, owner: str) -> bool:
        return self._free > 0 and self._held[owner] < self._most

    def _grant(self, owner: str) -> None:
        self._free -= 1
        self._held[owner] += 1

    def _forget(self, owner: str, granted: "asyncio.Future[None]") -> None:
        waiters = self._waiting.get(owner, deque())
        if granted in waiters:
            waiters.remove(granted)
        if not waiters:
            self._waiting.pop(owner, None)

    def _serve(self) -> None:
        """Grant what is free, one slot to each owner in turn that may hold one more."""
        for owner in list(self._waiting):
            if self._is_open_to(owner) and (granted := self._next(owner)) is not None:
                self._grant(owner)
                granted.set_result(None)

    def _next(self, owner: str) -> "asyncio.Future[None] | None":
        """Take the owner's first waiter that still waits, and put the owner last."""
        waiters = self._waiting.get(owner, deque())
        found = None
        while waiters and found is None:
            first = waiters.popleft()
            found = None if first.done() else first
        if waiters:
            self._waiting.move_to_end(owner)
        else:
            self._waiting.pop(owner, None)
        return found
