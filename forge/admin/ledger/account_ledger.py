"""One account's ledger with the balance after each entry."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from asgiref.sync import sync_to_async
from django.db.models import Max, Min, QuerySet, Sum

from forge.models import CreditEntry
from spreadsheet import BOM, csv_line

ON_PAGE = 100
_BATCH = 2000
_MOST_BETWEEN = 10_000
_HEADER = ["time (UTC)", "amount", "balance", "kind", "job", "image", "note"]


@dataclass(frozen=True)
class Period:
    """Days of UTC, both included; None: without a bound."""

    first: date | None = None
    last: date | None = None

    def includes(self, moment: datetime) -> bool:
        day = moment.astimezone(UTC).date()
        return (not self.first or self.first <= day) and (not self.last or day <= self.last)


def entries_of(account_id: str, period: Period) -> QuerySet[CreditEntry]:
    entries = CreditEntry.objects.filter(account=account_id)
    if period.first:
        entries = entries.filter(created_at__gte=_midnight(period.first))
    if period.last:
        entries = entries.filter(created_at__lt=_midnight(period.last) + timedelta(days=1))
    return entries


def balance_after(account_id: str, pk: int) -> int:
    """Return the sum of the account's entries up to this one, over an index that has the amounts."""
    entries = CreditEntry.objects.filter(account=account_id, pk__lte=pk).order_by()
    return int(entries.aggregate(sum=Sum("amount"))["sum"] or 0)


def balances(account_id: str, newest_first: Sequence[CreditEntry]) -> list[tuple[CreditEntry, int | None]]:
    """Return each entry with the balance after it; None where more than _MOST_BETWEEN others stand between them."""
    if not newest_first:
        return []
    first, last = newest_first[-1].pk, newest_first[0].pk
    between = CreditEntry.objects.filter(account=account_id, pk__gte=first, pk__lte=last).order_by("-pk")
    amounts = list(between.values_list("pk", "amount")[: _MOST_BETWEEN + 1])
    if len(amounts) > _MOST_BETWEEN:
        return [(entry, None) for entry in newest_first]
    after, balance = {}, balance_after(account_id, last)
    for pk, amount in amounts:
        after[pk] = balance
        balance -= amount
    return [(entry, after.get(entry.pk)) for entry in newest_first]


async def csv_lines(account_id: str, period: Period) -> AsyncIterator[bytes]:
    """Yield the ledger as CSV, oldest first, read in batches: memory does not grow with the ledger."""
    yield (BOM + csv_line(_HEADER)).encode()
    bounds = await sync_to_async(_bounds)(account_id, period)
    if bounds is None:
        return
    after, last = bounds[0] - 1, bounds[1]
    balance = await sync_to_async(balance_after)(account_id, after)
    while entries := await sync_to_async(_batch)(account_id, after, last):
        lines = []
        for entry in entries:
            balance += entry.amount
            if period.includes(entry.created_at):
                lines.append(csv_line(_cells(entry, balance)))
        after = entries[-1].pk
        yield "".join(lines).encode()


def _bounds(account_id: str, period: Period) -> tuple[int, int] | None:
    """Return the first and last id of a period; entries of other days may stand between them."""
    found = entries_of(account_id, period).order_by().aggregate(first=Min("pk"), last=Max("pk"))
    return None if found["first"] is None else (found["first"], found["last"])


def _batch(account_id: str, after: int, last: int) -> list[CreditEntry]:
    return list(CreditEntry.objects.filter(account=account_id, pk__gt=after, pk__lte=last).order_by("pk")[:_BATCH])


def _cells(entry: CreditEntry, balance: int) -> list[object]:
    created = f"{entry.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return [created, entry.amount, balance, entry.kind, entry.job_id or "", entry.image_id or "", entry.note]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
