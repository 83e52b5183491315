"""The account and key with which a local service opens its studio."""

import os
from pathlib import Path

from django.db import transaction

from forge.accounts import account_ensure, key_issue
from forge.models import Account, ApiKey

ACCOUNT = "studio"
CREDITS = 1_000


def studio_key(data: Path) -> str:
    """Return the key of the account `studio`, which the first call on a database makes with its credits.

    The database has the key's hash alone; the text is in a file of the data folder that only this user can read.
    """
    path = data / "studio.key"
    text = path.read_text().strip() if path.exists() else ""
    if _is_accepted(text):
        return text
    with transaction.atomic():
        is_new = not Account.objects.filter(name=ACCOUNT).exists()
        account = account_ensure(name=ACCOUNT, credits=CREDITS if is_new else 0, note="granted to the local studio")
        _, text = key_issue(account=account, label="local studio")
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return text


def _is_accepted(text: str) -> bool:
    keys = ApiKey.objects.select_related("account").filter(hash=ApiKey.hash_of(text), account__name=ACCOUNT)
    key = keys.first() if text else None
    return key is not None and key.is_accepted
