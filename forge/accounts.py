"""Create accounts and API keys."""

from datetime import datetime

from django.db import transaction

from forge.credits import ledger
from forge.models import Account, ApiKey


@transaction.atomic
def account_ensure(*, name: str, credits: int = 0, note: str = "") -> Account:
    """Get or create the account of that name and grant it credits."""
    account, _ = Account.objects.get_or_create(name=name)
    if credits:
        ledger.grant(account_id=account.pk, amount=credits, note=note)
        account.refresh_from_db()
    return account


def key_issue(*, account: Account, label: str = "", expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Create an API key; return its row and its text, which is not stored: show it once."""
    text = ApiKey.generate()
    key = ApiKey(account=account, label=label, expires_at=expires_at)
    key.assign(text)
    key.save()
    return key, text
