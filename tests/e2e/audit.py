"""Invariants of jobs and credits, checked on a stack's database in a process of its own: `run_audit(environment)`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class DatabaseAudit:
    """`unfinished`: images and jobs that are open. `gaps`: jobs whose event numbers have some. `credits_off`: credits
    that do not follow from the results or the ledger. `attempts`: the most that an image needed.
    """

    jobs: int
    images: int
    unfinished: int
    gaps: int
    credits_off: int
    attempts: int
    processing: int

    @property
    def wrong(self) -> int:
        return self.unfinished + self.gaps + self.credits_off


def run_audit(environment: Mapping[str, str] | None) -> DatabaseAudit:
    command = [sys.executable, "-m", "tests.e2e.audit"]
    completed = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return DatabaseAudit(**json.loads(completed.stdout.splitlines()[-1]))


def _audit() -> dict[str, int]:
    from django.db.models import Count, F, Max, Q, Sum

    from forge.models import Account, CreditEntry, ImageAnalysis, Job

    entries: dict[tuple[str | None, str], int] = {
        (job, kind): amount
        for job, kind, amount in CreditEntry.objects.order_by().values_list("job_id", "kind").annotate(Sum("amount"))
    }
    states = ImageAnalysis.Status
    jobs: Any = Job.objects.order_by().annotate(
        results=Count("analyses", filter=Q(analyses__status=states.SUCCEEDED)),
        lost=Count("analyses", filter=Q(analyses__status__in=[states.FAILED, states.CANCELLED])),
    )
    charged = jobs.exclude(action=Job.Action.SAMPLE)
    off = sum(
        abs(entries.get((job.pk, "charge"), 0) + job.total)
        + abs(entries.get((job.pk, "refund"), 0) - (job.total - job.results if job.finished_at else job.lost))
        for job in charged
    )
    accounts: Any = Account.objects.annotate(entries=Sum("credit_entries__amount"))
    off += sum(abs(account.balance - (account.entries or 0)) for account in accounts)
    numbered: Any = Job.objects.order_by().annotate(events_kept=Count("events"), highest=Max("events__seq"))
    open_images = ImageAnalysis.objects.filter(status__in=[states.QUEUED, states.PROCESSING])
    return {
        "jobs": Job.objects.count(),
        "images": ImageAnalysis.objects.count(),
        "unfinished": open_images.count() + Job.objects.filter(finished_at=None).count(),
        "gaps": numbered.exclude(events_kept=F("last_seq"), highest=F("last_seq")).count(),
        "credits_off": off,
        "attempts": ImageAnalysis.objects.aggregate(most=Max("attempts"))["most"] or 0,
        "processing": ImageAnalysis.objects.filter(status=states.PROCESSING).count(),
    }


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    print(json.dumps(_audit()))
