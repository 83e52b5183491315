"""Files and thumbnails of uploads, for their owner alone (tests/forge/api/test_ownership.py)."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image as PillowImage

from forge import limits
from forge.accounts import account_ensure, key_issue
from forge.api.asgi import file_responders
from forge.models import Account, Image
from forge.sessions import services, validation
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call
from tests.forge.conftest import V1, ApiClient
from tests.images import encode, noisy_jpeg, rotated_jpeg

pytestmark = pytest.mark.django_db(transaction=True)


class BytesCall(Call):
    async def finish(self) -> Any:
        self.content = b""
        more = True
        while more:
            message = await self.communicator.receive_output(20)
            self.content += message.get("body", b"")
            more = message.get("more_body", False)
        await self.communicator.wait(20)
        return self.content


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


def get(key: str, path: str, **headers: str) -> BytesCall:
    async def run() -> BytesCall:
        call = BytesCall("GET", path, key, headers=headers)
        await call.start()
        await call.finish()
        return call

    return asyncio.run(run())


def upload(account: Account, name: str, data: bytes) -> tuple[Image, str]:
    images = validation.images_check([SimpleUploadedFile(name, data)], account=account)
    session, _ = services.session_create(account=account, images=images)
    image = session.images.get()
    return image, f"/sessions/{session.pk}/images/{image.pk}"


@pytest.mark.parametrize("size", [(64, 48), (1500, 1200)], ids=["small", "in parts"])
def test_the_file_is_answered_as_it_was_uploaded(
    alice: Account, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(file_responders, "PART_BYTES", 100_000)
    data = noisy_jpeg(size)
    _, path = upload(alice, "my photo.jpg", data)
    key = key_issue(account=alice)[1]

    call = get(key, f"{path}/file")

    assert (call.status, call.content) == (200, data)
    assert call.headers["content-type"] == "image/jpeg"
    assert call.headers["content-length"] == str(len(data))
    assert call.headers["content-disposition"] == 'inline; filename="my photo.jpg"'
    assert call.headers["cache-control"].startswith("private")
    assert call.headers["vary"] == "X-API-Key"
    again = get(key, f"{path}/file", **{"if-none-match": call.headers["etag"]})
    assert (again.status, again.content) == (304, b"")
    connection.close()


def test_a_file_can_be_named_as_suggested(api: ApiClient, alice: Account) -> None:
    image, path = upload(alice, "DSC0001.PNG", encode(PillowImage.new("RGB", (8, 8)), "PNG"))
    before = api.get(f"{V1}{path}/file?name=suggested")
    job_factory.run(job_factory.submit(alice, image.session))
    after = api.get(f"{V1}{path}/file?name=suggested")

    assert before["Content-Disposition"] == 'attachment; filename="DSC0001.PNG"'
    assert after["Content-Disposition"] == 'attachment; filename="red-kettle.png"'
    assert api.get(f"{V1}{path}/file?name=other").status_code == 400


@pytest.mark.parametrize(
    ("address", "disposition", "caching"),
    [
        ("file", 'inline; filename="a.jpg"', "max-age=3600"),
        ("file?name=suggested", 'attachment; filename="red-kettle.jpg"', "max-age=3600"),
        ("file?metadata=embedded", 'inline; filename="a.jpg"', "no-cache"),
        ("sidecar.xmp", 'attachment; filename="red-kettle.jpg.xmp"', "no-cache"),
        ("thumbnail", None, "max-age=3600"),
        ("/archive", 'attachment; filename="{session}.zip"', "no-store"),
    ],
)
def test_files_of_all_kinds_are_for_one_key(
    alice: Account, address: str, disposition: str | None, caching: str
) -> None:
    image, path = upload(alice, "a.jpg", noisy_jpeg((64, 48)))
    job_factory.run(job_factory.submit(alice, image.session))
    path = f"/sessions/{image.session_id}" if address.startswith("/") else f"{path}/"

    call = get(key_issue(account=alice)[1], path + address)

    assert call.status == 200
    assert call.headers.get("content-disposition") == (disposition and disposition.format(session=image.session_id))
    assert call.headers["cache-control"] == f"private, {caching}"
    assert call.headers["vary"] == "X-API-Key"
    assert call.headers["x-content-type-options"] == "nosniff"
    assert ("etag" in call.headers) == (caching != "no-store")


def test_a_thumbnail_is_upright_and_made_once(alice: Account, api: ApiClient, media: Path) -> None:
    image, path = upload(alice, "a.jpg", rotated_jpeg((1200, 900)))
    key = key_issue(account=alice)[1]

    made = get(key, f"{path}/thumbnail")
    assert (made.status, made.headers["content-type"]) == (200, "image/jpeg")
    assert PillowImage.open(io.BytesIO(made.content)).size == (192, 256)
    default_storage.delete(image.storage_key)  # the next one cannot be decoded
    stored = api.get(f"{V1}{path}/thumbnail?size=256")
    assert stored.content == made.content
    assert api.get(f"{V1}{path}/thumbnail", headers={"If-None-Match": stored["ETag"]}).status_code == 304
    assert api.get(f"{V1}{path}/thumbnail?size=300").status_code == 400
    services.session_delete(session=image.session)
    assert list((media / "sessions").rglob("*.jpg")) == []


def test_transparency_is_white(alice: Account) -> None:
    _, path = upload(alice, "a.png", encode(PillowImage.new("RGBA", (300, 200), (0, 0, 0, 0)), "PNG"))

    shown = get(key_issue(account=alice)[1], f"{path}/thumbnail?size=1024")

    thumbnail = PillowImage.open(io.BytesIO(shown.content))
    assert (thumbnail.size, thumbnail.getpixel((5, 5))) == ((300, 200), (255, 255, 255))


def test_a_missing_file_is_a_sentence(alice: Account) -> None:
    image, path = upload(alice, "a.jpg", noisy_jpeg())
    default_storage.delete(image.storage_key)
    key = key_issue(account=alice)[1]

    for name in ("file", "thumbnail"):
        call = get(key, f"{path}/{name}")
        assert call.status == 404
        assert b"is missing" in call.content
        assert call.headers["content-type"] == "application/json"
        assert "etag" not in call.headers


def test_thumbnails_are_within_the_decode_budget(alice: Account) -> None:
    _, path = upload(alice, "a.jpg", noisy_jpeg())
    Account.objects.filter(pk=alice.pk).update(decode_seconds_per_minute=1)
    alice.refresh_from_db()
    limits.count_decoding(alice, 5)

    call = get(key_issue(account=alice)[1], f"{path}/thumbnail")

    assert call.status == 429
    assert b"rate_limited" in call.content
    assert int(call.headers["retry-after"]) > 0
