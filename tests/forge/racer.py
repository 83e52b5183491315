"""One of several processes that race for the same rows: `python -m tests.forge.racer charge|work ACCOUNT NUMBER`."""

import random
import sys

import django

CHARGES = 40


def charge(account_id: str, number: int) -> None:
    from forge import ledger
    from forge.errors import InsufficientCredits

    for turn in range(CHARGES):
        try:
            ledger.charge(account_id=account_id, job_id=f"job_{number}_{turn}", image_ids=["img_1"])
        except InsufficientCredits:
            continue


def work(account_id: str, number: int) -> None:
    """Claims what it can in an order of its own, and tells each end twice, as a redelivered task would."""
    from forge import services
    from forge.errors import AnalysisFailed
    from forge.models import ImageAnalysis
    from tests.forge.jobs import succeed

    order = random.Random(number)  # the same race each time, as far as the processes let it be
    ids = list(ImageAnalysis.objects.filter(job__account=account_id).values_list("pk", flat=True))
    order.shuffle(ids)
    for analysis_id in ids:
        claim = services.analysis_claim(analysis_id=analysis_id, holder=f"racer-{number}")
        if claim is None:
            continue
        for _ in range(2):
            if analysis_id % 3:
                succeed(claim)
            else:
                services.analysis_fail(claim=claim, error=AnalysisFailed())


if __name__ == "__main__":
    django.setup()
    {"charge": charge, "work": work}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
