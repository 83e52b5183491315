"""Accounts and their keys."""

from datetime import datetime

from django.db import transaction

from forge.credits import ledger
from forge.models import Account, ApiKey


@transaction.atomic
def account_ensure(*, name: str, credits: int = 0, note: str = "") -> Account:
    """The account of that name, made if there is none, with so many credits granted."""
    account, _ = Account.objects.get_or_create(name=name)
    if credits:
        ledger.grant(account_id=account.pk, amount=credits, note=note)
        account.refresh_from_db()
    return account


def key_issue(*, account: Account, label: str = "", expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key, and its text, which is nowhere kept: show it once."""
    text = ApiKey.generate()
    key = ApiKey(account=account, label=label, expires_at=expires_at)
    key.assign(text)
    key.save()
    return key, text
