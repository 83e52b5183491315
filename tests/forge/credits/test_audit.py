"""`audit_credits` reports each kind of violation with its place, and none for a consistent database."""

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

Corruption = Callable[[Job], Any]


def run_audit(*options: str) -> tuple[str, bool]:
    """Return the command's output, and whether it reported no violation."""
    out = StringIO()
    try:
        call_command("audit_credits", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode != 1
    return out.getvalue(), True


def checks(printed: str) -> set[str]:
    """Return the names of the checks in the output."""
    return {line.partition(":")[0] for line in printed.splitlines()}


@pytest.fixture
def job(alice: Account) -> Job:
    """A job with one succeeded and one failed image, next to jobs in every other state."""
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


def test_a_consistent_database_has_no_findings(job: Job) -> None:
    printed, consistent = run_audit()

    assert consistent
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


def move_entries_to_bob(job: Job) -> None:
    CreditEntry.objects.filter(job_id=job.pk).update(account=account_ensure(name="bob"))


def charge_another_image(job: Job) -> None:
    ledger.charge(account_id=job.account_id, job_id=job.pk, image_ids=["img_other"])


def charge_translation(job: Job, image: int) -> Any:
    image_id = job_factory.analyses(job)[image].image_id
    entry(job, image, "charge").delete()
    Account.objects.filter(pk=job.account_id).update(balance=F("balance") + 1)
    ledger.charge(account_id=job.account_id, job_id=job.pk, image_ids=[image_id], translations=["de"])
    return image_id


def refund_translation(job: Job, image: int) -> Any:
    image_id = job_factory.analyses(job)[image].image_id
    ledger.refund(account_id=job.account_id, job_id=job.pk, image_id=image_id, language="de")
    return image_id


CORRUPTIONS: dict[str, tuple[Corruption, set[str]]] = {
    "a balance without an entry": (lambda job: Account.objects.update(balance=F("balance") + 1), {"balance"}),
    "a charge of two": (lambda job: entry(job, 0, "charge").update(amount=-2), {"entry", "balance"}),
    "a refund of zero": (lambda job: entry(job, 1, "refund").update(amount=0), {"entry", "balance"}),
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
    "a translation of a failed image that was not refunded": (
        lambda job: charge_translation(job, 1),
        {"language_not_refunded"},
    ),
    "a translation that failed and was not refunded": (
        lambda job: (charge_translation(job, 0), analysis(job, 0).update(translation_errors={"de": {}})),
        {"translation_not_refunded"},
    ),
    "a translation that was refunded": (
        lambda job: (charge_translation(job, 0), refund_translation(job, 0)),
        {"translation_refunded"},
    ),
    "a refund without a charge": (
        lambda job: ledger.refund(account_id=job.account_id, job_id="job_gone", image_id="img_gone"),
        {"refund_of_nothing"},
    ),
    "entries of another account": (move_entries_to_bob, {"charge_of_nothing", "balance"}),
    "a charge of an image outside the job": (charge_another_image, {"charge_of_nothing"}),
    "a counter": (lambda job: row(job).update(started=1), {"counters", "events"}),
    "a counted image that was deleted": (lambda job: analysis(job, 0).delete(), {"counters", "charge_of_nothing"}),
    "an image that did not end": (lambda job: analysis(job, 0).update(status="queued"), {"counters"}),
    "a job that did not end": (lambda job: row(job).update(status="running", finished_at=None), {"end", "complete"}),
    "a job that ended too early": (
        lambda job: Job.objects.filter(status="queued").update(status="failed", finished_at=job.finished_at),
        {"end", "complete"},
    ),
    "an event that is missing": (lambda job: event(job, 2).delete(), {"gap", "events"}),
    "a first event that is missing": (lambda job: event(job, 1).delete(), {"gap", "events"}),
    "an event number that jumps": (lambda job: event(job, 5).update(seq=9), {"gap", "complete"}),
    "an event of another type": (lambda job: event(job, 2).update(type="error"), {"events"}),
    "no complete event": (
        lambda job: (event(job, 5).delete(), row(job).update(last_seq=4)),
        {"complete"},
    ),
    "a complete event that is not last": (
        lambda job: (event(job, 5).update(seq=6), event(job, 4).update(seq=5), event(job, 6).update(seq=4)),
        {"complete"},
    ),
    "a second complete event": (
        lambda job: (JobEvent.objects.create(job=job, seq=6, type="complete", data="{}"), row(job).update(last_seq=6)),
        {"complete"},
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_corruption_is_reported(job: Job, name: str) -> None:
    corrupt, expected = CORRUPTIONS[name]
    corrupt(job)

    printed, consistent = run_audit()

    assert not consistent
    assert expected <= checks(printed), printed
    lines = json_lines("--json")
    assert len(lines) == len(printed.splitlines()) + 1
    assert lines[-1]["findings"] == len(lines) - 1
    assert {finding["check"] for finding in lines[:-1]} == checks(printed)
    where = {"alice", job.pk, "job_gone", *Job.objects.filter(status="failed").values_list("pk", flat=True)}
    assert any(one in line for one in where for line in printed.splitlines())


def json_lines(*options: str) -> list[Any]:
    return [json.loads(line) for line in run_audit(*options)[0].splitlines()]


def test_each_check_has_a_corruption() -> None:
    """Except `doubled`, which a unique constraint prevents: it is tested below."""
    assert set(audit.CHECKS) == {check for _, expected in CORRUPTIONS.values() for check in expected} | {"doubled"}


@pytest.fixture
def without_the_constraint(transactional_db: None) -> Iterator[None]:
    [constraint] = CreditEntry._meta.constraints
    with pytest.MonkeyPatch.context() as patch:
        # SQLite recreates the table from the model.
        patch.setattr(CreditEntry._meta, "constraints", [])
        with connection.schema_editor() as editor:
            editor.remove_constraint(CreditEntry, constraint)
        yield
        CreditEntry.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(CreditEntry, constraint)


@pytest.mark.usefixtures("without_the_constraint")
@pytest.mark.parametrize("kind", ["charge", "refund"])
def test_a_duplicate_entry_is_reported(kind: str) -> None:
    alice = account_ensure(name="alice", credits=5)
    for _ in range(2):
        if kind == "charge":
            ledger.charge(account_id=alice.pk, job_id="job_1", image_ids=["img_1"])
        else:
            ledger.refund(account_id=alice.pk, job_id="job_1", image_id="img_1")

    printed, consistent = run_audit()

    assert not consistent
    assert re.search(f"^doubled: img_1 in job_1: 2 entries of the kind {kind}$", printed, re.MULTILINE)


def test_each_check_is_one_read_query(job: Job, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(len(audit.CHECKS)) as captured:
        assert list(audit.findings()) == []

    # PostgreSQL reads a large result through a cursor.
    assert all(query["sql"].startswith(("SELECT", "DECLARE")) for query in captured.captured_queries)


def test_an_idempotency_key_is_no_violation(job: Job) -> None:
    idempotency.key_claim(account=job.account, key="key-1", fingerprint="f")

    assert run_audit()[1]
