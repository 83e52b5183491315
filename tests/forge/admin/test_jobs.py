"""Jobs, events and the ledger in the admin."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import escape

from forge.models import CreditEntry, Image, Job, JobEvent, Session
from tests.forge.admin.pages import page, submitted, text_of, thumbnail_url

pytestmark = pytest.mark.django_db


def test_a_jobs_page_shows_state_metadata_and_error_of_each_image(admin_client: Client, admin_job: Job) -> None:
    text = text_of(admin_client, page("job", "change", admin_job.pk))
    for image in Image.objects.all():
        assert f'<tr id="{image.pk}">' in text
        assert thumbnail_url(image) in text
    assert "unreadable_image</span> The image is damaged and cannot be read." in text
    assert escape("<script>words0</script>") in text
    assert escape("Alt of <script>words0</script>") in text
    assert escape("<b>blip</b>") in text
    assert "2 of 2 ended: 1 succeeded, 1 failed" in text
    for event in JobEvent.objects.filter(job=admin_job):
        assert page("jobevent", "change", event.pk) in text


def test_jobs_are_filtered_by_status(admin_client: Client, admin_job: Job) -> None:
    url = page("job", "changelist")
    assert admin_job.pk in text_of(admin_client, f"{url}?status__exact=partial")
    assert admin_job.pk not in text_of(admin_client, f"{url}?status__exact=running")


def cancel(client: Client, *jobs: Job) -> str:
    data = {"action": "cancel", "_selected_action": [job.pk for job in jobs]}
    return client.post(page("job", "changelist"), data, follow=True).content.decode()


def test_an_operator_cancels_queued_images(admin_client: Client, admin_job: Job) -> None:
    waiting = submitted(admin_job.session)

    text = cancel(admin_client, waiting, admin_job)

    assert f"Cancelled and refunded 2 of 2 images of {waiting}." in text
    assert f"Nothing of {admin_job} waits; it stays as it is." in text
    assert [Job.objects.get(pk=job.pk).status for job in (waiting, admin_job)] == ["cancelled", "partial"]
    assert "2 of 2 ended: 0 succeeded, 0 failed; 2 cancelled" in text_of(
        admin_client, page("job", "change", waiting.pk)
    )
    history = text_of(admin_client, page("job", "history", waiting.pk))
    assert "Cancelled 2 of 2 images" in history


def test_cancelling_needs_the_permission_to_change_jobs(client: Client, admin_session: Session) -> None:
    waiting = submitted(admin_session)
    clerk = User.objects.create_user("clerk", password="clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(clerk)

    cancel(client, waiting)

    assert Job.objects.get(pk=waiting.pk).status == "queued"


def test_events_are_filtered_by_type_and_found_by_job(admin_client: Client, admin_job: Job) -> None:
    url = page("jobevent", "changelist")
    assert text_of(admin_client, f"{url}?q={admin_job.pk}").count('class="field-seq"') == admin_job.last_seq
    assert text_of(admin_client, f"{url}?type=complete").count('class="field-seq"') == 1
    assert 'class="field-seq"' not in text_of(admin_client, f"{url}?q=job_none")


def test_links_lead_from_a_ledger_entry_to_its_image(admin_client: Client, admin_job: Job) -> None:
    account = text_of(admin_client, page("account", "change", admin_job.account_id))
    whole_ledger = f"{page('creditentry', 'changelist')}?account__id__exact={admin_job.account_id}"
    assert escape(whole_ledger) in account

    refunded = CreditEntry.objects.get(job_id=admin_job.pk, kind="refund")
    image_in_job = f"{page('job', 'change', admin_job.pk)}#{refunded.image_id}"
    entries = text_of(admin_client, whole_ledger)
    assert image_in_job in entries
    assert "unreadable_image" in entries
    assert ">+1<" in entries
    assert ">-1<" in entries

    job = text_of(admin_client, page("job", "change", admin_job.pk))
    assert f'<tr id="{refunded.image_id}">' in job
    assert "The image is damaged and cannot be read." in job


@pytest.mark.parametrize("field", ["job_id", "image_id", "account__name"])
def test_the_ledger_is_searched_by_job_image_and_account(admin_client: Client, admin_job: Job, field: str) -> None:
    value = CreditEntry.objects.filter(kind="refund").values_list(field, flat=True).get()
    text = text_of(admin_client, f"{page('creditentry', 'changelist')}?q={value}")
    assert text.count('class="field-signed_amount"') == CreditEntry.objects.filter(**{field: value}).count()


def test_an_event_that_is_not_json_is_shown_unchanged(admin_client: Client, admin_job: Job) -> None:
    event = JobEvent.objects.create(job=admin_job, seq=99, type="result", data="<script>no json</script>")
    assert escape(event.data) in text_of(admin_client, page("jobevent", "change", event.pk))
    assert escape(event.data) in text_of(admin_client, page("job", "change", admin_job.pk))
