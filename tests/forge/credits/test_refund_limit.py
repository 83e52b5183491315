"""Submitting and cancelling costs no credits and fills the ledger: it is limited by the hour."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from forge.clock import database_now
from forge.credits import ledger
from forge.errors import RateLimited
from forge.jobs import services
from forge.models import Account, CreditEntry, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


@pytest.fixture(autouse=True)
def few(settings: Any, alice: Account) -> None:
    settings.FORGE_REFUNDS_PER_HOUR = 5
    ledger.grant(account_id=alice.pk, amount=-96)
    alice.refresh_from_db()


def submit_and_cancel(account: Account, session: Session) -> None:
    account.refresh_from_db()
    services.job_cancel(job=job_factory.submit(account, session))


def test_submitting_and_cancelling_is_refused_after_some_rounds(
    api: ApiClient, alice: Account, make_session: MakeSession
) -> None:
    session = make_session(alice, 2)
    body = job_factory.body_for(session)
    statuses = []
    for _ in range(5):
        response = api.call("POST", f"/sessions/{session.pk}/analyze", body, headers={"Accept": "application/json"})
        statuses.append(response.status_code)
        if response.status_code == 202:
            api.call("POST", f"/jobs/{response.json()['jobId']}/cancel")

    assert statuses == [202, 202, 202, 429, 429]
    assert response.json()["code"] == "rate_limited"
    assert 3500 < int(response["Retry-After"]) <= 3601
    assert ledger.balance(alice.pk) == 4
    assert CreditEntry.objects.exclude(kind="grant").count() == 12
    assert Job.objects.count() == 3


def test_an_account_may_cancel_as_much_as_it_has_credits(alice: Account, make_session: MakeSession) -> None:
    ledger.grant(account_id=alice.pk, amount=4)
    session = make_session(alice, 4)
    for _ in range(3):
        submit_and_cancel(alice, session)

    with pytest.raises(RateLimited):
        submit_and_cancel(alice, session)


def test_refunds_of_an_hour_ago_do_not_count(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 3)
    submit_and_cancel(alice, session)
    submit_and_cancel(alice, session)
    oldest = CreditEntry.objects.filter(kind="refund").order_by("pk").first()
    assert oldest is not None
    CreditEntry.objects.filter(pk=oldest.pk).update(created_at=database_now() - timedelta(minutes=59, seconds=30))

    with pytest.raises(RateLimited) as refused:
        job_factory.submit(alice, session)
    assert 29 <= (refused.value.retry_after or 0) <= 31

    CreditEntry.objects.filter(pk=oldest.pk).update(created_at=database_now() - timedelta(hours=1))
    assert job_factory.submit(alice, session)


def test_0_is_no_limit_and_other_accounts_are_not_counted(
    alice: Account, bob: Account, make_session: MakeSession
) -> None:
    session = make_session(alice, 4)
    alice.refunds_per_hour = 0
    alice.save()
    for _ in range(4):
        submit_and_cancel(alice, session)

    assert job_factory.submit(bob, make_session(bob, 1))
