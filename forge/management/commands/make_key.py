from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_slug
from django.db import transaction

from forge.accounts import account_ensure, key_issue
from forge.clock import database_now
from forge.management.database import DatabaseCommand

_MAX_DAYS = 36_500


class Command(DatabaseCommand):
    help = "Makes an API key (and its account, if there is none) and prints the key only; it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="name of the account: letters, digits, - and _")
        parser.add_argument("--credits", type=int, default=0, help="credits to grant to the account")
        parser.add_argument("--label", default="", help="purpose of the key, shown in the admin")
        parser.add_argument("--expires-in-days", type=float, help="after which it is refused; default: never")

    @transaction.atomic
    def handle(
        self,
        *args: Any,
        account: str,
        credits: int,
        label: str,
        expires_in_days: float | None,
        **options: Any,
    ) -> None:
        if expires_in_days is not None and not 0 < expires_in_days <= _MAX_DAYS:
            raise CommandError(f"--expires-in-days {expires_in_days:g}: more than 0 and at most {_MAX_DAYS}.")
        try:
            validate_slug(account)
        except ValidationError as error:
            raise CommandError(f"--account {account!r}: use letters, digits, - and _ only.") from error
        owner = account_ensure(name=account, credits=credits, note="granted with a key")
        expires_at = database_now() + timedelta(days=expires_in_days) if expires_in_days is not None else None
        _, key = key_issue(account=owner, label=label, expires_at=expires_at)
        self.stdout.write(key)
