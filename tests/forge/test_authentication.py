from collections.abc import Callable
from typing import Any

import pytest

from forge.accounts import key_issue
from forge.models import Account, ApiKey, Session
from tests.forge.conftest import ApiClient


def test_a_call_without_a_key_is_told_how_to_send_one(db: None) -> None:
    answer = ApiClient(None).call("GET", "/credits/balance")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"]
    assert answer.json()["code"] == "invalid_api_key"


@pytest.mark.parametrize("key", ["sk-wrong", "", "ключ", "sk-" + "x" * 10_000])
def test_a_wrong_key_is_refused(alice: Account, key: str) -> None:
    answer = ApiClient(key).call("GET", "/credits/balance")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


def test_an_inactive_key_is_refused_and_the_others_work(alice: Account, api: ApiClient) -> None:
    key, text = key_issue(account=alice)
    ApiKey.objects.filter(pk=key.pk).update(is_active=False)

    answer = ApiClient(text).call("GET", "/credits/balance")

    assert (answer.status_code, answer.json()["code"]) == (403, "api_key_inactive")
    assert api.call("GET", "/credits/balance").status_code == 200


def test_the_keys_of_an_inactive_account_are_refused(alice: Account, api: ApiClient) -> None:
    Account.objects.filter(pk=alice.pk).update(is_active=False)

    assert api.call("GET", "/credits/balance").json()["code"] == "api_key_inactive"


def test_the_key_itself_is_not_stored(alice: Account) -> None:
    key, text = key_issue(account=alice)

    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert text not in str(stored)
    assert stored["prefix"] == text[:10]


def test_each_answer_carries_a_request_id(api: ApiClient) -> None:
    given = api.call("GET", "/credits/balance", headers={"X-Request-Id": "mine-1"})
    made = api.call("GET", "/jobs/job_none", headers={"X-Request-Id": "not one\n"})

    assert given["X-Request-Id"] == "mine-1"
    assert made["X-Request-Id"].startswith("req_")
    assert made.json()["requestId"] == made["X-Request-Id"]


def every_private_path() -> list[tuple[str, str, Any]]:
    image: dict[str, Any] = {"id": "img_x", "uploadPath": "/x"}
    return [
        ("GET", "/sessions/{session}", None),
        ("DELETE", "/sessions/{session}", None),
        ("GET", "/sessions/{session}/images/{image}", None),
        ("POST", "/sessions/{session}/analyze", {"images": [image]}),
        ("POST", "/sessions/{session}/analyze-single", {"image": image}),
        ("GET", "/jobs/{job}", None),
        ("GET", "/jobs/{job}/events", None),
    ]


@pytest.mark.parametrize(("method", "path", "body"), every_private_path())
def test_what_is_anothers_is_not_there(
    alice: Account,
    bobs_api: ApiClient,
    make_session: Callable[..., Session],
    method: str,
    path: str,
    body: Any,
) -> None:
    from tests.forge import jobs

    session = make_session(alice, 1)
    job = jobs.submit(alice, session)
    image = session.images.get()
    named = path.format(session=session.pk, job=job.pk, image=image.pk)
    unknown = path.format(session="sess_unknown", job="job_unknown", image="img_unknown")

    answer, nothing = bobs_api.call(method, named, body), bobs_api.call(method, unknown, body)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    # Not a word tells the one from the other.
    assert answer.json()["error"] == nothing.json()["error"]
    assert Session.objects.filter(pk=session.pk).exists()


def test_images_cannot_be_added_to_anothers_session(
    alice: Account, bobs_api: ApiClient, make_session: Callable[..., Session]
) -> None:
    from tests.pictures import jpeg

    session = make_session(alice, 1)

    assert bobs_api.upload(("a.jpg", jpeg()), path=f"/sessions/{session.pk}/images").status_code == 404
    assert session.images.count() == 1
