"""Leases and the sweep: recovery of images whose worker or task was lost."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from forge import redis_client
from forge.credits import ledger
from forge.jobs import dispatch, leases, services
from forge.models import Account, ImageAnalysis, Session
from tests.forge import job_factory
from workers import lifecycle

MakeSession = Callable[..., Session]


def test_an_image_of_a_dead_worker_is_claimed_only_as_a_suspect(alice: Account, make_session: MakeSession) -> None:
    fresh, held = job_factory.analyses(job_factory.submit(alice, make_session(alice, 2)))
    job_factory.claim(held, "dead-worker")
    ImageAnalysis.objects.filter(pk=held.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    leases.analyses_sweep()

    with pytest.raises(services.SuspectIsNext):
        _claimed(suspect=None)
    assert _claimed(suspect=False) == fresh.pk
    assert _claimed(suspect=False) is None
    assert _claimed(suspect=True) == held.pk
    assert _claimed(suspect=None) is None


def _claimed(*, suspect: bool | None) -> int | None:
    claim = services.analysis_claim_next(holder="worker-2", suspect=suspect)
    return claim.analysis_id if claim else None


def test_a_graceful_shutdown_requeues_in_flight_images_without_counting_a_crash(
    alice: Account, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    own, other = job_factory.analyses(job)
    claimed = job_factory.claim(own, "ending")
    job_factory.claim(other, "worker-2")

    assert leases.analyses_release(holder="ending") == 1

    assert dispatch.broker_queue_length() == 1
    assert not job_factory.succeed(claimed), "its claim is void"
    again = services.analysis_claim_next(holder="worker-2")  # no suspect
    assert again is not None
    assert again.analysis_id == own.pk
    assert job_factory.succeed(again)
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "progress", "result"]


def test_with_a_filled_queue_only_lost_tasks_are_resent(
    alice: Account, make_session: MakeSession, settings: Any
) -> None:
    analyses = job_factory.analyses(job_factory.submit(alice, make_session(alice, 3)))
    old = timezone.now() - timedelta(seconds=2 * settings.FORGE_RESEND_S + 1)
    ImageAnalysis.objects.filter(pk__in=[analysis.pk for analysis in analyses]).update(sent_at=old)
    dispatch.send([("images", "img_1")] * 3)
    assert leases.analyses_sweep() == 0
    redis_client._shared_client().lpop(django_settings.CELERY_TASK_DEFAULT_QUEUE)

    assert leases.analyses_sweep() == 1
    assert dispatch.broker_queue_length() == 3
    assert leases.analyses_sweep() == 0


def test_a_sweep_after_a_database_outage_spares_expired_leases(
    alice: Account, make_session: MakeSession, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis, "also-delayed")
    ImageAnalysis.objects.filter(pk=analysis.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(lifecycle, "_swept_at", time.monotonic() - settings.FORGE_LEASE_S - 1)

    lifecycle._sweep()
    assert job_factory.succeed(claimed), "its lease expired, and no sweep requeued it"


def test_a_timely_sweep_requeues_expired_leases(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis, "dead-worker")
    ImageAnalysis.objects.filter(pk=analysis.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(lifecycle, "_swept_at", time.monotonic() - 1)

    lifecycle._sweep()
    assert not job_factory.succeed(claimed)


def test_a_worker_does_not_requeue_what_it_works_on(
    alice: Account, make_session: MakeSession, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stall of its threads may delay the renewal of its leases, however often."""
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis, lifecycle.HOLDER)
    with lifecycle.in_flight.track(claimed.analysis_id):
        for _ in range(settings.FORGE_MAX_ATTEMPTS + 1):
            job_factory.backdate(analysis, lease_until=3600)
            monkeypatch.setattr(lifecycle, "_swept_at", time.monotonic())
            lifecycle._sweep()

    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts) == ("processing", 1)
    lifecycle._sweep()
    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts) == ("queued", 1)


def test_an_image_of_a_dead_worker_is_requeued_and_starts_once(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    job_factory.claim(analysis, "dead-worker")
    job_factory.backdate(analysis, lease_until=3600)

    assert leases.analyses_sweep() == 1
    assert dispatch.broker_queue_length() == 1
    job_factory.succeed(job_factory.claim(analysis, "worker-2"))
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "result", "complete"]


def test_a_renewed_lease_is_not_swept(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]
    job_factory.claim(analysis, "worker-1")
    job_factory.backdate(analysis, lease_until=3600)

    assert leases.leases_renew(holder="worker-1", analysis_ids=[analysis.pk]) == 1
    assert leases.analyses_sweep() == 0


def test_tasks_that_the_broker_lost_are_resent(alice: Account, make_session: MakeSession, settings: Any) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))  # not committed, so never sent
    assert leases.analyses_sweep() == 0  # The tasks may still arrive.
    for analysis in job_factory.analyses(job):
        job_factory.backdate(analysis, sent_at=settings.FORGE_RESEND_S + 1)

    assert leases.analyses_sweep() == 2
    assert dispatch.broker_queue_length() == 2


def test_queued_tasks_are_not_resent_however_old(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    dispatch.send([("images", "img_1")] * 2)
    for analysis in job_factory.analyses(job):
        job_factory.backdate(analysis, sent_at=3600)

    assert leases.analyses_sweep() == 0
    assert dispatch.broker_queue_length() == 2


def test_an_image_that_crashes_its_workers_fails_alone_and_is_refunded(
    alice: Account, make_session: MakeSession, settings: Any
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    poison, harmless = job_factory.analyses(job)
    job_factory.succeed(job_factory.claim(harmless))
    for _ in range(settings.FORGE_MAX_ATTEMPTS):
        job_factory.claim(poison)
        job_factory.backdate(poison, lease_until=3600)
        leases.analyses_sweep()

    poison.refresh_from_db()
    job.refresh_from_db()
    assert (poison.status, poison.code) == ("failed", "analysis_crashed")
    assert job.status == "partial"
    assert ledger.balance(alice.pk) == 99
