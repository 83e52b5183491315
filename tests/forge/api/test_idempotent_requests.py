"""Idempotency keys: one job, one charge, one response for all requests with the same key."""

import json
from collections.abc import Callable

import pytest

from forge.credits import ledger
from forge.models import Account, IdempotencyKey, Image, Job, Session
from tests.forge import job_factory
from tests.forge.api.keyed_requests import JSON, analyze, keyed, refused_as, upload
from tests.forge.conftest import V1, ApiClient
from tests.images import jpeg

MakeSession = Callable[..., Session]


# --- Analyze ----------------------------------------------------------------------------------------------------------


def test_the_same_request_makes_one_job_and_one_charge(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 3)

    first, second = analyze(api, session), analyze(api, session)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert (second["X-Job-Id"], second["Location"]) == (first["X-Job-Id"], first["Location"])
    assert Job.objects.count() == 1
    assert ledger.balance(alice.pk) == 97


def test_the_first_response_is_replayed_after_the_job_has_ended(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 2)
    first = analyze(api, session)
    job_factory.run(Job.objects.get())

    again = analyze(api, session)

    assert (again.status_code, again.json()) == (202, first.json())
    assert Job.objects.count() == 1


def test_equal_json_written_differently_is_the_same_body(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    body = job_factory.body_for(session)
    reordered = json.dumps(dict(reversed(body.items())), indent=2).encode()

    assert analyze(api, session, body=reordered).json() == analyze(api, session, body=body).json()


def test_another_body_is_refused(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    body = job_factory.body_for(session)
    analyze(api, session)

    assert refused_as(analyze(api, session, body={**body, "images": body["images"][:1]})) == (
        422,
        "idempotency_mismatch",
    )
    assert ledger.balance(alice.pk) == 98


def test_another_path_is_refused(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    first, second = make_session(alice, 1), make_session(alice, 1)
    analyze(api, first)

    assert refused_as(analyze(api, second)) == (422, "idempotency_mismatch")
    assert refused_as(upload(api, ("one.jpg", jpeg()))) == (422, "idempotency_mismatch")


def test_two_accounts_may_use_the_same_key(
    alice: Account, bob: Account, api: ApiClient, bobs_api: ApiClient, make_session: MakeSession
) -> None:
    alices, bobs = analyze(api, make_session(alice, 1)), analyze(bobs_api, make_session(bob, 1))

    assert (alices.status_code, bobs.status_code) == (202, 202)
    assert alices.json()["jobId"] != bobs.json()["jobId"]


def test_a_refused_request_leaves_its_key_free(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 3)
    ledger.grant(account_id=alice.pk, amount=-99)

    assert refused_as(analyze(api, session)) == (402, "insufficient_credits")
    ledger.grant(account_id=alice.pk, amount=9)

    assert analyze(api, session).status_code == 202
    assert ledger.balance(alice.pk) == 7


@pytest.mark.parametrize(
    "malformed", ["", "   ", "k" * 256, "tab\tinside", "\x7f", "ümlaut", "\u2603"], ids=lambda key: repr(key)[:20]
)
def test_a_malformed_key_is_refused(alice: Account, api: ApiClient, make_session: MakeSession, malformed: str) -> None:
    session = make_session(alice, 1)

    assert refused_as(analyze(api, session, malformed)) == (400, "invalid_request")
    assert refused_as(upload(api, ("one.jpg", jpeg()), key=malformed)) == (400, "invalid_request")
    assert not Job.objects.exists()
    assert Session.objects.count() == 1


def test_a_key_may_have_255_characters(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session, key = make_session(alice, 1), "~ k" * 85

    assert analyze(api, session, key).json() == analyze(api, session, key).json()


def test_without_a_key_nothing_is_stored(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    body = job_factory.body_for(session)

    assert api.call("POST", f"/sessions/{session.pk}/analyze", body, headers=JSON).status_code == 202
    assert api.call("POST", f"/sessions/{session.pk}/analyze", body, headers=JSON).status_code == 409
    assert not IdempotencyKey.objects.exists()


def test_deleting_a_session_deletes_its_idempotency_keys(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    body = job_factory.body_for(session)
    analyze(api, session)
    job_factory.run(Job.objects.get())
    api.call("DELETE", f"/sessions/{session.pk}")

    assert not IdempotencyKey.objects.exists()
    assert refused_as(analyze(api, session, body=body)) == (404, "not_found")


# --- Upload -----------------------------------------------------------------------------------------------------------


def test_the_same_upload_makes_one_session(api: ApiClient) -> None:
    files = [("one.jpg", jpeg("teal")), ("two.jpg", jpeg("red"))]

    first, second = upload(api, *files), upload(api, *files)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert (Session.objects.count(), Image.objects.count()) == (1, 2)


def test_the_fingerprint_of_an_upload_ignores_the_form_boundary(api: ApiClient) -> None:
    def form(boundary: str) -> bytes:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="images[]"; filename="one.jpg"\r\n\r\n'
        return head.encode() + jpeg() + f"\r\n--{boundary}--\r\n".encode()

    responses = [
        api.generic(
            "POST", f"{V1}/sessions/upload", form(name), f"multipart/form-data; boundary={name}", **keyed("key-1")
        )
        for name in ("first", "second")
    ]

    assert [response.status_code for response in responses] == [201, 201]
    assert responses[0].json() == responses[1].json()


@pytest.mark.parametrize(
    "files",
    [
        [("two.jpg", jpeg())],
        [("one.jpg", jpeg("red"))],
        [("one.jpg", jpeg()), ("one.jpg", jpeg())],
    ],
    ids=["another name", "other bytes", "one more"],
)
def test_another_upload_is_refused(api: ApiClient, files: list[tuple[str, bytes]]) -> None:
    upload(api, ("one.jpg", jpeg()))

    assert refused_as(upload(api, *files)) == (422, "idempotency_mismatch")
    assert Image.objects.count() == 1


def test_a_refused_upload_leaves_its_key_free(api: ApiClient) -> None:
    assert refused_as(upload(api, ("one.jpg", b"no image"))) == (415, "unsupported_image")
    assert upload(api, ("one.jpg", jpeg())).status_code == 201


def test_images_are_added_to_a_session_once(api: ApiClient) -> None:
    path = f"/sessions/{upload(api, ('one.jpg', jpeg())).json()['sessionId']}/images"

    first = upload(api, ("two.jpg", jpeg("red")), key="key-2", path=path)
    second = upload(api, ("two.jpg", jpeg("red")), key="key-2", path=path)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert [image["originalFilename"] for image in first.json()["images"]] == ["two.jpg"]
    assert Image.objects.count() == 2
