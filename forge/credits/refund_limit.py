"""The limit of refunds: an image that is charged and refunded leaves two ledger entries for ever, and costs nothing."""

import math
from datetime import timedelta

from forge.clock import database_now
from forge.errors import RateLimited
from forge.models import Account, CreditEntry

_HOUR = timedelta(hours=1)


def refunds_require(account: Account) -> None:
    """Raise RateLimited while more images were refunded in the last hour than the account may have refunded.

    It may have as many as it has credits: cancelling everything and submitting it again is no abuse.
    """
    limit = account.limit("refunds_per_hour")
    if not limit:
        return
    now, allowed = database_now(), max(limit, account.balance)
    refunds = CreditEntry.objects.filter(account=account, kind=CreditEntry.Kind.REFUND, created_at__gt=now - _HOUR)
    excess = refunds.count() - allowed
    if excess <= 0:
        return
    fits_at = refunds.order_by("created_at").values_list("created_at", flat=True)[excess - 1] + _HOUR
    seconds = 1 + max(0, math.floor((fits_at - now).total_seconds()))
    sentence = (
        f"{excess + allowed} images were cancelled or failed within an hour, and {allowed} may. No job is accepted"
    )
    raise RateLimited(f"{sentence} for {seconds} s; nothing was charged.", retry_after=seconds, limit=allowed)
