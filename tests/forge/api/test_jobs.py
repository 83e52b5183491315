from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from forge.credits import ledger
from forge.jobs import dispatch
from forge.models import Account, CreditEntry, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]
JSON = {"Accept": "application/json"}


def test_a_job_is_accepted_as_json(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 2)

    response = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session), headers=JSON)

    assert response.status_code == 202
    job = response.json()
    assert response["X-Job-Id"] == job["jobId"]
    assert response["Location"].endswith(f"/image-forge-api/v1/jobs/{job['jobId']}")
    assert (job["status"], job["total"], job["processed"], job["finishedAt"]) == ("queued", 2, 0, None)
    assert job["images"] == [{"imageId": image.pk, "status": "queued"} for image in session.images.all()]


def test_a_job_has_the_outcome_of_each_image(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job, failing=frozenset({1}))

    content = api.call("GET", f"/jobs/{job.pk}").json()

    assert (content["status"], content["processed"], content["total"]) == ("partial", 2, 2)
    good, bad = content["images"]
    assert good["metadata"]["seoTags"] == ["kettle", "red", "kitchen"]
    assert "code" not in good
    assert (bad["status"], bad["code"]) == ("failed", "analysis_failed")
    assert "metadata" not in bad
    assert content["finishedAt"]


def with_body(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {**body, **changes}


def with_image(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda body: {**body, "images": [{**body["images"][0], **changes}]}


REFUSALS: dict[str, tuple[Callable[[dict[str, Any]], Any], int, str]] = {
    "no JSON": (lambda body: b"{not json", 400, "invalid_request"),
    "not UTF-8": (lambda body: b'{"images": "\xff"}', 400, "invalid_request"),
    "nested for ever": (lambda body: b"[" * 100_000, 400, "invalid_request"),
    "half a character": (with_image(id="\ud800"), 400, "invalid_request"),
    "a list": (lambda body: [body], 400, "invalid_request"),
    "a number": (lambda body: b"7", 400, "invalid_request"),
    "nothing": (lambda body: b"", 400, "invalid_request"),
    "no images": (with_body(images=[]), 400, "invalid_request"),
    "images missing": (lambda body: {"sessionId": body["sessionId"]}, 400, "invalid_request"),
    "images no list": (with_body(images="all"), 400, "invalid_request"),
    "image no object": (with_body(images=["img_1"]), 400, "invalid_request"),
    "id of another type": (with_image(id={"a": 1}), 400, "invalid_request"),
    "id with NUL": (with_image(id="img\x00"), 400, "invalid_request"),
    "uploadPath missing": (
        lambda body: {**body, "images": [{"id": body["images"][0]["id"]}]},
        400,
        "invalid_request",
    ),
    "body and path differ": (with_body(sessionId="sess_other"), 400, "invalid_request"),
    "same image twice": (lambda body: {**body, "images": body["images"][:1] * 2}, 400, "invalid_request"),
    "unknown image": (with_image(id="img_unknown"), 404, "not_found"),
    "uploadPath never given": (with_image(uploadPath="/sessions/../../etc/passwd"), 422, "upload_path_mismatch"),
    "too many": (
        lambda body: {**body, "images": [{"id": f"img_{n}", "uploadPath": "/x"} for n in range(101)]},
        413,
        "payload_too_large",
    ),
}


@pytest.fixture
def untouched(alice: Account) -> Iterator[None]:
    """A refused request changes neither ledger nor jobs nor queue."""
    before = ledger.balance(alice.pk), CreditEntry.objects.count(), Job.objects.count(), dispatch.broker_queue_length()
    yield
    after = ledger.balance(alice.pk), CreditEntry.objects.count(), Job.objects.count(), dispatch.broker_queue_length()
    assert after == before


@pytest.mark.parametrize("reason", REFUSALS)
@pytest.mark.usefixtures("untouched")
def test_bad_requests_are_refused(alice: Account, api: ApiClient, make_session: MakeSession, reason: str) -> None:
    session = make_session(alice, 3)
    change, status, code = REFUSALS[reason]

    response = api.call("POST", f"/sessions/{session.pk}/analyze", change(job_factory.body_for(session)))

    assert (response.status_code, response.json()["code"]) == (status, code), response.json()
    assert response.json()["error"]
    assert response["Content-Type"] == "application/json"


@pytest.mark.usefixtures("untouched")
def test_an_image_of_another_session_is_not_found(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session, other = make_session(alice, 1), make_session(alice, 1)
    body = {**job_factory.body_for(other), "sessionId": session.pk}

    response = api.call("POST", f"/sessions/{session.pk}/analyze", body)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.json()["imageIds"] == [other.images.get().pk]


@pytest.mark.usefixtures("untouched")
def test_an_expired_session_is_refused(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    for path in ("analyze", "analyze-single"):
        body = job_factory.body_for(session)
        response = api.call("POST", f"/sessions/{session.pk}/{path}", {**body, "image": body["images"][0]})
        assert (response.status_code, response.json()["code"]) == (409, "session_expired")


def test_too_few_credits_are_refused_with_balance_and_price(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    ledger.grant(account_id=alice.pk, amount=-98)
    session = make_session(alice, 3)

    response = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session))

    assert response.status_code == 402
    assert response.json() | {"error": "", "requestId": ""} == {
        "error": "",
        "code": "insufficient_credits",
        "requestId": "",
        "balance": 2,
        "required": 3,
    }
    assert ledger.balance(alice.pk) == 2
    assert not Job.objects.exists()
    assert dispatch.broker_queue_length() == 0


def test_a_busy_image_is_a_conflict(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job_factory.submit(alice, session)

    response = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session))

    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_a_wrong_content_type_is_refused(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    response = api.post(f"/image-forge-api/v1/sessions/{make_session(alice, 1).pk}/analyze", {"images": "x"})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_after_complete_the_stream_is_204(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    job_factory.run(job)

    assert api.call("GET", f"/jobs/{job.pk}/events", headers={"Last-Event-ID": "3"}).status_code == 204
    assert api.call("GET", f"/jobs/{job.pk}/events?after=3").status_code == 204
    # A browser repeats the URL of its first request; the header is newer.
    assert api.call("GET", f"/jobs/{job.pk}/events?after=0", headers={"Last-Event-ID": "3"}).status_code == 204


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, "\uff11"])
def test_a_malformed_event_id_is_refused(alice: Account, api: ApiClient, make_session: MakeSession, after: str) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))

    response = api.call("GET", f"/jobs/{job.pk}/events", query_params={"after": after})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
