"""Sessions and thumbnails in the admin."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import DjangoCaptureOnCommitCallbacks

from forge.models import Account, CreditEntry, Image, Job, Session
from tests.decoding.files import BLUE, RED, clean_aperture_avif, encoded, lossless_jpeg, matrix_profile, solid
from tests.forge import job_factory
from tests.forge.admin.pages import (
    HOSTILE,
    encoded_image,
    page,
    session_of,
    submitted,
    text_of,
    thumbnail_url,
)

pytestmark = pytest.mark.django_db


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
    assert "of this session is still running." in text
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
    assert f"Session {running.pk}: Job " in text
    assert "1 deleted, with their files." in text
    assert Session.objects.get() == running
    assert default_storage.exists(running.images.get().storage_key)


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


@pytest.mark.parametrize(
    ("content", "color"),
    [
        (encoded(PIL.Image.fromarray(np.full((80, 160), 40_000, np.uint16)), "PNG"), (156, 156, 156)),
        (encoded(solid(BLUE), "JPEG", icc_profile=matrix_profile()), RED),
        (clean_aperture_avif(0, 80), RED),
        (lossless_jpeg(RED), RED),
    ],
)
def test_a_thumbnail_shows_what_the_models_see(
    admin_client: Client, admin_alice: Account, content: bytes, color: tuple[int, int, int]
) -> None:
    image = session_of(admin_alice, [("picture", content)]).images.get()
    response = admin_client.get(thumbnail_url(image))
    assert response.status_code == 200
    shown = PIL.Image.open(io.BytesIO(response.content)).resize((1, 1)).getpixel((0, 0))
    assert isinstance(shown, tuple)
    assert max(abs(a - b) for a, b in zip(shown, color, strict=True)) < 30


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


def test_a_large_session_shows_its_first_images(admin_client: Client, admin_alice: Account) -> None:
    session = job_factory.session_without_files(admin_alice, 130)

    text = text_of(admin_client, page("session", "change", session.pk))

    assert "130 images, of which the first 100" in text
    assert text.count('class="forge-image"') == 100
