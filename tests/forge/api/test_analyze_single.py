import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, transaction

from forge.api.views import analyze
from forge.credits import ledger
from forge.errors import AnalysisFailed
from forge.jobs import fair_queue
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import analyze_single, single

pytestmark = pytest.mark.django_db(transaction=True)


def test_analyze_single_waits_for_the_metadata(alice: Account, key: str, make_session: Callable[..., Session]) -> None:
    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=False))

    assert (call.status, call.headers["content-type"]) == (200, "application/json")
    content = json.loads(call.text)
    assert content["imageId"] == session.images.get().pk
    assert content["metadata"]["filename"] == "red-kettle"
    assert content["creditsRemaining"] == 99
    assert content["jobId"] == call.headers["x-job-id"]


def test_analyze_single_returns_a_failure_and_refunds_it(
    alice: Account, key: str, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=True))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (422, AnalysisFailed.code)
    assert content["requestId"] == call.headers["x-request-id"]
    assert ledger.balance(alice.pk) == 100


def test_analyze_single_times_out_with_the_job_id_and_the_job_goes_on(
    alice: Account, key: str, make_session: Callable[..., Session], settings: Any
) -> None:
    settings.FORGE_SINGLE_WAIT_S = 0.2
    bulk = job_factory.submit(alice, make_session(alice, 2))
    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=None))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (504, "still_running")
    job = Job.objects.get(pk=content["jobId"])
    with transaction.atomic():
        assert fair_queue.next_queued(None) == job.analyses.get(), "before bulk"
    job_factory.run(bulk)
    job_factory.run(job)
    job.refresh_from_db()
    assert job.status == "complete"


def test_analyze_single_returns_504_when_the_database_fails_at_the_end(
    alice: Account, key: str, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise InterfaceError("connection already closed")

    session = make_session(alice, 1)
    monkeypatch.setattr(analyze, "_settled_response", away)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=False))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (504, "still_running")
    assert content["jobId"] == call.headers["x-job-id"] == Job.objects.get().pk
    assert content["requestId"] == call.headers["x-request-id"]
