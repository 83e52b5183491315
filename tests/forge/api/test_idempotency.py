"""Idempotency keys: one job, one charge, one response for all requests with the same key."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from forge import idempotency
from forge.accounts import account_ensure, key_issue
from forge.credits import ledger
from forge.errors import IdempotencyInProgress
from forge.idempotency import ClaimedKey
from forge.models import Account, CreditEntry, IdempotencyKey, Image, Job, Session
from forge.sessions import services, validation
from tests.forge import job_factory
from tests.forge.conftest import V1, ApiClient
from tests.images import jpeg

MakeSession = Callable[..., Session]
JSON = {"Accept": "application/json"}


def keyed(key: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key, **JSON, **headers}}


def analyze(api: ApiClient, session: Session, key: str = "key-1", body: Any = None) -> Any:
    return api.call("POST", f"/sessions/{session.pk}/analyze", body or job_factory.body_for(session), **keyed(key))


def upload(api: ApiClient, *files: tuple[str, bytes], key: str = "key-1", path: str = "/sessions/upload") -> Any:
    named = [SimpleUploadedFile(name, data, "application/octet-stream") for name, data in files]
    return api.post(V1 + path, {"images[]": named}, **keyed(key))


def refused_as(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


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
    "key", ["", "   ", "k" * 256, "tab\tinside", "\x7f", "ümlaut", "\u2603"], ids=lambda key: repr(key)[:20]
)
def test_a_malformed_key_is_refused(alice: Account, api: ApiClient, make_session: MakeSession, key: str) -> None:
    session = make_session(alice, 1)

    assert refused_as(analyze(api, session, key)) == (400, "invalid_request")
    assert refused_as(upload(api, ("one.jpg", jpeg()), key=key)) == (400, "invalid_request")
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


# --- In flight --------------------------------------------------------------------------------------------------------


def test_a_key_in_flight_is_a_conflict(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    claimed = in_flight(alice, api, session)

    response = analyze(api, session)

    assert refused_as(response) == (409, "idempotency_in_progress")
    assert response["Retry-After"]
    assert not Job.objects.exists()
    idempotency.key_release(claimed)
    assert analyze(api, session).status_code == 202


def in_flight(account: Account, api: ApiClient, session: Session) -> IdempotencyKey:
    """Return the row of a request that is in flight, or whose process died."""
    ledger.grant(account_id=account.pk, amount=-100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idempotency, "key_release", lambda row: None)
        assert analyze(api, session).status_code == 402
    ledger.grant(account_id=account.pk, amount=100)
    return IdempotencyKey.objects.get()


def test_a_key_is_free_after_the_lease_of_a_dead_process(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    dead = in_flight(alice, api, session)
    IdempotencyKey.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    response = analyze(api, session)

    assert response.status_code == 202
    assert ledger.balance(alice.pk) == 99
    # If it was slow and not dead, its transaction is rolled back and the key stays with the accepted request.
    with pytest.raises(IdempotencyInProgress):
        idempotency.key_complete(dead, session=session, job=None, status=202, response={})
    idempotency.key_release(dead)
    assert analyze(api, session).json() == response.json()


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_lease_expired_accepts_nothing(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    slow, _ = idempotency.key_claim(account=alice, key="key-1", fingerprint="f")
    IdempotencyKey.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    idempotency.key_claim(account=alice, key="key-1", fingerprint="f")
    files = [SimpleUploadedFile("one.jpg", jpeg())]

    with pytest.raises(IdempotencyInProgress):
        services.session_create(
            account=alice,
            images=validation.images_check(files),
            claimed_key=ClaimedKey(slow),
        )

    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["analyze", "upload"])
def test_of_concurrent_requests_one_is_carried_out(make_session: MakeSession, what: str) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    session = make_session(alice, 3)

    def post(number: int) -> tuple[int, Any]:
        try:
            api = ApiClient(key)
            response = analyze(api, session) if what == "analyze" else upload(api, ("one.jpg", jpeg()))
            return response.status_code, response.json()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(post, range(6)))

    accepted = [body for status, body in responses if status in (201, 202)]
    assert accepted
    assert all(body == accepted[0] for body in accepted)
    others = {(status, body["code"]) for status, body in responses if status not in (201, 202)}
    assert others <= {(409, "idempotency_in_progress")}
    assert Job.objects.count() == (1 if what == "analyze" else 0)
    assert Session.objects.count() == (1 if what == "analyze" else 2)
    assert CreditEntry.objects.filter(kind="charge").count() == (3 if what == "analyze" else 0)


# --- Expiry -----------------------------------------------------------------------------------------------------------


def test_an_expired_key_starts_a_new_request(
    alice: Account, api: ApiClient, make_session: MakeSession, settings: Any
) -> None:
    session = make_session(alice, 1)
    first = analyze(api, session)
    job_factory.run(Job.objects.get())
    row = IdempotencyKey.objects.get()
    assert row.expires_at - row.created_at == timedelta(hours=24)
    IdempotencyKey.objects.update(expires_at=timezone.now())

    second = analyze(api, session)

    assert second.status_code == 202
    assert second.json()["jobId"] != first.json()["jobId"]
    assert ledger.balance(alice.pk) == 98


def test_expired_keys_are_swept(alice: Account) -> None:
    for key in ("old", "older", "new"):
        idempotency.key_claim(account=alice, key=key, fingerprint="f")
    IdempotencyKey.objects.filter(key__startswith="old").update(expires_at=timezone.now())

    assert idempotency.idempotency_sweep() == 2
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]
    assert idempotency.idempotency_sweep() == 0


def test_a_worker_sweeps_expired_keys() -> None:
    from workers.lifecycle import _periodic_work

    assert any(idempotency.idempotency_sweep in chore._beats for chore in _periodic_work)


def test_a_long_request_renews_its_lease(api: ApiClient, alice: Account, settings: Any) -> None:
    row, _ = idempotency.key_claim(account=alice, key="key-1", fingerprint="f")
    began = row.lease_until
    idempotency.key_renew(row)
    assert row.lease_until == began, "a fresh lease is not renewed"

    soon = timezone.now() + timedelta(seconds=1)
    row.lease_until = soon
    row.save()
    idempotency.key_renew(row)
    row.refresh_from_db()
    assert row.lease_until is not None
    assert row.lease_until > soon + timedelta(seconds=settings.FORGE_IDEMPOTENCY_LEASE_S / 2)

    row.lease_until = soon
    IdempotencyKey.objects.update(holder="another")
    with pytest.raises(IdempotencyInProgress):
        idempotency.key_renew(row)


def test_an_upload_renews_its_lease_after_each_image(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[IdempotencyKey] = []
    monkeypatch.setattr(idempotency, "key_renew", renewed.append)

    assert upload(api, ("a.jpg", jpeg()), ("b.jpg", jpeg("navy"))).status_code == 201
    session = Session.objects.get()
    assert upload(api, ("c.jpg", jpeg()), key="key-2", path=f"/sessions/{session.pk}/images").status_code == 201

    assert [row.key for row in renewed] == ["key-1", "key-1", "key-2"]
