"""Sums of the ledger by day (UTC), of all accounts or one."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, Sum, Value

from forge.models import CreditEntry

DAYS = 30
_Kind = CreditEntry.Kind


@dataclass(frozen=True)
class DayOfCredits:
    """Credits of one day; `charged` and `refunded` are not negative, `granted` may be."""

    day: date
    charged: int
    refunded: int
    granted: int

    @property
    def change(self) -> int:
        return self.granted + self.refunded - self.charged


def credits_by_day(today: datetime, *, account_id: str | None = None) -> list[DayOfCredits]:
    """Return the last DAYS days, oldest first; `today` is midnight. One query with a range for each day.

    Grouping by a function of the time would call it for each of a million entries, and no index could answer it.
    """
    of_whom = Q() if account_id is None else Q(account=account_id)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    ranges = [
        CreditEntry.objects.filter(of_whom, created_at__gte=day, created_at__lt=day + timedelta(days=1))
        .order_by()
        .values_list("kind")
        .annotate(day=Value(index), credits=Sum("amount"))
        for index, day in enumerate(days)
    ]
    sums: defaultdict[tuple[int, str], int] = defaultdict(int)
    for kind, index, credits in ranges[0].union(*ranges[1:], all=True):
        sums[index, kind] += credits
    return [
        DayOfCredits(day.date(), -sums[index, _Kind.CHARGE], sums[index, _Kind.REFUND], sums[index, _Kind.GRANT])
        for index, day in enumerate(days)
    ]
