import io
from collections.abc import Callable, Sequence
from pathlib import Path

import PIL.Image
import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from forge.accounts import key_issue
from forge.admin import html
from forge.credits import ledger
from forge.errors import UnreadableImage
from forge.jobs import services
from forge.jobs.events import ImageMetadata
from forge.models import Account, ApiKey, CreditEntry, Image, ImageAnalysis, Job, JobEvent, Session
from forge.sessions import services as session_services
from forge.sessions import validation

HOSTILE = "<script>alert('admin')<script>.png"  # no slash: Django cuts names there
MODELS = ["account", "apikey", "session", "job", "jobevent", "creditentry"]
READ_ONLY = ["job", "jobevent", "creditentry"]

pytestmark = pytest.mark.django_db


def encoded_image(
    *, file_format: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (400, 200), orientation: int = 1
) -> bytes:
    file = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.new(mode, size).save(file, file_format, exif=exif)
    return file.getvalue()


def metadata_of(title: str) -> ImageMetadata:
    return {
        "title": title,
        "alt": f"Alt of {title}",
        "caption": "A caption.",
        "description": "A description. Of two sentences.",
        "filename": "",
        "seoTags": ["one", "two", "three"],
    }


def session_of(account: Account, files: Sequence[tuple[str, bytes]]) -> Session:
    images = validation.images_check([SimpleUploadedFile(name, content) for name, content in files])
    return session_services.session_create(account=account, images=images)


def submitted(session: Session) -> Job:
    """Write what job_submit writes, without a broker."""
    images = list(session.images.order_by("position"))
    job = Job.objects.create(session=session, account=session.account, total=len(images))
    ImageAnalysis.objects.bulk_create(
        ImageAnalysis(job=job, image=image, position=position) for position, image in enumerate(images)
    )
    ledger.charge(account_id=session.account_id, job_id=job.pk, image_ids=[image.pk for image in images])
    return job


def analysed(session: Session) -> Job:
    """Return a job whose last image failed; the others succeeded, with markup in their metadata."""
    job = submitted(session)
    analyses = list(job.analyses.order_by("position"))
    for analysis in analyses:
        claim = services.analysis_claim(analysis_id=analysis.pk, holder="worker")
        assert claim is not None
        if analysis is analyses[-1]:
            services.analysis_fail(claim=claim, error=UnreadableImage())
        else:
            title = f"<script>words{analysis.position}</script>"
            services.analysis_succeed(
                claim=claim, metadata=metadata_of(title), filenames=["a-name"], provenance={"model": "<b>blip</b>"}
            )
    job.refresh_from_db()
    return job


@pytest.fixture(autouse=True)
def admin_media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path / "media"


@pytest.fixture
def admin_alice() -> Account:
    account = Account.objects.create(name="admin-alice")
    ledger.grant(account_id=account.pk, amount=100, note="<script>note</script>")
    account.refresh_from_db()
    return account


@pytest.fixture
def admin_session(admin_alice: Account) -> Session:
    return session_of(admin_alice, [(HOSTILE, encoded_image()), ("second.jpg", encoded_image(file_format="JPEG"))])


@pytest.fixture
def admin_job(admin_session: Session) -> Job:
    return analysed(admin_session)


@pytest.fixture
def admin_rows(admin_job: Job) -> dict[str, object]:
    """One row of each model, by model name."""
    key, _ = key_issue(account=admin_job.account, label="<script>label</script>")
    return {
        "account": admin_job.account_id,
        "apikey": key.pk,
        "session": admin_job.session_id,
        "job": admin_job.pk,
        "jobevent": JobEvent.objects.filter(job=admin_job, type="result").get().pk,
        "creditentry": CreditEntry.objects.filter(job_id=admin_job.pk, kind="refund").get().pk,
    }


def page(model: str, kind: str, *args: object) -> str:
    return reverse(f"admin:forge_{model}_{kind}", args=[quote(str(arg)) for arg in args])


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


