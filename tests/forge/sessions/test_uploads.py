import io
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image as PillowImage

import decoding
from forge import database, idempotency
from forge.accounts import account_ensure
from forge.credits import ledger
from forge.errors import IMAGE_ERRORS
from forge.idempotency import ClaimedKey
from forge.models import Account, CreditEntry, IdempotencyKey, Image, Session
from forge.sessions import validation
from tests import images
from tests.forge.conftest import ApiClient

SOLID = PillowImage.new("RGB", (40, 30), "teal")


def stored(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def refusals_store_and_charge_nothing(request: pytest.FixtureRequest, alice: Account, media: Path) -> Iterator[None]:
    yield
    if "refused" in request.fixturenames:
        assert stored(media) == []
        assert not Session.objects.exists()
        assert CreditEntry.objects.count() == 1
        assert ledger.balance(alice.pk) == 100


def test_an_upload_makes_a_session(api: ApiClient, media: Path) -> None:
    response = api.upload(("one.jpg", images.jpeg(size=(80, 60))), ("two.png", images.encode(SOLID, "PNG")))

    assert response.status_code == 201
    session = response.json()
    assert session["sessionId"].startswith("sess_")
    assert session["expiresAt"].endswith("Z")
    first, second = session["images"]
    assert (first["originalFilename"], first["width"], first["height"]) == ("one.jpg", 80, 60)
    assert first["size"] == len(images.jpeg(size=(80, 60)))
    assert first["uploadPath"] == f"/sessions/{session['sessionId']}/{first['id']}.jpg"
    assert second["uploadPath"].endswith(".png")
    assert len(stored(media)) == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\pictures\\cat.jpg", "cat.jpg"),
        ("nul\x00l.jpg", "null.jpg"),
        ("🦊 fox.jpg", "🦊 fox.jpg"),
        ("<script>.jpg", "<script>.jpg"),
    ],
)
def test_hostile_file_names_do_not_reach_the_storage(api: ApiClient, media: Path, given: str, kept: str) -> None:
    response = api.upload((given, images.jpeg()))

    assert response.status_code == 201
    image = response.json()["images"][0]
    assert image["originalFilename"] == kept
    # The storage key does not contain the name.
    (file,) = stored(media)
    assert file.relative_to(media).as_posix() == image["uploadPath"].lstrip("/")


def test_a_very_long_file_name_is_cut(api: ApiClient) -> None:
    name = api.upload(("x" * 500 + ".jpg", images.jpeg())).json()["images"][0]["originalFilename"]

    assert len(name) == 255
    assert name.endswith(".jpg")


