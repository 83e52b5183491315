"""Analyses in the admin: the list with its filters, and the assessment on the pages of jobs and sessions."""

import pytest
from django.db import connection
from django.test import Client

from forge.models import Image, ImageAnalysis, Job
from tests.forge import job_factory
from tests.forge.admin.pages import exported, page, text_of

pytestmark = pytest.mark.django_db
MARK = '<span class="forge-status forge-review">needs review</span>'
ROW = 'class="field-kind"'


def listed(client: Client, query: str = "") -> str:
    return text_of(client, f"{page('imageanalysis', 'changelist')}{query}")


def test_the_list_has_kind_confidence_and_a_mark_in_words(admin_client: Client, admin_job: Job) -> None:
    text = listed(admin_client)

    assert '<td class="field-kind">Poster</td>' in text
    assert '<td class="field-confidence_rounded">0.21</td>' in text
    assert text.count(MARK) == 1
    for image in Image.objects.all():
        assert f"{page('job', 'change', admin_job.pk)}#{image.pk}" in text


def test_exports_are_told_apart_in_words(admin_client: Client, admin_job: Job) -> None:
    export = exported(admin_job.session)

    rows = listed(admin_client).split("<tr>")
    for job, action in ((admin_job, "Analyze"), (export, "Export")):
        of_job = [row for row in rows if page("job", "change", job.pk) in row]
        assert len(of_job) == 2
        assert all(f'<td class="field-action">{action}</td>' in row for row in of_job)
    assert "Export" in text_of(admin_client, page("imageanalysis", "change", export.analyses.latest("pk").pk))
    assert "<p>2 files</p>" in text_of(admin_client, page("job", "change", export.pk))
    session = text_of(admin_client, page("session", "change", export.session_id))
    for job, action in ((admin_job, "Analyze"), (export, "Export")):
        assert session.count(f">{job.pk}</a> {action} <span") == 2
        assert session.count(f">{job.pk}</a></td>\n        <td>{action}</td>") == 1


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("?kind__exact=poster", 1),
        ("?kind__exact=photo", 0),
        ("?needs_review__exact=1", 1),
        ("?needs_review__exact=0", 0),
        ("?needs_review__isnull=True", 1),
        ("?status__exact=failed", 1),
        ("?q=img_none", 0),
    ],
)
def test_analyses_are_filtered_by_kind_review_and_status(
    admin_client: Client, admin_job: Job, query: str, rows: int
) -> None:
    assert listed(admin_client, query).count(ROW) == rows


def test_the_filters_offer_every_kind(admin_client: Client, admin_job: Job) -> None:
    text = listed(admin_client)

    assert "?kind__exact=screenshot" in text
    assert "?needs_review__exact=1" in text


@pytest.mark.parametrize("model", ["job", "session"])
def test_a_page_with_the_metadata_has_the_assessment(admin_client: Client, admin_job: Job, model: str) -> None:
    text = text_of(admin_client, page(model, "change", admin_job.pk if model == "job" else admin_job.session_id))

    assert f"<dt>kind</dt><dd>poster</dd>\n  <dt>confidence</dt><dd>0.21 {MARK}</dd>" in text


@pytest.mark.parametrize("model", ["job", "session"])
def test_results_of_earlier_versions_have_metadata_only(admin_client: Client, admin_job: Job, model: str) -> None:
    job_factory.without_assessment(ImageAnalysis.objects.all())
    job_factory.without_assessment(Image.objects.all())

    text = text_of(admin_client, page(model, "change", admin_job.pk if model == "job" else admin_job.session_id))

    assert "<dt>alt</dt>" in text
    assert "<dt>kind</dt>" not in text
    assert listed(admin_client).count(MARK) == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads small tables whole")
def test_the_filter_for_review_is_served_by_an_index() -> None:
    rows = ImageAnalysis.objects.filter(needs_review=True)

    assert "analysis_needs_review" in rows.order_by("-pk")[:50].explain()
    assert "TEMP B-TREE" not in rows.order_by("-pk")[:50].explain()
