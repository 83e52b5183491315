from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_slug
from django.db import transaction

from forge.accounts import account_ensure, key_issue
from forge.errors import ForgeError


class Command(BaseCommand):
    help = "Makes an API key (and its account, if there is none) and prints it, alone and for the only time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="name of the account: letters, digits, - and _")
        parser.add_argument("--credits", type=int, default=0, help="credits to grant to the account with it")
        parser.add_argument("--label", default="", help="what the key is for, shown in the admin")

    @transaction.atomic
    def handle(self, *args: Any, account: str, credits: int, label: str, **options: Any) -> None:
        try:
            validate_slug(account)
            owner = account_ensure(name=account, credits=credits, note="granted with a key")
        except ValidationError as error:
            raise CommandError(f"--account {account!r}: use letters, digits, - and _ only.") from error
        except ForgeError as error:
            raise CommandError(error.sentence) from error
        _, key = key_issue(account=owner, label=label)
        self.stdout.write(key)
