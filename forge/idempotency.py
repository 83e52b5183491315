"""One request under one key: who may carry it out, and what it came to.

A key is claimed in a transaction of its own, so that a second request sees it; what the request makes is written to
the key's row in the transaction that makes it. A process that dies leaves a lease, which runs out.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from forge.errors import IdempotencyInProgress, IdempotencyMismatch
from forge.models import Account, IdempotencyKey, Job, Session

_SWEPT_AT_ONCE = 500


def key_claim(*, account: Account, key: str, fingerprint: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether the caller is to carry the request out; if not, that has been done.

    Raises IdempotencyMismatch, IdempotencyInProgress.
    """
    now = timezone.now()
    ours: dict[str, Any] = {
        "fingerprint": fingerprint,
        "holder": secrets.token_hex(16),
        "lease_until": now + timedelta(seconds=settings.FORGE_IDEMPOTENCY_LEASE_S),
        "created_at": now,
        "expires_at": now + timedelta(hours=settings.FORGE_IDEMPOTENCY_HOURS),
    }
    try:
        row, is_new = IdempotencyKey.objects.get_or_create(account=account, key=key, defaults=ours)
    except IntegrityError as error:
        raise IdempotencyInProgress from error  # It came and went beside us: refused, and free again.
    if is_new:
        return row, True
    if _is_free(row, now):
        return _take_over(row, ours), True
    if row.fingerprint != fingerprint:
        raise IdempotencyMismatch
    if row.lease_until is not None:
        raise IdempotencyInProgress
    return row, False


def _is_free(row: IdempotencyKey, now: datetime) -> bool:
    """Its day is over, or the process that carried it out died before anything was accepted."""
    return row.expires_at <= now or (row.lease_until is not None and row.lease_until <= now)


def _take_over(row: IdempotencyKey, ours: dict[str, Any]) -> IdempotencyKey:
    fresh = {**ours, "session": None, "job": None, "answer_status": None, "answer": None}
    # A lease as it was read: one that was kept or taken meanwhile is another's.
    same = IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder, lease_until=row.lease_until)
    if not same.update(**fresh):
        raise IdempotencyInProgress
    for name, value in fresh.items():
        setattr(row, name, value)
    return row


def key_renew(row: IdempotencyKey) -> None:
    """The request is still being carried out: its lease is whole again, if half of it is gone.

    Raises IdempotencyInProgress when it had run out and another has the key.
    """
    now, lease = timezone.now(), timedelta(seconds=settings.FORGE_IDEMPOTENCY_LEASE_S)
    if row.lease_until is None or row.lease_until - now > lease / 2:
        return
    if not IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder).update(lease_until=now + lease):
        raise IdempotencyInProgress
    row.lease_until = now + lease


def key_keep(row: IdempotencyKey, *, session: Session, job: Job | None, status: int | None, answer: Any) -> None:
    """The request is accepted: call it in the transaction that accepts it.

    Raises IdempotencyInProgress, which undoes that transaction, when the lease ran out and another has the key.
    """
    kept = IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder).update(
        lease_until=None, session=session, job=job, answer_status=status, answer=answer
    )
    if not kept:
        raise IdempotencyInProgress
    row.lease_until, row.session, row.job, row.answer_status, row.answer = None, session, job, status, answer


def key_release(row: IdempotencyKey) -> None:
    """The request was refused: the key may be used again. One that was accepted stays."""
    IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder, lease_until__isnull=False).delete()


def answer_settle(key_id: int, *, status: int, answer: Any) -> tuple[int, Any]:
    """The answer that was waited for, as the first of several waiting requests has it."""
    unsettled = Q(pk=key_id, answer_status=None)
    IdempotencyKey.objects.filter(unsettled).update(answer_status=status, answer=answer)
    found = IdempotencyKey.objects.filter(pk=key_id).values_list("answer_status", "answer").first()
    return found or (status, answer)  # type: ignore[return-value]  # both were set above


def idempotency_sweep() -> int:
    """Removes keys whose day is over, some at a time; says how many."""
    expired = IdempotencyKey.objects.filter(expires_at__lte=timezone.now())
    some = list(expired.values_list("pk", flat=True)[:_SWEPT_AT_ONCE])
    # Still expired: a key that is used again meanwhile is another request's.
    return expired.filter(pk__in=some).delete()[0] if some else 0
