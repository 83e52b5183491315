import time
from collections.abc import Callable

from forge.operations.doctor.finding import Finding, fail, ok, warn

SLIGHT_S = 2.0
LARGE_S = 300.0


def clock_read(check: str, whose: str, read: Callable[[], float]) -> Finding:
    """Compare the time that `read` returns with this machine's in the middle of the call."""
    before = time.time()
    theirs = read()
    return clock_finding(check, whose, theirs - (before + time.time()) / 2)


def clock_finding(check: str, whose: str, skew: float) -> Finding:
    difference = f"{whose} is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's."
    remedy = "Run an NTP client on both. Leases and expiry use the database's clock; logs and key expiry do not."
    if abs(skew) > LARGE_S:
        return fail(check, difference, remedy)
    if abs(skew) > SLIGHT_S:
        return warn(check, difference, remedy)
    return ok(check, difference)
