"""Default options of an account, edited in the admin as JSON."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from forge.models import Account

pytestmark = pytest.mark.django_db


def save(client: Client, account: Account, options: str) -> Any:
    page = reverse("admin:forge_account_change", args=[account.pk])
    return client.post(page, {"name": account.name, "is_active": "on", "weight": "1", "default_options": options})


def test_default_options_are_saved_in_their_canonical_form(admin_client: Client, alice: Account) -> None:
    response = save(admin_client, alice, '{"language": "EN", "keywords": ["Mug", "mug"], "tagCount": 5}')

    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.default_options == {"language": "en", "keywords": ["Mug"], "tagCount": 5}
    page = admin_client.get(reverse("admin:forge_account_change", args=[alice.pk])).content.decode()
    assert "tagCount" in page

    assert save(admin_client, alice, "").status_code == 302
    alice.refresh_from_db()
    assert alice.default_options is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "valid JSON"),
        ("[]", "takes an object"),
        ('{"tone": "funny"}', "There is no option"),
        ('{"altMaxLength": 7}', "a whole number from 40 to 250"),
        ('{"language": "de"}', "do not support language"),
        ('{"context": "Our mug"}', "do not support context"),
    ],
)
def test_wrong_default_options_are_refused_with_what_is_accepted(
    admin_client: Client, alice: Account, text: str, expected: str
) -> None:
    response = save(admin_client, alice, text)

    assert response.status_code == 200
    assert expected in response.content.decode()
    alice.refresh_from_db()
    assert alice.default_options is None
