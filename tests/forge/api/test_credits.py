from collections.abc import Callable
from typing import Any

import pytest

from forge.credits import ledger
from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


def test_the_balance_is_returned(alice: Account, api: ApiClient) -> None:
    assert api.call("GET", "/credits/balance").json() == {"balance": 100, "accountId": alice.pk}


def test_a_credit_check_charges_nothing(alice: Account, api: ApiClient) -> None:
    enough = api.call("POST", "/credits/check", {"action": "analyze", "imageCount": 100})
    short = api.call("POST", "/credits/check", {"action": "analyze", "imageCount": 101})

    assert enough.json() == {"sufficient": True, "balance": 100, "cost": 100, "remaining": 0}
    assert (short.status_code, short.json()["balance"], short.json()["required"]) == (402, 100, 101)
    assert ledger.balance(alice.pk) == 100


def test_a_credit_check_counts_languages(alice: Account, api: ApiClient, settings: Any) -> None:
    settings.FORGE_MODELS = "vision-server"
    options = {"languages": ["en", "de", "ja"]}
    body = {"action": "analyze", "imageCount": 30, "options": options}

    assert api.call("POST", "/credits/check", body).json() == {
        "sufficient": True,
        "balance": 100,
        "cost": 90,
        "remaining": 10,
        "languages": 3,
    }
    short = api.call("POST", "/credits/check", {**body, "imageCount": 34})
    assert (short.status_code, short.json()["required"]) == (402, 102)
    Account.objects.filter(pk=alice.pk).update(default_options=options)
    assert api.call("POST", "/credits/check", {"action": "analyze", "imageCount": 1}).json()["cost"] == 3

    settings.FORGE_MODELS = "embedded"
    refused = api.call("POST", "/credits/check", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "option_unsupported")


@pytest.mark.parametrize(
    "body", [{}, {"action": "fly", "imageCount": 1}, {"action": "analyze", "imageCount": 0}, {"action": "analyze"}]
)
def test_a_malformed_credit_check_is_refused(api: ApiClient, body: Any) -> None:
    assert api.call("POST", "/credits/check", body).json()["code"] == "invalid_request"


def test_the_ledger_adds_up_page_by_page(
    alice: Account, bob: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 5))
    job_factory.run(job, failing=frozenset({0, 3}))
    job_factory.submit(bob, make_session(bob, 1))
    entries: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.call("GET", f"/credits/ledger?limit=3{cursor}").json()
        entries += page["data"]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"

    assert sum(entry["amount"] for entry in entries) == ledger.balance(alice.pk) == 97
    assert [entry["kind"] for entry in entries] == ["refund"] * 2 + ["charge"] * 5 + ["grant"]
    assert {entry["jobId"] for entry in entries[:7]} == {job.pk}
    assert "jobId" not in entries[-1]