def truncated() -> bytes:
    whole = images.noisy_jpeg()
    return whole[: len(whole) * 2 // 3]


REFUSALS: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "text": (lambda: b"Dear Sir, this is no image. " * 20, 415, "unsupported_image"),
    "nothing": (lambda: b"", 415, "unsupported_image"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, "unsupported_image"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3", 415, "unsupported_image"),
    "truncated": (truncated, 422, "unreadable_image"),
    "bomb": (images.bomb_png, 413, "payload_too_large"),
    "25 MB": (lambda: images.jpeg() + bytes(25 * 2**20), 413, "payload_too_large"),
}


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_bad_file_is_refused_and_named(api: ApiClient, refused: str) -> None:
    make, status, code = REFUSALS[refused]

    response = api.upload(("good.jpg", images.jpeg()), ("bad.jpg", make()), ("fine.jpg", images.jpeg()))

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert [file["name"] for file in response.json()["files"]] == ["bad.jpg"]
    assert "bad.jpg" in response.json()["error"]


def test_each_decoding_error_has_an_error_of_the_contract() -> None:
    assert {error.code for error in decoding.Undecodable.__subclasses__()} == set(IMAGE_ERRORS)


@pytest.mark.parametrize("refused", ["two"])
def test_each_bad_file_is_named(api: ApiClient, refused: str) -> None:
    response = api.upload(("a.jpg", b"text"), ("b.jpg", images.jpeg()), ("c.jpg", truncated()))

    assert response.status_code == 415
    assert [(file["name"], file["code"]) for file in response.json()["files"]] == [
        ("a.jpg", "unsupported_image"),
        ("c.jpg", "unreadable_image"),
    ]


@pytest.mark.parametrize("refused", ["bytes", "pixels"])
def test_a_limit_error_has_limit_and_actual(api: ApiClient, settings: Any, refused: str) -> None:
    data = images.jpeg(size=(100, 100))
    settings.FORGE_MAX_IMAGE_BYTES = len(data) - 1 if refused == "bytes" else 2**20
    settings.FORGE_MAX_IMAGE_PIXELS = 9_999

    content = api.upload(("a.jpg", data)).json()

    assert content["code"] == "payload_too_large"
    assert (content["limit"], content["actual"]) == (
        (len(data) - 1, len(data)) if refused == "bytes" else (9_999, 10_000)
    )


@pytest.mark.parametrize("refused", [101, 1000, 1001])
def test_more_than_100_images_are_refused(api: ApiClient, refused: int) -> None:
    small = images.jpeg(size=(4, 4))

    response = api.upload(*[(f"{n}.jpg", small) for n in range(refused)])

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert (response.json()["limit"], response.json()["actual"]) == (100, refused)


def test_100_images_are_accepted(api: ApiClient) -> None:
    assert api.upload(*[(f"{n}.jpg", images.jpeg(size=(4, 4))) for n in range(100)]).status_code == 201


@pytest.mark.parametrize("refused", ["empty"])
def test_an_empty_upload_is_refused(api: ApiClient, refused: str) -> None:
    response = api.upload()

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("refused", ["json", "broken multipart"])
def test_an_upload_that_is_not_a_form_is_refused(api: ApiClient, refused: str) -> None:
    content_type = "application/json" if refused == "json" else "multipart/form-data; boundary="
    response = api.generic("POST", "/image-forge-api/v1/sessions/upload", data=b"{}", content_type=content_type)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_images_are_added_to_a_session(alice: Account, api: ApiClient, make_session: Callable[..., Session]) -> None:
    session = make_session(alice, 1)

    response = api.upload(("more.jpg", images.jpeg()), path=f"/sessions/{session.pk}/images")

    assert response.status_code == 201
    assert [image["originalFilename"] for image in response.json()["images"]] == ["more.jpg"]
    assert [image.position for image in session.images.order_by("position")] == [0, 1]


def test_a_file_whose_row_is_not_committed_is_removed(
    alice: Account, api: ApiClient, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Image.objects, "bulk_create", fail)

    assert api.upload(("a.jpg", images.jpeg())).status_code == 500
    assert stored(media) == []
    assert not Session.objects.exists()


def test_the_bytes_are_stored_unchanged(api: ApiClient) -> None:
    data = images.noisy_jpeg()
    image = api.upload(("a.jpg", data)).json()["images"][0]

    with default_storage.open(image["uploadPath"].lstrip("/")) as file:
        assert io.BytesIO(file.read()).getvalue() == data


@pytest.mark.django_db(transaction=True)
def test_an_upload_holds_no_connection_during_its_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[object] = []

    def wait(checks: Sequence["Future[object]"], timeout: float) -> None:
        held.append(connection.connection)
        futures.wait(checks, timeout)

    monkeypatch.setattr(validation, "wait", wait)
    monkeypatch.setattr(database, "_is_pooled", lambda: True)
    files = [SimpleUploadedFile(name, images.jpeg()) for name in ("a.jpg", "b.jpg")]
    account = account_ensure(name="dora")
    connection.ensure_connection()

    monkeypatch.setattr(idempotency, "key_renew", lambda _: connection.ensure_connection())
    validation.images_check(files, account=account, claimed_key=ClaimedKey(IdempotencyKey()))

    assert held == [None, None]
