"""Uploads in a bucket: stored by the API, read by workers, removed with their session and by the sweeps."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils import timezone

from forge.credits import ledger
from forge.errors import ImageGone
from forge.models import Account, Image, Session
from forge.operations import readiness
from forge.operations.storage_check import StorageState, storage_check
from forge.sessions import expiry
from forge.storage import (
    base,
    object_read,
    object_save,
    objects_delete,
    s3,
    storage_probe,
    stored_files,
    stored_folders,
)
from tests.forge.conftest import ApiClient
from tests.forge.storage.conftest import Bucket
from tests.images import jpeg
from workers import tasks


def upload(api: ApiClient, images: int = 3) -> Any:
    response = api.upload(*((f"photo{n}.jpg", jpeg(f"#{n:02x}6040")) for n in range(images)))
    assert response.status_code == 201, response.content
    return response.json()


@pytest.mark.django_db(transaction=True)
def test_uploads_are_in_the_bucket_until_their_session_is_deleted(api: ApiClient, bucket: Bucket, media: Path) -> None:
    first, second = upload(api), upload(api, 1)

    assert set(bucket.keys) == {f"uploads/{image.storage_key}" for image in Image.objects.all()}
    assert len(bucket.keys) == 4
    assert not media.exists()
    assert object_read(Image.objects.get(session=second["sessionId"]).storage_key) == jpeg("#006040")

    assert api.call("DELETE", f"/sessions/{first['sessionId']}").status_code == 204
    assert [key.split("/")[2] for key in bucket.keys] == [second["sessionId"]]


def test_a_refused_session_leaves_no_object(api: ApiClient, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("the database has failed")

    monkeypatch.setattr("forge.sessions.services._record", fail)
    response = api.upload(("a.jpg", jpeg()))

    assert response.status_code == 500
    assert not bucket.keys
    assert not Session.objects.exists()


def test_the_sweeps_read_the_bucket_page_by_page(
    api: ApiClient, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE", 2)
    kept, expired = upload(api, 3), upload(api, 3)
    for n in range(5):
        bucket.put(f"uploads/sessions/sess_lost{n}/img_1.jpg")
    bucket.put("uploads/service/probe-of-a-killed-process")
    storage_probe()

    assert [len(page) for page in stored_folders("sessions")] == [2, 2, 2, 1]
    assert [len(page) for page in stored_files(f"sessions/{kept['sessionId']}")] == [2, 1]
    assert expiry.orphans_sweep() == 0  # they are new

    monkeypatch.setattr(expiry, "ORPHAN_AGE", timedelta(seconds=-60))
    assert expiry.orphans_sweep() == 6
    assert {key.split("/")[2] for key in bucket.keys} == {kept["sessionId"], expired["sessionId"]}
    assert bucket.server.keys(bucket.name, "uploads/service/") == ["uploads/service/storage-id"]

    Session.objects.filter(pk=expired["sessionId"]).update(expires_at=timezone.now() - timedelta(hours=2))
    assert expiry.sessions_sweep() == 1
    assert {key.split("/")[2] for key in bucket.keys} == {kept["sessionId"]}


class UnreadAtOnce(io.BytesIO):
    """A file that refuses to be read whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= 2**20
        return super().read(size)


def test_an_upload_is_streamed_and_can_be_opened(bucket: Bucket) -> None:
    data = bytes(range(256)) * 2**13
    object_save("sessions/sess_1/img_1.jpg", File(UnreadAtOnce(data)))

    with default_storage.open("sessions/sess_1/img_1.jpg") as file:
        assert file.read() == data
    assert default_storage.size("sessions/sess_1/img_1.jpg") == len(data)
    assert default_storage.get_modified_time("sessions/sess_1/img_1.jpg") > timezone.now() - timedelta(minutes=5)
    assert objects_delete(["sessions/sess_1/img_1.jpg", "sessions/sess_1/never-there.jpg"])
    assert not default_storage.exists("sessions/sess_1/img_1.jpg")


def test_an_object_that_has_gone_is_named(api: ApiClient, bucket: Bucket) -> None:
    upload(api, 1)
    key = Image.objects.get().storage_key
    bucket.remove(f"uploads/{key}")

    with pytest.raises(ImageGone, match="is gone"):
        tasks._read(key)


def test_the_id_is_the_storages_own(bucket: Bucket) -> None:
    identity = storage_probe()

    assert storage_probe() == identity
    assert bucket.server.keys(bucket.name, "uploads/service/") == ["uploads/service/storage-id"]
    bucket.remove("uploads/service/storage-id")
    assert storage_probe() != identity


def test_a_folder_has_pages_and_an_id_too(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge.storage.local.PAGE", 2)
    assert base.PAGE >= 1000
    for n in range(3):
        object_save(f"sessions/sess_{n}/img_1.jpg", File(io.BytesIO(b"data")))

    assert sorted(len(page) for page in stored_folders("sessions")) == [1, 2]
    assert [file.name for page in stored_files("sessions/sess_1") for file in page] == ["sessions/sess_1/img_1.jpg"]
    assert not list(stored_files("sessions/nothing"))
    assert storage_probe() == storage_probe()
    assert [path.name for path in (media / "service").iterdir()] == ["storage-id"]


def test_readiness_names_a_worker_that_sees_another_storage(alice: Account, bucket: Bucket, media: Path) -> None:
    here = storage_check.read(60.0)
    readiness.worker_alive("host1:aa", here)
    readiness._cache.clear()
    assert readiness.missing() == {}

    readiness.worker_alive("host2:bb", StorageState(identity="another"))
    readiness._cache.clear()
    missing = readiness.missing()
    assert list(missing) == ["storage"]
    assert "worker host2:bb sees another storage than this web server" in missing["storage"]
    assert bucket.name in missing["storage"]
    assert "FORGE_STORAGE_URL" in missing["storage"]

    # It sees the same one now, and counts as one worker.
    readiness.worker_alive("host2:bb", here)
    readiness._cache.clear()
    assert readiness.missing() == {}
    assert len(readiness._workers()) == 2

    readiness.worker_alive("host1:aa", StorageState(problem="no answer"))
    readiness._cache.clear()
    assert "worker host1:aa cannot use its storage" in readiness.missing()["storage"]
    assert ledger.balance(alice.pk) == 100
