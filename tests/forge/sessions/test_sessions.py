from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from forge.accounts import account_ensure, key_issue
from forge.credits import ledger
from forge.models import Account, CreditEntry, Session
from forge.sessions import services, validation
from tests import images
from tests.forge import job_factory
from tests.forge.conftest import ApiClient


def stored(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_session_leaves_only_the_ledger(make_session: Callable[..., Session], media: Path) -> None:
    alice = account_ensure(name="dora", credits=100)
    api = ApiClient(key_issue(account=alice)[1])
    session = make_session(alice, 2)
    job = job_factory.submit(alice, session)
    job_factory.run(job)

    assert api.call("DELETE", f"/sessions/{session.pk}").status_code == 204

    assert stored(media) == []
    assert not default_storage.exists(f"sessions/{session.pk}")
    assert api.call("GET", f"/sessions/{session.pk}").status_code == 404
    assert api.call("GET", f"/jobs/{job.pk}").status_code == 404
    assert CreditEntry.objects.filter(job_id=job.pk, kind="charge").count() == 2
    assert ledger.balance(alice.pk) == 98


def test_a_session_is_not_deleted_under_a_running_job(
    alice: Account, api: ApiClient, make_session: Callable[..., Session], media: Path
) -> None:
    session = make_session(alice, 1)
    job_factory.submit(alice, session)

    response = api.call("DELETE", f"/sessions/{session.pk}")

    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert len(stored(media)) == 1


def test_an_image_has_its_state_and_its_latest_metadata(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 1)
    address = f"/sessions/{session.pk}/images/{session.images.get().pk}"
    assert api.call("GET", address).json()["status"] == "uploaded"

    job = job_factory.submit(alice, session)
    assert api.call("GET", address).json()["status"] == "queued"

    job_factory.run(job)
    content = api.call("GET", address).json()
    assert (content["status"], content["jobId"]) == ("succeeded", job.pk)
    assert content["metadata"]["filename"] == "red-kettle"
    assert "error" not in content


def test_sessions_are_listed_newest_first_page_by_page(
    alice: Account, bob: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    made = [make_session(alice, 1).pk for _ in range(5)]
    make_session(bob, 1)
    listed: list[str] = []
    cursor = ""
    for _ in range(3):
        page = api.call("GET", f"/sessions?limit=2{cursor}").json()
        listed += [session["sessionId"] for session in page["data"]]
        cursor = f"&cursor={page['nextCursor']}"

    assert listed == made[::-1]
    assert page["nextCursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=%21", "cursor=cD1ub3dpc2g="])
def test_a_malformed_page_request_is_refused(api: ApiClient, query: str) -> None:
    response = api.call("GET", f"/sessions?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@pytest.mark.django_db(transaction=True)
def test_a_session_deleted_during_the_checks_is_not_found(
    make_session: Callable[..., Session], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = account_ensure(name="dora", credits=100)
    session = make_session(alice, 1)
    check = validation.images_check

    def check_slowly(*args: Any, **kwargs: Any) -> list[validation.CheckedImage]:
        services.session_delete(session=session)
        return check(*args, **kwargs)

    monkeypatch.setattr(validation, "images_check", check_slowly)
    path = f"/sessions/{session.pk}/images"
    response = ApiClient(key_issue(account=alice)[1]).upload(("more.jpg", images.jpeg()), path=path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert stored(media) == []
