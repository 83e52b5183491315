"""Accounts, grants and API keys in the admin."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from forge.accounts import key_issue
from forge.models import Account, ApiKey, CreditEntry
from tests.forge.admin.pages import grant, page, text_of

pytestmark = pytest.mark.django_db


def test_a_grant_is_confirmed_and_then_recorded(admin_client: Client, admin_alice: Account) -> None:
    assert "Grant credits" in text_of(admin_client, page("account", "change", admin_alice.pk))
    confirmation = grant(admin_client, [admin_alice])
    assert 'name="amount"' in confirmation
    assert 'name="note"' in confirmation
    admin_alice.refresh_from_db()
    assert admin_alice.balance == 100

    bob = Account.objects.create(name="bob")
    grant(admin_client, [admin_alice, bob], confirm="yes", amount="25", note="a present")
    for account, balance in ((admin_alice, 125), (bob, 25)):
        account.refresh_from_db()
        assert account.balance == balance
        entry = account.credit_entries.latest("pk")
        assert (entry.amount, entry.kind, entry.note) == (25, "grant", "a present")


def test_a_grant_to_one_account_redirects_to_its_page(admin_client: Client, admin_alice: Account) -> None:
    data = {"action": "grant_credits", "_selected_action": [admin_alice.pk], "confirm": "yes", "amount": "-40"}
    response = admin_client.post(page("account", "changelist"), data)
    assert response.headers["Location"] == page("account", "change", admin_alice.pk)
    admin_alice.refresh_from_db()
    assert admin_alice.balance == 60
    assert "Credits -40: no note" in text_of(admin_client, page("account", "history", admin_alice.pk))


def test_a_grant_refused_for_one_account_changes_none(admin_client: Client, admin_alice: Account) -> None:
    zoe = Account.objects.create(name="zoe")
    text = grant(admin_client, [admin_alice, zoe], confirm="yes", amount="-1", note="back")
    assert "Refused for zoe: This needs 1 credits and the account has 0." in text
    assert 'class="error"' in text
    assert 'value="back"' in text
    admin_alice.refresh_from_db()
    assert admin_alice.balance == 100
    assert CreditEntry.objects.count() == 1


@pytest.mark.parametrize("amount", ["", "0", "many", "1.5", "9" * 30])
def test_a_malformed_amount_is_refused(admin_client: Client, admin_alice: Account, amount: str) -> None:
    assert 'name="amount"' in grant(admin_client, [admin_alice], confirm="yes", amount=amount)
    assert CreditEntry.objects.count() == 1


def test_granting_needs_the_permission_to_write_the_ledger(client: Client, admin_alice: Account) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_account", "change_account"]))
    client.force_login(user)
    assert "Grant credits" not in text_of(client, page("account", "changelist"))
    assert "Grant credits" not in text_of(client, page("account", "change", admin_alice.pk))
    grant(client, [admin_alice], confirm="yes", amount="5")
    assert CreditEntry.objects.count() == 1


def test_a_balance_is_read_only(admin_client: Client, admin_alice: Account) -> None:
    admin_client.post(
        page("account", "change", admin_alice.pk), {"name": "admin-alice", "weight": "3", "balance": "999"}
    )
    admin_alice.refresh_from_db()
    assert admin_alice.balance == 100
    assert not admin_alice.is_active  # the checkbox was not sent
    assert admin_alice.weight == 3


def test_an_account_is_created_and_never_deleted(admin_client: Client) -> None:
    admin_client.post(page("account", "add"), {"name": "bob", "weight": "1", "is_active": "on"})
    bob = Account.objects.get(name="bob")
    assert bob.balance == 0
    assert admin_client.post(page("account", "delete", bob.pk), {"post": "yes"}).status_code == 403
    assert 'value="delete_selected"' not in text_of(admin_client, page("account", "changelist"))


def test_an_accounts_page_links_to_its_keys_and_its_ledger(admin_client: Client, admin_rows: dict[str, object]) -> None:
    pk = admin_rows["account"]
    text = text_of(admin_client, page("account", "change", pk))
    for model in ("apikey", "creditentry", "job", "session"):
        url = f"{page(model, 'changelist')}?account__id__exact={pk}"
        assert escape(url) in text
        text_of(admin_client, url)
    assert page("apikey", "change", admin_rows["apikey"]) in text
    assert page("job", "change", admin_rows["job"]) in text


def test_a_new_key_is_shown_once_and_works(admin_client: Client, admin_alice: Account) -> None:
    data = {"account": admin_alice.pk, "label": "laptop"}
    text = admin_client.post(page("apikey", "add"), data, follow=True).content.decode()
    key = ApiKey.objects.get()
    shown = text.split('<code class="forge-key">')[1].split("</code>")[0]
    assert ApiKey.hash_of(shown) == key.hash
    assert shown.startswith(key.prefix)
    assert (key.account, key.label, key.is_active) == (admin_alice, "laptop", True)
    for url in (
        page("apikey", "changelist"),
        page("apikey", "change", key.pk),
        page("apikey", "history", key.pk),
        page("account", "change", admin_alice.pk),
        reverse("admin:index"),
    ):
        later = text_of(admin_client, url)
        assert shown not in later
        assert key.hash not in later


def test_a_key_keeps_its_account_and_its_hash(admin_client: Client, admin_alice: Account) -> None:
    key, text = key_issue(account=admin_alice)
    bob = Account.objects.create(name="bob")
    data = {"account": bob.pk, "label": "renamed", "is_active": "on", "hash": "x", "prefix": "y"}
    admin_client.post(page("apikey", "change", key.pk), data)
    key.refresh_from_db()
    assert (key.account, key.label, key.hash) == (admin_alice, "renamed", ApiKey.hash_of(text))


def test_a_key_is_deactivated_in_the_list(admin_client: Client, admin_alice: Account) -> None:
    key, _ = key_issue(account=admin_alice)
    data = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(key.pk), "_save": "Save"}
    admin_client.post(page("apikey", "changelist"), data)
    key.refresh_from_db()
    assert not key.is_active
