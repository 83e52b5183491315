"""Idempotency keys: each key executes one request, and later requests with it get the stored response.

A key is claimed in its own transaction, so that concurrent requests find it; its outcome is stored in the transaction
that accepts the request. The lease of a dead process expires.
"""

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connections
from django.db.models import Q

from forge.clock import database_now
from forge.database import DATABASE_ERRORS
from forge.errors import IdempotencyInProgress, IdempotencyMismatch
from forge.models import Account, IdempotencyKey, Job, Session

logger = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True)
class ClaimedKey:
    """The key of an in-flight request, for the service that accepts the request.

    `is_deferred`: the response is known only at the job's end, and `response_settle` stores it.
    """

    row: IdempotencyKey
    is_deferred: bool = False


def key_claim(*, account: Account, key: str, fingerprint: str) -> tuple[IdempotencyKey, bool]:
    """Return the key's row, and whether the caller must execute the request: False when it was executed before.

    Raises IdempotencyMismatch, IdempotencyInProgress.
    """
    now = database_now()
    claim: dict[str, Any] = {
        "fingerprint": fingerprint,
        "holder": secrets.token_hex(16),
        "lease_until": now + timedelta(seconds=settings.FORGE_IDEMPOTENCY_LEASE_S),
        "created_at": now,
        "expires_at": now + timedelta(hours=settings.FORGE_IDEMPOTENCY_HOURS),
    }
    try:
        row, is_new = IdempotencyKey.objects.get_or_create(account=account, key=key, defaults=claim)
    except IntegrityError as error:
        raise IdempotencyInProgress from error  # Created and released concurrently: the other request was refused.
    if is_new:
        return row, True
    if _is_reusable(row, now):
        return _take_over(row, claim), True
    _require_completed(row, fingerprint)
    return row, False


def key_find(*, account: Account, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Return the key's row where its request was executed; claims nothing.

    Raises IdempotencyMismatch, IdempotencyInProgress.
    """
    row = IdempotencyKey.objects.select_related("job").filter(account=account, key=key).first()
    if row is None or _is_reusable(row, database_now()):
        return None
    _require_completed(row, fingerprint)
    return row


def _require_completed(row: IdempotencyKey, fingerprint: str) -> None:
    if row.fingerprint != fingerprint:
        raise IdempotencyMismatch
    if row.lease_until is not None:
        raise IdempotencyInProgress


def _is_reusable(row: IdempotencyKey, now: datetime) -> bool:
    """Return whether the key expired, or its lease did because the process died before accepting."""
    return row.expires_at <= now or (row.lease_until is not None and row.lease_until <= now)


def _take_over(row: IdempotencyKey, claim: dict[str, Any]) -> IdempotencyKey:
    changes = {**claim, "session": None, "job": None, "answer_status": None, "answer": None}
    # Compare-and-swap: a concurrent renewal or takeover changes the lease.
    unchanged = IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder, lease_until=row.lease_until)
    if not unchanged.update(**changes):
        raise IdempotencyInProgress
    for name, value in changes.items():
        setattr(row, name, value)
    return row


def key_renew(row: IdempotencyKey) -> None:
    """Renew the lease of an in-flight request once half of it has passed.

    Raises IdempotencyInProgress when another request holds the key by now.
    """
    lease = timedelta(seconds=settings.FORGE_IDEMPOTENCY_LEASE_S)
    now = database_now()
    if row.lease_until is None or row.lease_until - now > lease / 2:
        return
    if not IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder).update(lease_until=now + lease):
        raise IdempotencyInProgress
    row.lease_until = now + lease


@contextmanager
def lease_kept(claimed_key: ClaimedKey | None) -> Iterator[None]:
    """Renew the lease of the request's key, if it has one, while the block waits for something else.

    In a thread: one file alone can take longer to store than the lease lasts.
    """
    if claimed_key is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(ended, claimed_key.row), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew_until(ended: threading.Event, row: IdempotencyKey) -> None:
    while not ended.wait(settings.FORGE_IDEMPOTENCY_LEASE_S / 3):
        try:
            key_renew(row)
        except IdempotencyInProgress:
            return  # The request is refused where it completes the key.
        except DATABASE_ERRORS as error:
            logger.warning("The lease of an idempotency key could not be renewed: %s", error)
        finally:
            connections.close_all()


def key_complete(row: IdempotencyKey, *, session: Session, job: Job | None, status: int | None, response: Any) -> None:
    """Store the outcome in the transaction that accepts the request.

    Raises IdempotencyInProgress, which rolls that transaction back, when another request holds the key by now.
    """
    stored = IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder).update(
        lease_until=None, session=session, job=job, answer_status=status, answer=response
    )
    if not stored:
        raise IdempotencyInProgress
    row.lease_until, row.session, row.job, row.answer_status, row.answer = None, session, job, status, response


def acceptance_record(
    claimed_key: ClaimedKey | None, *, session: Session, job: Job | None = None, status: int, response: Any
) -> None:
    """Complete the key, if the request has one, in the transaction that accepts the request.

    Raises IdempotencyInProgress, as key_complete does.
    """
    if claimed_key is None:
        return
    if claimed_key.is_deferred:
        key_complete(claimed_key.row, session=session, job=job, status=None, response=None)
    else:
        key_complete(claimed_key.row, session=session, job=job, status=status, response=response)


def key_release(row: IdempotencyKey) -> None:
    """Delete the key of a refused request, so that it may be sent again; a completed key stays."""
    IdempotencyKey.objects.filter(pk=row.pk, holder=row.holder, lease_until__isnull=False).delete()


def response_settle(key_id: int, *, status: int, response: Any) -> tuple[int, Any]:
    """Store the response unless a concurrent request has, and return the stored one."""
    unsettled = Q(pk=key_id, answer_status=None)
    IdempotencyKey.objects.filter(unsettled).update(answer_status=status, answer=response)
    found = IdempotencyKey.objects.filter(pk=key_id).values_list("answer_status", "answer").first()
    return found or (status, response)  # type: ignore[return-value]  # both were set above


def idempotency_sweep() -> int:
    """Delete expired keys in batches until none is left; return how many."""
    expired = IdempotencyKey.objects.filter(expires_at__lte=database_now())
    deleted = 0
    while batch := list(expired.values_list("pk", flat=True)[:_BATCH]):
        # Check the expiry again: a key may have been reused meanwhile.
        deleted += expired.filter(pk__in=batch).delete()[0]
    return deleted
