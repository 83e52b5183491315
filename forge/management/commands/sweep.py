from typing import Any

from forge import idempotency
from forge.credits import daily_sums
from forge.jobs import retention
from forge.management.database import DatabaseCommand
from forge.sessions import expiry


class Command(DatabaseCommand):
    help = (
        "Removes expired sessions, ended jobs (FORGE_KEEP_DAYS), expired idempotency keys and orphaned files, and sums "
        "old ledger entries (FORGE_LEDGER_SUM_AFTER_DAYS), as workers do periodically. Prints how many of each."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for what, sweep in (
            ("expired sessions removed", expiry.sessions_sweep),
            ("ended jobs removed", retention.jobs_sweep),
            ("expired idempotency keys removed", idempotency.idempotency_sweep),
            ("orphaned files removed", expiry.orphans_sweep),
            ("ledger entries summed", daily_sums.entries_sum),
        ):
            self.stdout.write(f"{sweep()} {what}")
