"""FORGE_KEEP_DAYS removes ended jobs in short transactions; old ledger entries are summed, and nothing is off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from forge import idempotency
from forge.credits import audit, daily_sums, ledger
from forge.errors import AnalysisFailed
from forge.jobs import retention, services
from forge.models import Account, CreditEntry, IdempotencyKey, Image, ImageAnalysis, Job, JobEvent, Session
from forge.operations.metrics.state import StateCollector
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from workers import lifecycle

Queue = Callable[..., Job]


@pytest.fixture
def ended_job(alice: Account) -> Callable[..., Job]:
    """Return a function that makes a job of two images, one failed, that ended so many days ago."""

    def make(days: float, account: Account = alice) -> Job:
        job = job_factory.submit(account, job_factory.session_without_files(account, 2))
        analyses = job_factory.analyses(job)
        job_factory.succeed(job_factory.claim(analyses[0]))
        services.analysis_fail(claim=job_factory.claim(analyses[1]), error=AnalysisFailed())
        then = timezone.now() - timedelta(days=days)
        Job.objects.filter(pk=job.pk).update(finished_at=then)
        CreditEntry.objects.filter(job_id=job.pk).update(created_at=then)
        return Job.objects.get(pk=job.pk)

    return make


def test_jobs_are_kept_as_long_as_their_session_by_default(ended_job: Queue) -> None:
    ended_job(days=1000)

    assert retention.jobs_sweep() == 0


def test_ended_jobs_are_removed_with_their_events_and_the_results_and_the_ledger_stay(
    ended_job: Queue, alice: Account, api: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FORGE_KEEP_DAYS = 30
    monkeypatch.setattr(retention, "BATCH", 2)
    old, recent = [ended_job(days=31 + n) for n in range(5)], ended_job(days=29)
    running = job_factory.submit(alice, job_factory.session_without_files(alice, 1))
    entries, balance = CreditEntry.objects.count(), ledger.balance(alice.pk)

    assert retention.jobs_sweep() == 5

    assert set(Job.objects.values_list("pk", flat=True)) == {recent.pk, running.pk}
    assert set(ImageAnalysis.objects.values_list("job_id", flat=True)) == {recent.pk, running.pk}
    assert set(JobEvent.objects.values_list("job_id", flat=True)) == {recent.pk}
    assert Session.objects.count() == 7
    assert Image.objects.exclude(metadata=None).count() == 6
    assert (CreditEntry.objects.count(), ledger.balance(alice.pk)) == (entries, balance)
    assert list(audit.findings()) == []
    assert api.call("GET", f"/jobs/{old[0].pk}").status_code == 404


def test_a_job_that_an_idempotency_key_names_stays(ended_job: Queue, alice: Account, settings: Any) -> None:
    settings.FORGE_KEEP_DAYS = 0.5
    job = ended_job(days=0.6)
    row, _ = idempotency.key_claim(account=alice, key="one", fingerprint="f")
    idempotency.key_complete(row, session=job.session, job=job, status=202, response={})
    assert retention.jobs_sweep() == 0

    IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert retention.jobs_sweep() == 1


def test_each_transaction_removes_a_bounded_number_of_images(
    ended_job: Queue, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FORGE_KEEP_DAYS = 1
    monkeypatch.setattr(retention, "GROUP_IMAGES", 4)
    for _ in range(5):
        ended_job(days=2)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert retention.jobs_sweep() == 5

    assert sum('DELETE FROM "forge_job"' in query["sql"] for query in queries) == 3
    assert retention.jobs_sweep(lambda: True) == 0


# --- Ledger -----------------------------------------------------------------------------------------------------------


def sums() -> list[tuple[str, int, str, datetime]]:
    entries = CreditEntry.objects.filter(job_id=None).exclude(kind="grant").order_by("account__name", "kind", "-pk")
    return list(entries.values_list("kind", "amount", "note", "created_at"))


def counted() -> dict[str, float]:
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in StateCollector().collect()
        for sample in family.samples
        if sample.name.startswith(("forge_images_total", "forge_credits"))
    }


def test_old_entries_of_deleted_jobs_are_summed_by_day_and_nothing_is_off(
    ended_job: Queue, alice: Account, bob: Account, api: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [ended_job(days=400) for _ in range(3)] + [ended_job(days=401), ended_job(days=400, account=bob)]
    kept, recent = ended_job(days=400), ended_job(days=10)
    for job in [*jobs, recent]:
        job.session.delete()
    balances = {account.pk: ledger.balance(account.pk) for account in (alice, bob)}
    before, metrics = CreditEntry.objects.count(), counted()
    watching = StateCollector()
    list(watching.collect())
    monkeypatch.setattr(daily_sums, "BATCH", 4)
    assert daily_sums.entries_sum() == 0, "off by default"
    settings.FORGE_LEDGER_SUM_AFTER_DAYS = 365

    removed = daily_sums.entries_sum()

    day = [datetime.combine(timezone.now().date() - timedelta(days=n), datetime.min.time(), UTC) for n in (400, 401)]
    assert sorted(sums()) == sorted(
        [
            ("charge", -6, "", day[0]), ("charge", -2, "", day[1]), ("charge", -2, "", day[0]),
            ("refund", 3, "analysis_failed", day[0]), ("refund", 1, "analysis_failed", day[1]),
            ("refund", 1, "analysis_failed", day[0]),
        ]
    )  # fmt: skip
    assert CreditEntry.objects.count() == before - removed == before - 15 + 6
    assert CreditEntry.objects.filter(job_id__in=[kept.pk, recent.pk]).count() == 6
    assert {account.pk: ledger.balance(account.pk) for account in (alice, bob)} == balances
    assert list(audit.findings()) == []
    assert counted() == metrics
    assert sum(entry["amount"] for entry in api.call("GET", "/credits/ledger").json()["data"]) == balances[alice.pk]
    assert daily_sums.entries_sum() == 0


def test_a_charge_is_summed_after_its_refund_is(ended_job: Queue, settings: Any) -> None:
    settings.FORGE_LEDGER_SUM_AFTER_DAYS = 365
    job = ended_job(days=366.5)
    CreditEntry.objects.filter(job_id=job.pk, kind="refund").update(created_at=timezone.now())
    job.session.delete()

    daily_sums.entries_sum()

    assert CreditEntry.objects.filter(job_id=job.pk).count() == 2, "the refunded image's charge and refund"
    assert list(audit.findings()) == []


def test_an_entry_without_an_image_that_is_no_sum_is_reported(alice: Account) -> None:
    entry = CreditEntry.objects.get(account=alice)
    CreditEntry.objects.filter(pk=entry.pk).update(kind="refund", created_at=timezone.now().replace(hour=3))

    assert [finding.check for finding in audit.findings()] == ["entry"]


def test_workers_sweep_periodically_and_the_command_sweeps_once(db: None) -> None:
    beats = {beat for heartbeat in lifecycle._periodic_work for beat in heartbeat._beats}
    assert {lifecycle._remove_ended_jobs, lifecycle._sum_ledger} < beats
    out = StringIO()

    call_command("sweep", stdout=out)

    assert out.getvalue().splitlines() == [
        "0 expired sessions removed", "0 ended jobs removed", "0 expired idempotency keys removed",
        "0 orphaned files removed", "0 ledger entries summed",
    ]  # fmt: skip
