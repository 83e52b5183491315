"""All lists and pages of the admin."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from forge.accounts import key_issue
from forge.admin import html
from forge.credits import ledger
from forge.models import Account, Session
from tests.forge.admin.pages import analysed, encoded_image, page, session_of, text_of

MODELS = ["account", "apikey", "session", "job", "imageanalysis", "jobevent", "creditentry"]
READ_ONLY = ["job", "imageanalysis", "jobevent", "creditentry"]

pytestmark = pytest.mark.django_db


def queries_of(client: Client, url: str) -> int:
    """Count the queries of a page. Django keeps content types for the whole process, whichever test read them first."""
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as captured:
        text_of(client, url)
    return len(captured)


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_escape_user_input(admin_client: Client, admin_rows: dict[str, object], model: str) -> None:
    for url in (
        page(model, "changelist"),
        page(model, "change", admin_rows[model]),
        page(model, "changelist") + "?q=x",
    ):
        text = text_of(admin_client, url)
        assert "<script>alert" not in text
        assert "<script>words" not in text
        assert "<script>note" not in text
        assert "<script>label" not in text
        assert "Image Forge" in text


@pytest.mark.parametrize("model", MODELS)
def test_pages_require_a_login(client: Client, admin_rows: dict[str, object], model: str) -> None:
    for url in (page(model, "changelist"), page(model, "change", admin_rows[model])):
        assert client.get(url).status_code == 302


@pytest.mark.parametrize("model", READ_ONLY)
def test_rows_that_the_service_writes_are_read_only(
    admin_client: Client, admin_rows: dict[str, object], model: str
) -> None:
    pk = admin_rows[model]
    assert admin_client.get(page(model, "add")).status_code == 403
    assert admin_client.post(page(model, "add"), {}).status_code == 403
    assert admin_client.post(page(model, "change", pk), {"status": "queued", "amount": "7"}).status_code == 403
    assert admin_client.post(page(model, "delete", pk), {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
    admin_client.post(page(model, "changelist"), selected)
    assert 'value="delete_selected"' not in text_of(admin_client, page(model, "changelist"))
    assert text_of(admin_client, page(model, "change", pk))


def test_sessions_are_neither_added_nor_changed(admin_client: Client, admin_session: Session) -> None:
    assert admin_client.post(page("session", "add"), {}).status_code == 403
    assert admin_client.post(page("session", "change", admin_session.pk), {}).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_a_list_makes_as_many_queries_for_thirty_rows_as_for_three(
    admin_client: Client, admin_alice: Account, model: str
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            account = Account.objects.create(name=f"account-{Account.objects.count()}")
            ledger.grant(account_id=account.pk, amount=1)
            key_issue(account=account)
            analysed(session_of(account, [("one.png", encoded_image(size=(8, 8)))]))

    add(3)
    few = queries_of(admin_client, page(model, "changelist"))
    add(27)
    assert queries_of(admin_client, page(model, "changelist")) == few
    assert few <= 12


def test_a_jobs_page_makes_as_many_queries_for_thirty_images_as_for_three(
    admin_client: Client, admin_alice: Account
) -> None:
    def queries(count: int) -> dict[str, int]:
        job = analysed(session_of(admin_alice, [(f"{n}.png", encoded_image(size=(8, 8))) for n in range(count)]))
        rows = {"job": job.pk, "session": job.session_id, "account": job.account_id}
        return {model: queries_of(admin_client, page(model, "change", pk)) for model, pk in rows.items()}

    assert queries(3) == queries(30)


def test_an_id_that_looks_like_a_quoted_character_has_a_page(admin_client: Client, db: None) -> None:
    account = Account.objects.create(pk="acct_3Begto", name="quoted")

    assert account.name in text_of(admin_client, html.page_url("account", account.pk))
