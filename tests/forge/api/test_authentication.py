import pytest

from forge.accounts import key_issue
from forge.models import Account, ApiKey
from tests.forge.conftest import ApiClient


def test_a_request_without_a_key_gets_401_with_www_authenticate(db: None) -> None:
    response = ApiClient(None).call("GET", "/credits/balance")

    assert response.status_code == 401
    assert response["WWW-Authenticate"]
    assert response.json()["code"] == "invalid_api_key"


@pytest.mark.parametrize("key", ["sk-wrong", "", "ключ", "sk-" + "x" * 10_000])
def test_a_wrong_key_is_refused(alice: Account, key: str) -> None:
    response = ApiClient(key).call("GET", "/credits/balance")

    assert (response.status_code, response.json()["code"]) == (401, "invalid_api_key")


def test_an_inactive_key_is_refused_and_other_keys_work(alice: Account, api: ApiClient) -> None:
    key, text = key_issue(account=alice)
    ApiKey.objects.filter(pk=key.pk).update(is_active=False)

    response = ApiClient(text).call("GET", "/credits/balance")

    assert (response.status_code, response.json()["code"]) == (403, "api_key_inactive")
    assert api.call("GET", "/credits/balance").status_code == 200


def test_the_keys_of_an_inactive_account_are_refused(alice: Account, api: ApiClient) -> None:
    Account.objects.filter(pk=alice.pk).update(is_active=False)

    assert api.call("GET", "/credits/balance").json()["code"] == "api_key_inactive"


def test_the_key_itself_is_not_stored(alice: Account) -> None:
    key, text = key_issue(account=alice)

    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert text not in str(stored)
    assert stored["prefix"] == text[:10]


def test_each_response_has_a_request_id(api: ApiClient) -> None:
    given = api.call("GET", "/credits/balance", headers={"X-Request-Id": "mine-1"})
    made = api.call("GET", "/jobs/job_none", headers={"X-Request-Id": "not one\n"})

    assert given["X-Request-Id"] == "mine-1"
    assert made["X-Request-Id"].startswith("req_")
    assert made.json()["requestId"] == made["X-Request-Id"]
