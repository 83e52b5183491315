"""Leases and expiry of idempotency keys."""

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
from forge.models import Account, CreditEntry, IdempotencyKey, Job, Session
from forge.sessions import services, validation
from tests.forge import job_factory
from tests.forge.api.keyed_requests import analyze, refused_as, upload
from tests.forge.conftest import ApiClient
from tests.images import jpeg

MakeSession = Callable[..., Session]


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
            images=validation.images_check(files, account=alice),
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


def test_expired_keys_are_swept(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "_BATCH", 1)
    for key in ("old", "older", "new"):
        idempotency.key_claim(account=alice, key=key, fingerprint="f")
    IdempotencyKey.objects.filter(key__startswith="old").update(expires_at=timezone.now() - timedelta(seconds=1))

    assert idempotency.idempotency_sweep() == 2, "in batches of one"
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
