"""The page at `/` and the key that `bin/up` prints for it."""

import stat
from pathlib import Path

import pytest
from django.test import Client

from forge.credits import ledger
from forge.models import Account, ApiKey
from forge.studio.local_key import studio_key
from tests.forge.conftest import ApiClient


def test_the_page_needs_no_key_and_sets_no_cookie() -> None:
    response = Client().get("/")

    assert response.status_code == 200
    assert response.cookies.output() == ""
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b"style=" not in response.content
    assert b"http" not in response.content.replace(b"http-equiv", b"")  # no other host


@pytest.mark.django_db
def test_the_local_account_and_its_key_are_made_once(tmp_path: Path) -> None:
    key = studio_key(tmp_path)

    assert studio_key(tmp_path) == key
    account = Account.objects.get(name="studio")
    assert ledger.balance(account.pk) == 1_000
    assert stat.S_IMODE((tmp_path / "studio.key").stat().st_mode) == 0o600
    assert ApiClient(key).call("GET", "/credits/balance").json()["balance"] == 1_000


@pytest.mark.django_db
def test_a_key_that_is_refused_is_replaced_without_new_credits(tmp_path: Path) -> None:
    first = studio_key(tmp_path)
    ApiKey.objects.update(is_active=False)

    second = studio_key(tmp_path)

    assert second != first
    assert ledger.balance(Account.objects.get(name="studio").pk) == 1_000
    assert ApiClient(second).call("GET", "/credits/balance").status_code == 200
