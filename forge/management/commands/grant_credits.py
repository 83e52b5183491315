from typing import Any

from django.core.management.base import CommandError, CommandParser

from forge.credits import ledger
from forge.management.database import DatabaseCommand
from forge.models import Account


class Command(DatabaseCommand):
    help = "Grants credits to an account (a negative amount withdraws) and prints the new balance."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="name of the account")
        parser.add_argument("amount", type=int)
        parser.add_argument("--note", default="", help="shown in the account's ledger")

    def handle(self, *args: Any, account: str, amount: int, note: str, **options: Any) -> None:
        owner = Account.objects.filter(name=account).first()
        if owner is None:
            raise CommandError(f"There is no account {account!r}. `make_key --account {account}` makes one.")
        ledger.grant(account_id=owner.pk, amount=amount, note=note)
        self.stdout.write(f"{account} has {ledger.balance(owner.pk)} credits")
