"""Extra terms of an account: validated, edited in the admin, passed to its own claims only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from forge.admin.accounts import TermsField
from forge.jobs import services
from forge.models import Account, Session
from forge.models.accounts import MAX_TERM_LENGTH, MAX_TERMS, terms_validate
from tests.forge.job_factory import submit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "terms",
    [
        [],
        ["widget"],
        ["acme widget", "t-shirt", "st patrick's day", "café", "m6 bolt"],
        ["a" * MAX_TERM_LENGTH],
        [f"term {number}" for number in range(MAX_TERMS)],
    ],
)
def test_valid_terms_are_accepted(terms: list[str]) -> None:
    terms_validate(terms)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("widget", "a list of texts"),
        ({"a": 1}, "a list of texts"),
        ([1], "a list of texts"),
        ([None], "a list of texts"),
        (["Widget"], "Widget"),
        ([""], "not up to 40 letters"),
        (["two  blanks"], "two  blanks"),
        ([" widget"], " widget"),
        (["widget\n"], "widget"),
        (["<script>"], "<script>"),
        (["a, b"], "a, b"),
        (["a" * (MAX_TERM_LENGTH + 1)], "aaa"),
        (["widget", "widget"], "stands twice"),
        ([f"term {number}" for number in range(MAX_TERMS + 1)], "201 terms are more than 200"),
    ],
)
def test_an_invalid_term_is_named(terms: object, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        terms_validate(terms)
    assert expected in " ".join(caught.value.messages)


def test_an_account_with_an_invalid_term_is_invalid(alice: Account) -> None:
    alice.extra_terms = ["Widget"]
    with pytest.raises(ValidationError, match="Widget"):
        alice.full_clean()


def _save(client: Client, account: Account, terms: str) -> Any:
    page = reverse("admin:forge_account_change", args=[account.pk])
    return client.post(page, {"name": account.name, "is_active": "on", "weight": "1", "extra_terms": terms})


def test_terms_are_entered_one_a_line(admin_client: Client, alice: Account) -> None:
    assert _save(admin_client, alice, "  Acme   Widget \r\n\r\nlogo mug\r\nacme widget\r\n").status_code == 302
    alice.refresh_from_db()
    assert alice.extra_terms == ["acme widget", "logo mug"]
    page = admin_client.get(reverse("admin:forge_account_change", args=[alice.pk])).content.decode()
    assert "acme widget\nlogo mug</textarea>" in page
    assert _save(admin_client, alice, "").status_code == 302
    alice.refresh_from_db()
    assert alice.extra_terms == []


def test_an_invalid_term_is_refused_and_the_input_kept(admin_client: Client, alice: Account) -> None:
    response = _save(admin_client, alice, "logo mug\n<b>bold</b>")
    assert response.status_code == 200
    assert "is not up to 40 letters of lower-case words" in response.content.decode()
    assert "logo mug\n&lt;b&gt;bold&lt;/b&gt;</textarea>" in response.content.decode()
    alice.refresh_from_db()
    assert alice.extra_terms == []


def test_saving_the_same_terms_is_no_change() -> None:
    field = TermsField(required=False)
    assert not field.has_changed(["acme widget"], "acme widget\r\n")
    assert not field.has_changed(None, "")
    assert field.has_changed(["acme widget"], "logo mug")


def test_each_claim_has_the_terms_of_its_account(
    alice: Account, bob: Account, make_session: Callable[..., Session]
) -> None:
    Account.objects.filter(pk=alice.pk).update(extra_terms=["acme widget"])
    claimed = []
    for account in (alice, bob):
        job = submit(account, make_session(account, images=1))
        claimed.append(services.analysis_claim(analysis_id=job.analyses.get().pk, holder="worker"))
    assert [claim.terms for claim in claimed if claim] == [("acme widget",), ()]
