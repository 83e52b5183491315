"""The append-only credit ledger: the only writer of CreditEntry and of Account.balance.

Each function changes the cached balance and writes the matching entries in the caller's transaction or its own. A
conditional UPDATE changes the balance: no row is locked first, and concurrent charges cannot take it below zero.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from forge.clock import database_now
from forge.errors import InsufficientCredits, InvalidRequest
from forge.models import Account, CreditEntry

Kind = CreditEntry.Kind
# Far below 2^63, where SQLite's sums turn into floats, and below 2^53, so that JavaScript reads every balance exactly.
MAX_AMOUNT = 10**12
MAX_BALANCE = 10**15


@transaction.atomic
def charge(
    *,
    account_id: str,
    job_id: str,
    image_ids: Iterable[str],
    translations: Sequence[str] = (),
    now: datetime | None = None,
) -> None:
    """Charge one credit for each image, and one for each translation. Raises InsufficientCredits, charging nothing.

    `now`: by the database's clock, where the caller has read it.
    """
    now = now or database_now()
    entries = [
        CreditEntry(
            account_id=account_id,
            amount=-1,
            kind=Kind.CHARGE,
            job_id=job_id,
            image_id=image_id,
            language=language,
            created_at=now,
        )
        for image_id in image_ids
        for language in ("", *translations)
    ]
    paid = Account.objects.filter(pk=account_id, balance__gte=len(entries)).update(balance=F("balance") - len(entries))
    if not paid:
        raise InsufficientCredits(balance=balance(account_id), required=len(entries))
    CreditEntry.objects.bulk_create(entries)


@transaction.atomic
def refund(*, account_id: str, job_id: str, image_id: str, note: str = "", language: str = "") -> None:
    """Refund the credit of an image or of its translation. A second refund of it violates the unique constraint."""
    CreditEntry.objects.create(
        account_id=account_id,
        amount=1,
        kind=Kind.REFUND,
        job_id=job_id,
        image_id=image_id,
        language=language,
        note=note[:200],
        created_at=database_now(),
    )
    Account.objects.filter(pk=account_id).update(balance=F("balance") + 1)


@transaction.atomic
def grant(*, account_id: str, amount: int, note: str = "") -> CreditEntry:
    """Add credits, or remove some (`amount` < 0). Raises InsufficientCredits, InvalidRequest."""
    if amount == 0:
        raise InvalidRequest("A grant of no credits changes nothing.")
    if abs(amount) > MAX_AMOUNT:
        raise InvalidRequest(f"A grant is of at most {MAX_AMOUNT} credits.", limit=MAX_AMOUNT)
    within_bounds = Account.objects.filter(pk=account_id, balance__gte=-amount, balance__lte=MAX_BALANCE - amount)
    if not within_bounds.update(balance=F("balance") + amount):
        if amount > 0:
            raise InvalidRequest(f"An account holds at most {MAX_BALANCE} credits.", limit=MAX_BALANCE)
        raise InsufficientCredits(balance=balance(account_id), required=-amount)
    return CreditEntry.objects.create(
        account_id=account_id, amount=amount, kind=Kind.GRANT, note=note[:200], created_at=database_now()
    )


def cost(*, images: int, languages: int = 1) -> int:
    return images * languages


def refunded(job_id: str) -> int:
    """Return how many credits of a job were given back."""
    return CreditEntry.objects.filter(job_id=job_id, kind=Kind.REFUND).count()


def balance(account_id: str) -> int:
    return Account.objects.values_list("balance", flat=True).get(pk=account_id)