def grant(client: Client, accounts: Sequence[Account], **fields: object) -> str:
    """Post the action and return the page that follows as text."""
    data = {"action": "grant_credits", "_selected_action": [account.pk for account in accounts], **fields}
    response = client.post(page("account", "changelist"), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


# --- Every page -------------------------------------------------------------------------------------------------------


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

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            text_of(admin_client, page(model, "changelist"))
        return len(captured)

    add(3)
    few = queries()
    add(27)
    assert queries() == few
    assert few <= 12


def test_a_jobs_page_makes_as_many_queries_for_thirty_images_as_for_three(
    admin_client: Client, admin_alice: Account
) -> None:
    def queries(count: int) -> dict[str, int]:
        job = analysed(session_of(admin_alice, [(f"{n}.png", encoded_image(size=(8, 8))) for n in range(count)]))
        counted = {}
        for model, pk in (("job", job.pk), ("session", job.session_id), ("account", job.account_id)):
            with CaptureQueriesContext(connection) as captured:
                text_of(admin_client, page(model, "change", pk))
            counted[model] = len(captured)
        return counted

    assert queries(3) == queries(30)


# --- Accounts ---------------------------------------------------------------------------------------------------------


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
    admin_client.post(page("account", "change", admin_alice.pk), {"name": "admin-alice", "balance": "999"})
    admin_alice.refresh_from_db()
    assert admin_alice.balance == 100
    assert not admin_alice.is_active  # the checkbox was not sent


def test_an_account_is_created_and_never_deleted(admin_client: Client) -> None:
    admin_client.post(page("account", "add"), {"name": "bob", "is_active": "on"})
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


# --- Keys -------------------------------------------------------------------------------------------------------------


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


# --- Sessions ---------------------------------------------------------------------------------------------------------


def test_a_sessions_page_shows_its_images_metadata_and_jobs(admin_client: Client, admin_job: Job) -> None:
    text = text_of(admin_client, page("session", "change", admin_job.session_id))
    assert escape(HOSTILE) in text
    assert escape("<script>words0</script>") in text
    assert "200 px, " in text
    assert page("job", "change", admin_job.pk) in text
    for image in Image.objects.all():
        assert f'loading="lazy" src="{reverse("admin:forge_image_thumbnail", args=[image.pk])}"' in text


def test_a_list_of_sessions_shows_the_first_images(admin_client: Client, admin_alice: Account) -> None:
    session = session_of(admin_alice, [(f"{n}.png", encoded_image(size=(8, 8))) for n in range(6)])
    text = text_of(admin_client, page("session", "changelist"))
    assert text.count("forge-thumbnail") - text.count(".forge-thumbnail") == 4
    assert '<td class="field-image_count">6</td>' in text
    found = text_of(admin_client, page("session", "changelist") + f"?q={session.images.latest('position').pk}")
    assert '<td class="field-image_count">6</td>' in found


def test_deleting_a_session_removes_its_files_and_keeps_the_ledger(
    admin_client: Client,
    admin_job: Job,
    admin_media: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    url = page("session", "delete", admin_job.session_id)
    assert "Images with their files: 2" in text_of(admin_client, url)
    assert len([path for path in admin_media.rglob("*") if path.is_file()]) == 2
    entries = CreditEntry.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not Session.objects.exists()
    assert not [path for path in admin_media.rglob("*") if path.is_file()]
    assert CreditEntry.objects.count() == entries
    ledger_list = text_of(admin_client, page("creditentry", "changelist"))
    assert f'title="{admin_job.pk}"' in ledger_list
    assert "(deleted)" in ledger_list
    assert page("job", "change", admin_job.pk) not in ledger_list


def test_a_session_with_a_running_job_is_not_deleted(admin_client: Client, admin_session: Session) -> None:
    submitted(admin_session)
    url = page("session", "delete", admin_session.pk)
    text = admin_client.post(url, {"post": "yes"}, follow=True).content.decode()
    assert "A job of this session is still running." in text
    assert "deleted successfully" not in text
    assert Image.objects.filter(session=admin_session).count() == 2


def test_deleting_many_sessions_leaves_the_running_one(
    admin_client: Client,
    admin_alice: Account,
    admin_job: Job,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    running = session_of(admin_alice, [("a.png", encoded_image())])
    submitted(running)
    data = {"action": "delete_selected", "_selected_action": [running.pk, admin_job.session_id]}
    url = page("session", "changelist")
    assert "Are you sure" in admin_client.post(url, data).content.decode()
    assert Session.objects.count() == 2
    with django_capture_on_commit_callbacks(execute=True):
        text = admin_client.post(url, {**data, "post": "yes"}, follow=True).content.decode()
    assert f"Session {running.pk}: A job of this session is still running." in text
    assert "1 deleted, with their files." in text
    assert Session.objects.get() == running
    assert default_storage.exists(running.images.get().storage_key)


# --- Thumbnails -------------------------------------------------------------------------------------------------------


def thumbnail_url(image: Image) -> str:
    return reverse("admin:forge_image_thumbnail", args=[image.pk])


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (encoded_image(), (160, 80)),
        (encoded_image(file_format="JPEG", size=(1600, 800)), (160, 80)),
        (encoded_image(file_format="JPEG", orientation=6), (80, 160)),
        (encoded_image(orientation=8), (80, 160)),
        (encoded_image(size=(20, 10)), (20, 10)),
        (encoded_image(mode="I;16"), (160, 80)),
        (encoded_image(mode="RGBA"), (160, 80)),
        (encoded_image(mode="P"), (160, 80)),
        (encoded_image(mode="1"), (160, 80)),
        (encoded_image(file_format="TIFF", mode="CMYK"), (160, 80)),
        (encoded_image(file_format="GIF", mode="L"), (160, 80)),
    ],
)
def test_a_thumbnail_is_a_small_upright_jpeg(
    admin_client: Client, admin_alice: Account, content: bytes, size: tuple[int, int]
) -> None:
    image = session_of(admin_alice, [("picture", content)]).images.get()
    response = admin_client.get(thumbnail_url(image))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, max-age=3600"
    small = PIL.Image.open(io.BytesIO(response.content))
    assert (small.format, small.size) == ("JPEG", size)


def test_a_thumbnail_has_a_white_background(admin_client: Client, admin_alice: Account) -> None:
    image = session_of(admin_alice, [("clear.png", encoded_image(mode="RGBA"))]).images.get()
    small = PIL.Image.open(io.BytesIO(admin_client.get(thumbnail_url(image)).content))
    assert small.getpixel((5, 5)) == (255, 255, 255)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def overwritten(path: Path) -> None:
    path.write_bytes(b"<html>")


@pytest.mark.parametrize("damage", [cut_off, overwritten, Path.unlink])
def test_a_broken_or_missing_image_is_not_found(
    admin_client: Client, admin_session: Session, damage: Callable[[Path], None]
) -> None:
    for image in admin_session.images.all():
        damage(Path(default_storage.path(image.storage_key)))
        assert admin_client.get(thumbnail_url(image)).status_code == 404


def test_an_unknown_image_is_not_found(admin_client: Client) -> None:
    for pk in ("img_none", "..", "a b"):
        assert admin_client.get(reverse("admin:forge_image_thumbnail", args=[pk])).status_code == 404


def test_thumbnails_require_the_view_permission(client: Client, admin_session: Session) -> None:
    url = thumbnail_url(admin_session.images.earliest("position"))
    assert client.get(url).status_code == 302
    user = User.objects.create_user("bob", is_staff=True)
    client.force_login(user)
    assert client.get(url).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_session", content_type__app_label="forge"))
    assert client.get(url).status_code == 200


# --- Jobs, events, ledger ---------------------------------------------------------------------------------------------


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


def test_an_id_that_looks_like_a_quoted_character_has_a_page(admin_client: Client, db: None) -> None:
    account = Account.objects.create(pk="acct_3Begto", name="quoted")

    assert account.name in text_of(admin_client, html.page_url("account", account.pk))
