"""Leases, sent_at and expiry are compared by the database's clock: a machine whose clock is off loses nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from forge import idempotency
from forge.accounts import key_issue
from forge.clock import database_now
from forge.credits import ledger
from forge.errors import IdempotencyInProgress
from forge.jobs import leases
from forge.models import Account, CreditEntry, Image, ImageAnalysis, Job, Session
from forge.sessions import expiry, services
from tests.forge import job_factory

MakeSession = Callable[..., Session]
Skew = Callable[[], None]
HOUR = timedelta(hours=1)


@pytest.fixture(params=[-HOUR, HOUR], ids=["an hour slow", "an hour fast"])
def skew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Skew:
    """Set this process's clock as another machine's may be."""
    now = timezone.now
    return lambda: monkeypatch.setattr(timezone, "now", lambda: now() + request.param)


def test_it_is_the_present(db: None) -> None:
    before = timezone.now()
    now = database_now()

    assert now.utcoffset() == timedelta(0)
    assert before - timedelta(seconds=1) <= now <= timezone.now() + timedelta(seconds=1)


@pytest.fixture
def job(alice: Account, make_session: MakeSession) -> Job:
    return job_factory.submit(alice, make_session(alice, 2))


def test_a_skewed_worker_takes_no_others_lease(job: Job, skew: Skew) -> None:
    held = job_factory.claim(job_factory.analyses(job)[0], "worker-1")
    skew()

    assert leases.analyses_sweep() == 0
    assert job_factory.succeed(held)


def test_a_skewed_workers_lease_expires_in_time(job: Job, skew: Skew, settings: Any) -> None:
    skew()
    job_factory.claim(job_factory.analyses(job)[0], "dead-worker")
    analysis = job_factory.analyses(job)[0]

    leases.leases_renew(holder="dead-worker", analysis_ids=[analysis.pk])
    analysis.refresh_from_db()

    assert analysis.lease_until is not None
    assert analysis.started_at is not None
    lease = timedelta(seconds=settings.FORGE_LEASE_S)
    # SQLite's clock has milliseconds.
    least = -timedelta(milliseconds=1)
    assert least <= analysis.lease_until - analysis.started_at - lease < timedelta(minutes=1)
    job_factory.backdate(analysis, lease_until=settings.FORGE_LEASE_S + 1)
    assert leases.analyses_sweep() == 1


def test_a_skewed_worker_resends_nothing_before_its_time(job: Job, skew: Skew, settings: Any) -> None:
    skew()
    assert leases.analyses_sweep() == 0

    for analysis in job_factory.analyses(job):
        job_factory.backdate(analysis, sent_at=settings.FORGE_RESEND_S + 1)
    assert leases.analyses_sweep() == 2
    assert leases.analyses_sweep() == 0, "they were sent just now"


def test_a_skewed_server_takes_open_sessions_for_open(alice: Account, make_session: MakeSession, skew: Skew) -> None:
    skew()
    session = make_session(alice, 1)
    left = session.expires_at - database_now()
    assert timedelta(hours=23) < left <= timedelta(hours=24)

    Session.objects.filter(pk=session.pk).update(expires_at=database_now() + timedelta(minutes=5))
    session.refresh_from_db()
    assert services.session_extend(session=session, images=[]) == []
    assert expiry.sessions_sweep() == 0


def test_a_skewed_worker_spares_a_session_in_its_grace_period(
    alice: Account, make_session: MakeSession, skew: Skew
) -> None:
    session = make_session(alice, 1)
    job = job_factory.submit(alice, session)
    skew()
    job_factory.run(job)
    Session.objects.filter(pk=session.pk).update(expires_at=database_now() - 2 * HOUR)

    assert expiry.sessions_sweep() == 0, "its job ended just now"
    Job.objects.filter(pk=job.pk).update(finished_at=database_now() - HOUR)
    assert expiry.sessions_sweep() == 1


def test_a_skewed_server_takes_no_others_idempotency_key(alice: Account, skew: Skew) -> None:
    idempotency.key_claim(account=alice, key="key-1", fingerprint="f")
    skew()

    with pytest.raises(IdempotencyInProgress):
        idempotency.key_claim(account=alice, key="key-1", fingerprint="f")
    assert idempotency.idempotency_sweep() == 0


def test_a_skewed_server_expires_keys_in_time(alice: Account, skew: Skew) -> None:
    valid, _ = key_issue(account=alice, expires_at=database_now() + timedelta(minutes=5))
    expired, _ = key_issue(account=alice, expires_at=database_now() - timedelta(minutes=5))
    skew()

    assert (valid.is_accepted, expired.is_accepted) == (True, False)


def test_a_skewed_workers_refunds_count_in_their_hour(alice: Account, job: Job, skew: Skew) -> None:
    skew()
    for analysis in job_factory.analyses(job):
        ledger.refund(account_id=alice.pk, job_id=job.pk, image_id=analysis.image_id)

    entries = CreditEntry.objects.filter(account=alice)
    assert entries.count() == 5
    assert {abs(entry.created_at - database_now()) < timedelta(minutes=1) for entry in entries} == {True}


def test_the_stored_lease_is_found_by_its_value(job: Job) -> None:
    """Compare-and-swap needs the value that was read to equal the one stored, to the last digit."""
    analysis = job_factory.analyses(job)[0]
    for _ in range(20):
        job_factory.claim(analysis, "worker-1")
        analysis.refresh_from_db()
        assert ImageAnalysis.objects.filter(pk=analysis.pk, lease_until=analysis.lease_until).exists()
        leases.analyses_release(holder="worker-1")
        analysis.refresh_from_db()
        assert ImageAnalysis.objects.filter(pk=analysis.pk, sent_at=analysis.sent_at).exists()
    assert Image.objects.count() == 2
