import threading

from forge import limits
from forge.errors import RateLimited
from forge.models import Account

_COUNTED_EVERY_S = 0.1


class DecodeBudget:
    """The decoding time of one request's files, counted against its account's budget of a minute.

    A request begins only while some of the budget is left, and then may use as much as one whole budget: else a large
    one could never be carried out. The time of a file is known afterwards, so the last file may go beyond.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._limit = account.limit("decode_seconds_per_minute")
        self._lock = threading.Lock()
        self._began = False
        self._spent = self._uncounted = 0.0

    def require(self) -> None:
        """Raise RateLimited if the next file may not be decoded now."""
        if not self._limit:
            return
        if self._spent >= self._limit:
            raise self._error("This request alone needs more: send fewer images in each.", retry_after=60)
        if not self._began:
            status = limits.decode_status(self._account)
            if status is not None and status.retry_after is not None:
                raise self._error(f"Try again in {status.retry_after} s.", retry_after=status.retry_after)
            self._began = True

    def spend(self, seconds: float) -> None:
        with self._lock:
            self._spent += seconds
            self._uncounted += seconds
        if self._uncounted >= _COUNTED_EVERY_S:
            self.settle()

    def settle(self) -> None:
        """Count what is not counted yet."""
        with self._lock:
            seconds, self._uncounted = self._uncounted, 0.0
        if seconds and self._limit:
            limits.count_decoding(self._account, seconds)

    def _error(self, advice: str, *, retry_after: int) -> RateLimited:
        sentence = f"The account may use {self._limit} s of decoding a minute for its uploads. {advice}"
        return RateLimited(sentence, retry_after=retry_after, limit=self._limit)
