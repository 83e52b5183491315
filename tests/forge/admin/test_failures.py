"""Which jobs failed and why: filters by code and day, cancellations apart; searches by indexes; files that are gone."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.test import Client

from forge.admin.base import begins_with
from forge.admin.filters import CANCELLED, FAILURE_CODES
from forge.jobs import services
from forge.models import Account, Image, ImageAnalysis, Job, Session
from tests.forge.admin.pages import analysed, encoded_image, exported, page, session_of, submitted, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def cancelled_job(admin_alice: Account) -> Job:
    job = submitted(session_of(admin_alice, [("b.png", encoded_image())]))
    services.job_cancel(job=job)
    job.refresh_from_db()
    return job


def shown(client: Client, model: str, **filters: str) -> int:
    text = text_of(client, f"{page(model, 'changelist')}?{urlencode(filters)}")
    return text.count('class="action-checkbox"') if model == "job" else text.count('class="field-image_link')


@pytest.mark.parametrize(
    ("failure", "jobs", "images"),
    [("any", 1, 1), ("unreadable_image", 1, 1), ("analysis_timeout", 0, 0), ("cancelled", 1, 1), ("", 2, 3)],
)
def test_failures_are_filtered_by_code_and_cancellations_are_apart(
    admin_client: Client, admin_job: Job, cancelled_job: Job, failure: str, jobs: int, images: int
) -> None:
    assert shown(admin_client, "job", failure=failure) == jobs
    assert shown(admin_client, "imageanalysis", failure=failure) == images


def test_failures_of_exports_are_filtered_by_code(admin_client: Client, admin_job: Job) -> None:
    exported(admin_job.session)

    for model in ("job", "imageanalysis"):
        assert "?failure=export_failed" in text_of(admin_client, page(model, "changelist"))
        assert shown(admin_client, model, failure="export_failed") == 1
        assert shown(admin_client, model, failure="any") == 2


def test_every_code_of_a_failed_image_is_a_filter() -> None:
    contract = Path(settings.BASE_DIR, "docs/api-contract.md").read_text()
    [listed] = re.findall(r"`code` of a failed image: (.*?)\n\n", contract, re.DOTALL)

    assert {*re.findall(r"`(\w+)`", listed), "export_failed"} == {*FAILURE_CODES, CANCELLED}


def test_failures_are_filtered_by_day(admin_client: Client, admin_job: Job) -> None:
    before = admin_job.finished_at - timedelta(days=3)  # type: ignore[operator]
    Job.objects.filter(pk=admin_job.pk).update(finished_at=before)
    for value, jobs in (("today", 0), (f"{before:%Y-%m-%d}", 1), ("week", 1), ("month", 1)):
        assert shown(admin_client, "job", failure="any", ended=value) == jobs
    for value in ("never", "2026-02-30", "9999-12-31"):
        assert admin_client.get(f"{page('job', 'changelist')}?ended={value}").status_code == 302


def test_the_job_list_has_the_reasons(admin_client: Client, admin_job: Job, cancelled_job: Job) -> None:
    text = text_of(admin_client, page("job", "changelist"))
    assert "1 unreadable_image" in text
    assert "1 cancelled" in text


def test_an_id_is_found_by_its_beginning(admin_job: Job) -> None:
    assert Job.objects.filter(begins_with("pk", admin_job.pk[:9])).get() == admin_job
    assert not Job.objects.filter(begins_with("pk", admin_job.pk + "x")).exists()


@pytest.mark.parametrize("text", ["nothing-like-it", "job_none", "sess_none", "%"])
def test_a_search_that_finds_nothing_shows_nothing(admin_client: Client, admin_job: Job, text: str) -> None:
    assert shown(admin_client, "job", q=text) == 0


@pytest.mark.parametrize("query", ["second", "admin-alice", "img_", "sess_"])
def test_sessions_are_found_by_words_account_and_ids(admin_client: Client, admin_job: Job, query: str) -> None:
    text = text_of(admin_client, f"{page('session', 'changelist')}?q={query}")
    assert text.count('class="action-checkbox"') == 1
    assert admin_job.session_id in text


def test_a_page_of_a_long_list_has_its_rows_in_order(admin_client: Client, admin_alice: Account) -> None:
    session = session_of(admin_alice, [(f"{number}.png", encoded_image(size=(8, 8))) for number in range(60)])
    analysed(session)
    newest_first = list(ImageAnalysis.objects.order_by("-pk").values_list("image", flat=True))
    text = text_of(admin_client, f"{page('imageanalysis', 'changelist')}?p=2")
    places = [text.find(f'title="{pk}"') for pk in newest_first[50:]]
    assert places == sorted(places)
    assert min(places) > 0
    assert newest_first[0] not in text


def test_times_have_their_zone(admin_client: Client, admin_job: Job) -> None:
    for url in (page("job", "changelist"), page("job", "change", admin_job.pk), page("session", "changelist")):
        text = text_of(admin_client, url)
        assert f"{admin_job.created_at:%Y-%m-%d}" in text
        assert "UTC" in text


def test_a_page_has_no_inline_style_or_script(admin_client: Client, admin_rows: dict[str, object]) -> None:
    for model, pk in admin_rows.items():
        for url in (page(model, "changelist"), page(model, "change", pk)):
            response = admin_client.get(url)
            assert "unsafe" not in response["Content-Security-Policy"]
            assert b"<style" not in response.content
            assert b" style=" not in response.content
            assert b"<script>" not in response.content


def test_a_file_that_is_gone_is_404_and_a_script_makes_it_a_sentence(
    admin_client: Client, admin_session: Session
) -> None:
    image = Image.objects.filter(session=admin_session).earliest("position")
    default_storage.delete(image.storage_key)
    text = text_of(admin_client, page("session", "change", admin_session.pk))
    assert "forge-admin/thumbnails.js" in text
    assert admin_client.get(f"/admin/forge/session/images/{image.pk}/thumbnail.jpg").status_code == 404
