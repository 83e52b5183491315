"""Metrics are correct, equal in every process, and for operators only."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from forge import redis_client
from forge.credits import ledger
from forge.models import Account, CreditEntry, Job, Session
from forge.operations import metrics
from forge.operations.metrics.state import StateCollector
from forge.sessions import expiry
from tests.forge import job_factory

MakeSession = Callable[..., Session]


def samples(text: str) -> dict[str, float]:
    """Map each sample name with its label values to its value."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape() -> dict[str, float]:
    response = Client(HTTP_HOST="localhost").get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    return samples(response.content.decode())


def test_images_and_credits_by_outcome(alice: Account, bob: Account, make_session: MakeSession) -> None:
    job_factory.run(job_factory.submit(alice, make_session(alice, 4)), failing=frozenset({1, 2}))
    waiting = job_factory.submit(bob, make_session(bob, 3))
    job_factory.claim(job_factory.analyses(waiting)[0])

    found = scrape()

    assert found["forge_images_total succeeded"] == 2
    assert found["forge_images_total analysis_failed"] == 2
    assert found["forge_images_open queued"] == 2
    assert found["forge_images_open processing"] == 1
    assert found["forge_credits_total charged"] == 7
    assert found["forge_credits_total refunded"] == 2
    assert found["forge_up database"] == found["forge_up redis"] == 1
    assert found["forge_open_streams"] == 0
    assert "forge_relay_reconnects_total" in found


def test_queue_length_and_age(
    alice: Account, make_session: MakeSession, django_capture_on_commit_callbacks: Any
) -> None:
    assert scrape()["forge_queue_age_seconds"] == 0
    with django_capture_on_commit_callbacks(execute=True):
        job = job_factory.submit(alice, make_session(alice, 3))
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=5))

    found = scrape()

    assert found["forge_queue_messages"] == 3
    assert 300 <= found["forge_queue_age_seconds"] < 400


def test_counters_keep_the_images_of_removed_sessions(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 3)
    job = job_factory.submit(alice, session)
    job_factory.run(job, failing=frozenset({0}))
    before = scrape()
    long_ago = timezone.now() - timedelta(hours=2)
    Job.objects.filter(pk=job.pk).update(finished_at=long_ago)
    Session.objects.filter(pk=session.pk).update(expires_at=long_ago)
    assert expiry.sessions_sweep() == 1

    after = scrape()

    for name in ("forge_images_total succeeded", "forge_images_total analysis_failed", "forge_credits_total charged"):
        assert after[name] == before[name] > 0, name


def test_settled_entries_are_read_once(alice: Account, make_session: MakeSession) -> None:
    state = StateCollector()
    job_factory.run(job_factory.submit(alice, make_session(alice, 3)), failing=frozenset({0}))
    fresh = images_by_outcome(state)
    CreditEntry.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert images_by_outcome(state) == fresh

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert images_by_outcome(state) == fresh
    newest = CreditEntry.objects.latest("pk").pk
    assert any(f'"id" > {newest}' in query["sql"] for query in queries), "the settled entries are read again"

    job_factory.run(job_factory.submit(alice, make_session(alice, 2)))
    assert images_by_outcome(state)["succeeded"] == fresh["succeeded"] + 2
    assert images_by_outcome(StateCollector()) == images_by_outcome(state), "a later process has the same counters"


def images_by_outcome(state: StateCollector) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for family in state.collect()
        for sample in family.samples
        if family.name == "forge_images"
    }


def test_published_worker_counters_are_summed_once(db: None) -> None:
    metrics.publish_counters()  # increments of other tests
    redis_client._shared_client().flushdb()
    metrics.stages_observe({"decode": 20.0})
    metrics.BATCH_IMAGES.observe(5)
    metrics.SWEPT_IMAGES.inc(2)

    metrics.publish_counters()
    metrics.publish_counters()

    found = scrape()
    assert found["forge_stage_seconds_sum decode"] == pytest.approx(0.02)
    assert found["forge_stage_seconds_bucket 0.01 decode"] == 0
    assert found["forge_stage_seconds_bucket 0.03 decode"] == 1
    assert found["forge_batch_images_bucket 4.0"] == 0
    assert found["forge_batch_images_bucket 8.0"] == found["forge_batch_images_count"] == 1
    assert found["forge_swept_images_total"] == 2

    metrics.BATCH_IMAGES.observe(3)
    redis_client._shared_client().flushdb()
    metrics.publish_counters()

    found = scrape()
    assert (found["forge_batch_images_bucket 2.0"], found["forge_batch_images_bucket 4.0"]) == (0, 1)


def test_without_redis_the_database_metrics_remain(
    alice: Account, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis_client._shared_client.cache_clear()
    try:
        found = scrape()
    finally:
        redis_client._shared_client.cache_clear()

    assert (found["forge_up redis"], found["forge_up database"]) == (0, 1)
    assert "forge_queue_messages" not in found


@pytest.mark.parametrize(
    ("client", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"}, 200),
        ({"REMOTE_ADDR": "127.0.0.2", "HTTP_HOST": "127.0.0.1:8000"}, 200),
        ({"REMOTE_ADDR": "10.1.2.3"}, 401),
        ({"REMOTE_ADDR": "8.8.8.8"}, 401),
        ({"REMOTE_ADDR": ""}, 401),
        ({"HTTP_HOST": "forge.example.com"}, 401),
        *(
            ({name: "8.8.8.8"}, 401)
            for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
        ),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 401),
    ],
)
def test_without_a_token_only_this_machine_may_scrape(
    db: None, settings: Any, client: dict[str, str], status: int
) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    response = Client(HTTP_HOST="localhost").get("/metrics", **client)  # type: ignore[arg-type]

    assert response.status_code == status
    assert (b"forge_images" in response.content) == (status == 200)


@pytest.mark.parametrize(
    ("given", "status"),
    [("Bearer right", 200), ("Bearer wrong", 401), ("right", 401), ("Bearer righ\xe9", 401), ("", 401)],
)
def test_with_a_token_only_its_bearer_may_scrape(db: None, settings: Any, given: str, status: int) -> None:
    settings.FORGE_METRICS_TOKEN = "right"

    assert Client().get("/metrics", REMOTE_ADDR="8.8.8.8", headers={"Authorization": given}).status_code == status


def test_grants_do_not_count_as_images(alice: Account) -> None:
    before = scrape()
    ledger.grant(account_id=alice.pk, amount=50, note="gift")

    assert scrape()["forge_images_total succeeded"] == before["forge_images_total succeeded"]
