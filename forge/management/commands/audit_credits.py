import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from forge.credits import audit
from forge.management.database import DatabaseCommand
from forge.models import Account, CreditEntry, ImageAnalysis, Job, JobEvent


class Command(DatabaseCommand):
    help = (
        "Audits the balances, charges, refunds and events of this database. Prints a line for each inconsistency; the "
        "exit code is then 1. It changes nothing and may run while the service is running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="JSON Lines: findings, then the summary")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        found = 0
        for finding in audit.findings():
            found += 1
            self.stdout.write(
                _line(asdict(finding)) if json else f"{finding.check}: {finding.where}: {finding.sentence}"
            )
        row_counts = {
            model._meta.model_name or "": model._default_manager.count()
            for model in (Account, CreditEntry, Job, ImageAnalysis, JobEvent)
        }
        if json:
            self.stdout.write(_line({"findings": found, "checks": list(audit.CHECKS), "rows": row_counts}))
        elif not found:
            rows = ", ".join(f"{number} {name}" for name, number in row_counts.items())
            self.stdout.write(f"Nothing is off: {len(audit.CHECKS)} checks over {rows}.")
        if found:
            raise CommandError(f"{found} findings.", returncode=1)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
