"""Sums of old ledger entries by day, where FORGE_LEDGER_SUM_AFTER_DAYS is set.

The charges, and the refunds of each code, of an account and day become one entry, without job and image, at midnight.
It is one of their rows, so that entries that metrics have counted are not counted again. Balances and sums stay exact
at every moment.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from forge.clock import database_now
from forge.models import CreditEntry, Job

logger = logging.getLogger(__name__)

BATCH = 1000  # entries of one transaction
_Kind = CreditEntry.Kind
# Refunds first: a refund whose charge is summed would look like one that was never charged.
_KINDS = (_Kind.REFUND, _Kind.CHARGE)


def entries_sum(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Replace old charges and refunds by their sums; return how many entries are gone.

    Entries of jobs that are still there stay: the audit compares them.
    """
    days = settings.FORGE_LEDGER_SUM_AFTER_DAYS
    if not days:
        return 0
    before = datetime.combine((database_now() - timedelta(days=days)).date(), time(), UTC)
    removed = 0
    for kind in _KINDS:
        while not is_stopping() and (summed := _sum_batch(kind, before)):
            removed += summed[1]
    if removed:
        logger.info("%d ledger entries older than %g days are summed by day.", removed, days)
    return removed


def _named(kind: str, before: datetime) -> QuerySet[CreditEntry]:
    job = Job.objects.filter(pk=OuterRef("job_id"))
    entries = CreditEntry.objects.filter(~Exists(job), kind=kind, job_id__isnull=False, created_at__lt=before)
    if kind == _Kind.CHARGE:
        refunds = CreditEntry.objects.filter(
            kind=_Kind.REFUND, job_id=OuterRef("job_id"), image_id=OuterRef("image_id")
        )
        entries = entries.filter(~Exists(refunds))
    return entries


@transaction.atomic
def _sum_batch(kind: str, before: datetime) -> tuple[int, int] | None:
    """Sum the oldest entries; return how many, and how many rows are gone. None when there are none."""
    batch = list(_named(kind, before).select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:BATCH])
    groups = defaultdict[tuple[str, datetime, str], list[CreditEntry]](list)
    for entry in batch:
        day = datetime.combine(entry.created_at.astimezone(UTC).date(), time(), UTC)
        groups[entry.account_id, day, entry.note].append(entry)
    removed = sum(_sum_group(kind, *key, entries) for key, entries in groups.items())
    return (len(batch), removed) if batch else None


def _sum_group(kind: str, account_id: str, day: datetime, note: str, entries: list[CreditEntry]) -> int:
    amount, ids = sum(entry.amount for entry in entries), [entry.pk for entry in entries]
    of_the_day = {"account_id": account_id, "kind": kind, "note": note, "created_at": day}
    sums = CreditEntry.objects.filter(**of_the_day, job_id=None).order_by("pk").values_list("pk", flat=True)
    if earlier := sums.first():
        CreditEntry.objects.filter(pk=earlier).update(amount=F("amount") + amount)
    else:
        CreditEntry.objects.filter(pk=ids.pop()).update(
            amount=amount, job_id=None, image_id=None, language="", created_at=day
        )
    CreditEntry.objects.filter(pk__in=ids).delete()
    return len(ids)
