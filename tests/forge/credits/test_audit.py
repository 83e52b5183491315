"""`audit_credits` finds each kind of thing that can be off, where it is, and nothing where all is well."""

import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from forge import idempotency
from forge.accounts import account_ensure
from forge.credits import audit, ledger
from forge.jobs import services
from forge.models import Account, CreditEntry, ImageAnalysis, Job, JobEvent
from tests.forge import job_factory

Break = Callable[[Job], Any]


def audited(*options: str) -> tuple[str, bool]:
    """What it printed, and whether it found nothing."""
    out = StringIO()
    try:
        call_command("audit_credits", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode != 1
    return out.getvalue(), True


def checks(printed: str) -> set[str]:
    return {line.partition(":")[0] for line in printed.splitlines()}


@pytest.fixture
def job(alice: Account) -> Job:
    """One image succeeded and one failed; beside it jobs in every other state."""
    ended, cancelled, half, waiting = (submit(alice, 2) for _ in range(4))
    job_factory.run(ended, failing=frozenset({1}))
    services.job_cancel(job=cancelled)
    job_factory.succeed(job_factory.claim(job_factory.analyses(half)[0]))
    job_factory.claim(job_factory.analyses(half)[1])
    assert Job.objects.get(pk=waiting.pk).status == "queued"
    deleted = submit(alice, 1)
    job_factory.run(deleted)
    deleted.session.delete()
    ended.refresh_from_db()
    return ended


def submit(account: Account, images: int) -> Job:
    return job_factory.submit(account, job_factory.session_without_files(account, images))


def test_of_a_database_where_all_is_well_it_says_so(job: Job) -> None:
    printed, well = audited()

    assert well
    assert printed == (
        f"Nothing is off: {len(audit.CHECKS)} checks over "
        "1 account, 13 creditentry, 4 job, 8 imageanalysis, 11 jobevent.\n"
    )


def entry(job: Job, image: int, kind: str) -> Any:
    return CreditEntry.objects.filter(job_id=job.pk, image_id=job_factory.analyses(job)[image].image_id, kind=kind)


def analysis(job: Job, image: int) -> Any:
    return ImageAnalysis.objects.filter(pk=job_factory.analyses(job)[image].pk)


def event(job: Job, seq: int) -> Any:
    return JobEvent.objects.filter(job=job, seq=seq)


def row(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk)


def give_to_bob(job: Job) -> None:
    CreditEntry.objects.filter(job_id=job.pk).update(account=account_ensure(name="bob"))


def charge_another_image(job: Job) -> None:
    ledger.charge(account_id=job.account_id, job_id=job.pk, image_ids=["img_other"])


BREAKS: dict[str, tuple[Break, set[str]]] = {
    "a balance without an entry": (lambda job: Account.objects.update(balance=F("balance") + 1), {"balance"}),
    "a charge of two": (lambda job: entry(job, 0, "charge").update(amount=-2), {"entry", "balance"}),
    "a refund of nothing": (lambda job: entry(job, 1, "refund").update(amount=0), {"entry", "balance"}),
    "a charge without an image": (lambda job: entry(job, 0, "charge").update(image_id=None), {"entry"}),
    "a grant for an image": (lambda job: CreditEntry.objects.filter(kind="grant").update(job_id=job.pk), {"entry"}),
    "a result that was never charged": (lambda job: entry(job, 0, "charge").delete(), {"not_charged", "balance"}),
    "a failed image that was not refunded": (lambda job: entry(job, 1, "refund").delete(), {"not_refunded"}),
    "a result that was refunded": (
        lambda job: ledger.refund(
            account_id=job.account_id, job_id=job.pk, image_id=job_factory.analyses(job)[0].image_id
        ),
        {"refunded"},
    ),
    "a refund that no charge came before": (
        lambda job: ledger.refund(account_id=job.account_id, job_id="job_gone", image_id="img_gone"),
        {"refund_of_nothing"},
    ),
    "another account's entries": (give_to_bob, {"charge_of_nothing", "balance"}),
    "a charge of an image that the job has not": (charge_another_image, {"charge_of_nothing"}),
    "a counter": (lambda job: row(job).update(started=1), {"counters", "events"}),
    "an image that counts and is gone": (lambda job: analysis(job, 0).delete(), {"counters", "charge_of_nothing"}),
    "an image that did not end": (lambda job: analysis(job, 0).update(status="queued"), {"counters"}),
    "a job that did not end": (lambda job: row(job).update(status="running", finished_at=None), {"end", "complete"}),
    "a job that ended too early": (
        lambda job: Job.objects.filter(status="queued").update(status="failed", finished_at=job.finished_at),
        {"end", "complete"},
    ),
    "an event that is missing": (lambda job: event(job, 2).delete(), {"gap", "events"}),
    "a first event that is missing": (lambda job: event(job, 1).delete(), {"gap", "events"}),
    "an event that jumps": (lambda job: event(job, 5).update(seq=9), {"gap", "complete"}),
    "an event of another type": (lambda job: event(job, 2).update(type="error"), {"events"}),
    "no complete": (
        lambda job: (event(job, 5).delete(), row(job).update(last_seq=4)),
        {"complete"},
    ),
    "a complete that is not last": (
        lambda job: (event(job, 5).update(seq=6), event(job, 4).update(seq=5), event(job, 6).update(seq=4)),
        {"complete"},
    ),
    "a second complete": (
        lambda job: (JobEvent.objects.create(job=job, seq=6, type="complete", data="{}"), row(job).update(last_seq=6)),
        {"complete"},
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_thing_that_is_off_is_found_and_named(job: Job, what: str) -> None:
    spoil, expected = BREAKS[what]
    spoil(job)

    printed, well = audited()

    assert not well
    assert expected <= checks(printed), printed
    told = json_lines("--json")
    assert len(told) == len(printed.splitlines()) + 1
    assert told[-1]["findings"] == len(told) - 1
    assert {finding["check"] for finding in told[:-1]} == checks(printed)
    where = {"alice", job.pk, "job_gone", *Job.objects.filter(status="failed").values_list("pk", flat=True)}
    assert any(name in line for name in where for line in printed.splitlines())


def json_lines(*options: str) -> list[Any]:
    return [json.loads(line) for line in audited(*options)[0].splitlines()]


def test_each_check_is_broken_by_a_test() -> None:
    """`doubled` is below: the database itself forbids it."""
    assert set(audit.CHECKS) == {check for _, expected in BREAKS.values() for check in expected} | {"doubled"}


@pytest.fixture
def without_the_constraint(transactional_db: None) -> Iterator[None]:
    [constraint] = CreditEntry._meta.constraints
    with pytest.MonkeyPatch.context() as patch:
        # SQLite makes the table anew, after what the model says.
        patch.setattr(CreditEntry._meta, "constraints", [])
        with connection.schema_editor() as editor:
            editor.remove_constraint(CreditEntry, constraint)
        yield
        CreditEntry.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(CreditEntry, constraint)


@pytest.mark.usefixtures("without_the_constraint")
@pytest.mark.parametrize("kind", ["charge", "refund"])
def test_a_credit_taken_or_given_twice_is_found(kind: str) -> None:
    alice = account_ensure(name="alice", credits=5)
    for _ in range(2):
        if kind == "charge":
            ledger.charge(account_id=alice.pk, job_id="job_1", image_ids=["img_1"])
        else:
            ledger.refund(account_id=alice.pk, job_id="job_1", image_id="img_1")

    printed, well = audited()

    assert not well
    assert re.search(f"^doubled: img_1 in job_1: 2 entries of the kind {kind}$", printed, re.MULTILINE)


def test_it_looks_once_a_check_and_changes_nothing(job: Job, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(len(audit.CHECKS)) as seen:
        assert list(audit.findings()) == []

    # PostgreSQL reads a long answer through a cursor.
    assert all(query["sql"].startswith(("SELECT", "DECLARE")) for query in seen.captured_queries)


def test_a_key_changes_nothing_of_it(job: Job) -> None:
    idempotency.key_claim(account=job.account, key="key-1", fingerprint="f")

    assert audited()[1]
