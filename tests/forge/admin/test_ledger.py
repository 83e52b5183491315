"""An account's ledger with its running balance, as a page and as CSV; its sums by day, limits and suspension."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from forge.accounts import key_issue
from forge.admin.ledger import account_ledger
from forge.admin.ledger.account_ledger import Period, balances, csv_lines
from forge.admin.ledger.views import ledger_url
from forge.credits import ledger
from forge.models import Account, CreditEntry, Job
from tests.forge.admin.pages import page, text_of
from tests.forge.conftest import ApiClient

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.fixture
def spender() -> Account:
    """An account with entries of three days, another's between them: balances 100, 90, 95, 60."""
    account, other = Account.objects.create(name="spender"), Account.objects.create(name="other")
    for days, amount, kind, note in (
        (0, 100, "grant", "=1+1"),
        (1, -10, "charge", ""),
        (1, 5, "refund", "x"),
        (2, -35, "charge", ""),
    ):
        at = DAY + timedelta(days=days)
        CreditEntry.objects.create(account=account, amount=amount, kind=kind, note=note, created_at=at)
        CreditEntry.objects.create(account=other, amount=1000, kind="grant", created_at=at)
    Account.objects.filter(pk=account.pk).update(balance=60)
    return account


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def csv_text(account: Account, period: Period | None = None) -> str:
    async def read() -> bytes:
        return b"".join([line async for line in csv_lines(account.pk, period or Period())])

    return async_to_sync(read)().decode()


def test_each_entry_has_the_balance_after_it(admin_client: Client, spender: Account) -> None:
    entries = list(spender.credit_entries.order_by("-pk"))
    assert [balance for _, balance in balances(spender.pk, entries)] == [60, 95, 90, 100]
    assert [balance for _, balance in balances(spender.pk, [entries[0], entries[3]])] == [60, 100]
    assert balances(spender.pk, []) == []

    text = text_of(admin_client, ledger_url(spender.pk))
    assert text.index(">60<") < text.index(">95<") < text.index(">90<") < text.index(">100<")


def test_a_page_has_a_hundred_entries_and_a_link_to_older_ones(
    admin_client: Client, spender: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge.admin.ledger.views.ON_PAGE", 2)
    first = text_of(admin_client, ledger_url(spender.pk))
    before = spender.credit_entries.order_by("-pk")[1].pk
    assert f"before={before}" in first
    second = text_of(admin_client, f"{ledger_url(spender.pk)}?before={before}")
    assert (">90<" in second, ">95<" in second, "before=" in second) == (True, False, False)
    assert text_of(admin_client, f"{ledger_url(spender.pk)}?before={'9' * 300}")


def test_days_are_chosen_in_utc_and_keep_their_balances(admin_client: Client, spender: Account) -> None:
    text = text_of(admin_client, f"{ledger_url(spender.pk)}?from=2026-11-03&to=2026-11-03")
    assert (">95<" in text, ">90<" in text, ">100<" in text) == (True, True, False)
    rows = table(csv_text(spender, Period(DAY.date() + timedelta(days=1), DAY.date() + timedelta(days=1))))
    assert [row["balance"] for row in rows] == ["90", "95"]


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-02-30", "from=2026-11-04&to=2026-11-03", "from=0001-01-01"]
)
def test_a_day_that_is_none_is_a_sentence(admin_client: Client, spender: Account, query: str) -> None:
    response = admin_client.get(f"{ledger_url(spender.pk)}?{query}")
    assert response.status_code == 400
    assert "the whole ledger is shown" in response.content.decode()
    assert admin_client.get(f"{ledger_url(spender.pk)}ledger.csv?{query}").status_code == 400


def test_the_csv_has_all_entries_and_no_formula(spender: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_ledger, "_BATCH", 3)
    text = csv_text(spender)
    assert text.startswith('\ufeff"time')
    rows = table(text)
    balances = [(row["amount"], row["balance"]) for row in rows]
    assert balances == [("100", "100"), ("-10", "90"), ("5", "95"), ("-35", "60")]
    assert rows[0]["note"] == "'=1+1"
    assert rows[0]["time (UTC)"] == "2026-11-02 10:00:00"
    assert table(csv_text(Account.objects.create(name="new"))) == []


def test_the_csv_is_streamed(admin_user: User, spender: Account) -> None:
    async def read() -> tuple[HttpResponse, bytes]:
        client = AsyncClient()
        await client.aforce_login(admin_user)
        response: Any = await client.get(f"{ledger_url(spender.pk)}ledger.csv")
        assert response.streaming
        return response, b"".join([part async for part in response])

    response, content = async_to_sync(read)()

    assert 'filename="ledger-spender.csv"' in response["Content-Disposition"]
    assert len(table(content.decode())) == 4


def test_the_csv_is_named_by_any_account(admin_client: Client) -> None:
    account = Account.objects.create(name='Grün & "Söhne"')

    response = admin_client.get(f"{ledger_url(account.pk)}ledger.csv")

    name = "ledger-Gr%C3%BCn%20%26%20%22S%C3%B6hne%22.csv"
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"


def test_the_ledger_needs_its_permission(client: Client, spender: Account) -> None:
    assert client.get(ledger_url(spender.pk)).status_code == 302
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_account"))
    client.force_login(user)
    assert client.get(ledger_url(spender.pk)).status_code == 403
    assert client.get(f"{ledger_url(spender.pk)}ledger.csv").status_code == 403


def test_an_account_that_is_not_there_is_404(admin_client: Client) -> None:
    assert admin_client.get(ledger_url("acct_none")).status_code == 404


def test_the_pages_queries_do_not_grow_with_the_ledger(admin_client: Client, admin_job: Job) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(admin_client, url)
        return len(captured)

    urls = [ledger_url(admin_job.account_id), page("account", "change", admin_job.account_id)]
    for url in urls:
        text_of(admin_client, url)  # content types are read once a process
    few = [queries(url) for url in urls]
    for _ in range(150):
        ledger.grant(account_id=admin_job.account_id, amount=1)
    assert [queries(url) for url in urls] == few
    assert max(few) <= 20


def test_the_account_page_shows_sums_by_day_and_limits(admin_client: Client, admin_job: Job) -> None:
    Account.objects.filter(pk=admin_job.account_id).update(images_waiting=77, open_streams=0)
    text = text_of(admin_client, page("account", "change", admin_job.account_id))
    assert f"{admin_job.created_at:%Y-%m-%d}: 2 charged, 1 refunded" in text
    assert ">77<" in text
    assert ">no limit<" in text
    assert ledger_url(admin_job.account_id) in text


def test_an_account_is_suspended_and_reactivated_from_its_page(admin_client: Client, spender: Account) -> None:
    _, key = key_issue(account=spender)

    def post(action: str) -> str:
        data = {"action": action, "_selected_action": [spender.pk], "from_page": "yes"}
        response = admin_client.post(page("account", "changelist"), data, follow=True)
        assert response.redirect_chain[-1][0] == page("account", "change", spender.pk)
        return response.content.decode()

    assert "Suspended: spender." in post("suspend")
    assert ApiClient(key).call("GET", "/credits/balance").status_code == 403
    assert "Nothing was changed." in post("suspend")
    assert "Reactivated: spender." in post("reactivate")
    assert ApiClient(key).call("GET", "/credits/balance").status_code == 200
