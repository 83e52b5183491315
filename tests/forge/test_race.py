"""Eight processes at once, as web servers and workers are: on SQLite, and on PostgreSQL with `bin/test --postgres`."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum

from forge import ledger
from forge.accounts import account_ensure
from forge.models import CreditEntry, Image, Job, Session
from tests.forge import jobs
from tests.forge.racer import CHARGES

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = 8


def database_url() -> str:
    """Of the test's own database."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    return f"postgresql://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"


def race(what: str, account_id: str) -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url()}
    command = [sys.executable, "-m", "tests.forge.racer", what, account_id]
    racers = [
        subprocess.Popen([*command, str(number)], cwd=settings.BASE_DIR, env=env, stderr=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    for racer in racers:
        _, said = racer.communicate(timeout=120)
        assert racer.returncode == 0, said


def total(account_id: str) -> int:
    return CreditEntry.objects.filter(account=account_id).aggregate(total=Sum("amount"))["total"] or 0


def test_racing_processes_charge_exactly_what_there_is() -> None:
    covered = PROCESSES * CHARGES * 2 // 3
    account = account_ensure(name="carol", credits=covered)

    race("charge", account.pk)

    assert ledger.balance(account.pk) == total(account.pk) == 0
    assert CreditEntry.objects.filter(kind="charge").count() == covered


def test_racing_workers_end_each_image_once(make_session: Callable[..., Session]) -> None:
    account = account_ensure(name="carol", credits=100)
    made = [jobs.submit(account, make_session(account, 20)) for _ in range(2)]

    race("work", account.pk)

    failed = 0
    for job in Job.objects.filter(pk__in=[job.pk for job in made]):
        kinds = [kind for _, kind in jobs.events(job)]
        assert [seq for seq, _ in jobs.events(job)] == list(range(1, 42))
        assert (kinds.count("progress"), kinds.count("complete"), kinds[-1]) == (20, 1, "complete")
        assert kinds.count("result") + kinds.count("error") == 20
        assert (job.status, job.succeeded, job.failed) == ("partial", kinds.count("result"), kinds.count("error"))
        failed += job.failed
    assert ledger.balance(account.pk) == total(account.pk) == 100 - 40 + failed
    assert CreditEntry.objects.filter(kind="refund").count() == failed
    named = list(Image.objects.exclude(filename=None).values_list("session", "filename"))
    assert len(set(named)) == len(named) == 40 - failed
