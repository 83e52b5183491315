"""API keys: expiry, and their absence from log lines."""

import io
import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from forge.accounts import key_issue
from forge.clock import database_now
from forge.models import Account, ApiKey
from tests.forge.conftest import ApiClient


def balance(key: str) -> Any:
    return ApiClient(key).call("GET", "/credits/balance")


def test_a_key_works_until_it_expires(alice: Account) -> None:
    later = timezone.now() + timedelta(minutes=1)
    key, text = key_issue(account=alice, expires_at=later)
    assert balance(text).status_code == 200

    ApiKey.objects.filter(pk=key.pk).update(expires_at=database_now())

    assert (balance(text).status_code, balance(text).json()["code"]) == (403, "api_key_inactive")


def test_make_key_creates_a_key_that_expires(db: None) -> None:
    printed = io.StringIO()
    call_command("make_key", account="alice", expires_in_days=1.5, stdout=printed)

    assert balance(printed.getvalue().strip()).status_code == 200
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert timedelta(hours=35) < expires_at - timezone.now() <= timedelta(hours=36)


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf"), 10**9])
def test_make_key_refuses_invalid_days(db: None, days: float) -> None:
    with pytest.raises(CommandError, match="--expires-in-days"):
        call_command("make_key", account="alice", expires_in_days=days)
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    "command", [["make_key", "--account", "alice"], ["grant_credits", "alice", "5"], ["audit_credits", "--json"]]
)
def test_commands_without_tables_name_the_migrate_command(command: list[str], tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**{name: os.environ[name] for name in os.environ if name != "DATABASE_URL"}, "FORGE_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("CommandError: The database cannot be used (no such table: ")
    assert "migrate" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_an_operator_can_read_and_change_the_expiry_of_a_key(alice: Account, admin_client: Client) -> None:
    key, text = key_issue(account=alice, expires_at=timezone.now() - timedelta(days=1))
    assert "(expired)" in admin_client.get(reverse("admin:forge_apikey_changelist")).content.decode()
    assert "(expired)" in admin_client.get(reverse("admin:forge_account_change", args=[alice.pk])).content.decode()

    form = {"label": "", "is_active": "on", "expires_at_0": "2999-01-01", "expires_at_1": "00:00"}
    response = admin_client.post(reverse("admin:forge_apikey_change", args=[key.pk]), form)

    assert response.status_code == 302
    assert balance(text).status_code == 200


@pytest.mark.parametrize("state", ["good", "unknown", "expired"])
def test_no_log_line_contains_a_key(
    alice: Account, caplog: pytest.LogCaptureFixture, settings: Any, state: str
) -> None:
    """Includes a request that fails with an unexpected exception."""
    caplog.set_level(logging.DEBUG)
    _, text = key_issue(account=alice, expires_at=timezone.now() if state == "expired" else None)
    sent = text if state != "unknown" else "sk-" + "u" * 43
    settings.FORGE_MAX_IMAGES = None  # makes the upload raise a TypeError

    balance(sent)
    ApiClient(sent).call("GET", "/nothing-here")
    failed = ApiClient(sent).upload(("a.jpg", b"text"))

    assert failed.status_code == {"good": 500, "unknown": 401, "expired": 403}[state]
    if state == "good":
        assert caplog.records
    assert sent not in caplog.text
