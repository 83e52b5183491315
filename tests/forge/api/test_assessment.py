"""`kind`, `confidence` and `needsReview`: present with every result, absent without one and from earlier versions."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from forge.accounts import account_ensure, key_issue
from forge.jobs import services
from forge.jobs.events import Assessment
from forge.models import Account, Image, ImageAnalysis, Job, JobEvent, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, analyze_single, single
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]
FIELDS = ("kind", "confidence", "needsReview")
LOWEST: Assessment = {"kind": "photo", "confidence": 0.0, "needsReview": False}


def assessed(content: dict[str, Any]) -> dict[str, Any]:
    return {name: content[name] for name in FIELDS if name in content}


def image_of(api: ApiClient, session: Session, image: Image) -> dict[str, Any]:
    content: dict[str, Any] = api.call("GET", f"/sessions/{session.pk}/images/{image.pk}").json()
    return content


# --- Job and image ---


def test_a_job_has_the_assessment_of_succeeded_images_only(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    assert [assessed(image) for image in api.call("GET", f"/jobs/{job.pk}").json()["images"]] == [{}, {}]

    job_factory.run(job, failing=frozenset({1}))

    images = api.call("GET", f"/jobs/{job.pk}").json()["images"]
    assert [assessed(image) for image in images] == [job_factory.ASSESSMENT, {}]
    assert list(images[0]) == ["imageId", "status", "metadata", *FIELDS]


def test_an_image_has_the_assessment_of_its_latest_result(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    image = session.images.get()
    assert assessed(image_of(api, session, image)) == {}

    job_factory.run(job_factory.submit(alice, session))
    assert assessed(image_of(api, session, image)) == job_factory.ASSESSMENT

    job_factory.run(job_factory.submit(alice, session), failing=frozenset({0}))
    content = image_of(api, session, image)
    assert (content["status"], assessed(content)) == ("failed", job_factory.ASSESSMENT)


def test_a_confidence_of_zero_and_a_review_not_needed_are_shown(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job = job_factory.submit(alice, session)
    claim = job_factory.claim(job_factory.analyses(job)[0])
    services.analysis_succeed(claim=claim, metadata=job_factory.METADATA, assessment=LOWEST, filenames=["a"])

    assert assessed(api.call("GET", f"/jobs/{job.pk}").json()["images"][0]) == LOWEST
    assert assessed(image_of(api, session, session.images.get())) == LOWEST


def test_results_of_earlier_versions_have_metadata_only(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job = job_factory.submit(alice, session)
    job_factory.run(job)
    job_factory.without_assessment(ImageAnalysis.objects.all())
    job_factory.without_assessment(Image.objects.all())

    (analysis,) = api.call("GET", f"/jobs/{job.pk}").json()["images"]
    image = image_of(api, session, session.images.get())

    assert (assessed(analysis), assessed(image)) == ({}, {})
    assert analysis["metadata"] == image["metadata"]


# --- Event ---


def test_a_result_event_is_metadata_and_assessment(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job = job_factory.submit(alice, session)
    job_factory.run(job)

    result = json.loads(JobEvent.objects.get(job=job, type="result").data)

    assert list(result) == ["jobId", "imageId", "metadata", *FIELDS]
    assert result["imageId"] == session.images.get().pk
    assert assessed(result) == job_factory.ASSESSMENT


@pytest.mark.django_db(transaction=True)
def test_a_resumed_stream_has_the_assessment(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    job = job_factory.submit(alice, make_session(alice, 1))
    job_factory.run(job)
    call = Call("GET", f"/jobs/{job.pk}/events", key_issue(account=alice)[1], headers={"last-event-id": "1"})

    async def run() -> str:
        await call.start()
        return await call.finish()

    result, _complete = re.findall("^data: (.+)$", asyncio.run(run()), re.MULTILINE)
    assert assessed(json.loads(result)) == job_factory.ASSESSMENT


# --- analyze-single ---


@pytest.mark.django_db(transaction=True)
def test_analyze_single_has_the_assessment_and_repeats_it_for_an_idempotency_key(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    session = make_session(alice, 1)
    headers = {"idempotency-key": "one"}
    body = single(session)

    first = asyncio.run(analyze_single(session.pk, body, key, failing=False, headers=headers))
    again = asyncio.run(analyze_single(session.pk, body, key, failing=None, headers=headers))

    assert first.status == again.status == 200
    assert assessed(json.loads(first.text)) == job_factory.ASSESSMENT
    assert json.loads(again.text) == json.loads(first.text)


@pytest.mark.django_db(transaction=True)
def test_analyze_single_returns_a_result_of_an_earlier_version(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    session = make_session(alice, 1)

    def run_as_before(job: Job) -> None:
        with transaction.atomic():  # the event that ends the wait is published after the change
            job_factory.run(job)
            job_factory.without_assessment(ImageAnalysis.objects.filter(job=job))

    call = asyncio.run(
        analyze_single(session.pk, single(session), key_issue(account=alice)[1], failing=False, run=run_as_before)
    )

    assert call.status == 200
    assert "metadata" in json.loads(call.text)
    assert assessed(json.loads(call.text)) == {}
