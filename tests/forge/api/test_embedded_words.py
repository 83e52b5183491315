"""Words in files and sidecars over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image as PillowImage

import xmp
from forge.accounts import account_ensure, key_issue
from forge.models import Account, Image
from forge.sessions import embedded_words
from tests.forge.api.test_files import get, upload
from tests.images import encode, jpeg, noisy_jpeg
from tests.xmp.exif_images import with_exif
from xmp.exif import Tag

pytestmark = pytest.mark.django_db(transaction=True)
METADATA = {
    "title": "A Cat",
    "alt": "A cat",
    "caption": "A cat sits.",
    "description": "A cat sits. It sleeps.",
    "filename": "a-cat",
    "seoTags": ["cat", "pet", "animal"],
}


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


def analyzed(account: Account, name: str, data: bytes) -> str:
    image, path = upload(account, name, data)
    Image.objects.filter(pk=image.pk).update(metadata=METADATA, filename="a-cat", confidence=0.5, version=1)
    return path


@pytest.mark.parametrize("data", [jpeg(), noisy_jpeg((1500, 1200))], ids=["small", "large"])
def test_the_file_has_its_words_and_its_pixels(alice: Account, data: bytes) -> None:
    path = analyzed(alice, "a.jpg", data)
    key = key_issue(account=alice)[1]

    call = get(key, f"{path}/file?metadata=embedded&name=suggested")

    assert (call.status, call.headers["content-disposition"]) == (200, 'attachment; filename="a-cat.jpg"')
    assert call.headers["content-length"] == str(len(call.content))
    assert xmp.read(call.content).words == xmp.words_of_metadata(METADATA)
    assert xmp.fingerprint(call.content) == xmp.fingerprint(data)
    again = get(key, f"{path}/file?metadata=embedded", **{"if-none-match": call.headers["etag"]})
    assert again.status == 304
    Image.objects.update(version=2)
    again = get(key, f"{path}/file?metadata=embedded", **{"if-none-match": call.headers["etag"]})
    assert again.status == 200


def test_what_cannot_hold_words_is_409_and_has_a_sidecar(alice: Account) -> None:
    path = analyzed(alice, "a.bmp", encode(PillowImage.new("RGB", (40, 30)), "BMP"))
    key = key_issue(account=alice)[1]

    refused, sidecar = get(key, f"{path}/file?metadata=embedded"), get(key, f"{path}/sidecar.xmp")

    assert refused.status == 409
    assert sidecar.headers["content-type"] == "application/rdf+xml"
    assert xmp.read_sidecar(sidecar.content).words == xmp.words_of_metadata(METADATA)


@pytest.mark.parametrize(
    ("query", "status"), [("file?metadata=embedded", 409), ("sidecar.xmp", 409), ("file?metadata=x", 400)]
)
def test_without_words_and_with_an_unknown_value_it_is_refused(alice: Account, query: str, status: int) -> None:
    _, path = upload(alice, "a.jpg", jpeg())

    assert get(key_issue(account=alice)[1], f"{path}/{query}").status == status


def test_a_corrected_field_is_not_recorded_as_the_models(alice: Account) -> None:
    path = analyzed(alice, "a.jpg", jpeg())
    Image.objects.update(edited=["alt"])

    records = xmp.read(get(key_issue(account=alice)[1], f"{path}/file?metadata=embedded").content).records

    fields = {record.field for record in records}
    assert xmp.Field.TITLE in fields
    assert xmp.Field.ALT not in fields


@pytest.mark.parametrize(
    ("address", "read"),
    [("file?metadata=embedded", xmp.read), ("sidecar.xmp", xmp.read_sidecar)],
    ids=["file", "sidecar"],
)
def test_a_persons_caption_of_exif_is_kept_until_the_caption_is_corrected(
    alice: Account, address: str, read: Callable[[bytes], xmp.FileWords]
) -> None:
    path = analyzed(alice, "a.jpg", with_exif({Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"}))
    key = key_issue(account=alice)[1]

    kept = read(get(key, f"{path}/{address}").content).words
    Image.objects.update(edited=["caption"], version=2)
    corrected = read(get(key, f"{path}/{address}").content).words

    assert (kept.text(xmp.Field.DESCRIPTION), kept.text(xmp.Field.ALT)) == ("Grandmother in Bern", "A cat")
    assert corrected.text(xmp.Field.DESCRIPTION) == "A cat sits."


def with_broken_xmp(file: bytes) -> bytes:
    """Return a JPEG with a segment of XMP that is not well formed."""
    return file[:2] + b"\xff\xe1\0\x23http://ns.adobe.com/xap/1.0/\0<x><" + file[2:]


def test_a_sidecar_has_what_can_be_read_of_the_file(alice: Account) -> None:
    broken = with_broken_xmp(with_exif({Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"}))
    path = analyzed(alice, "a.jpg", broken)
    key = key_issue(account=alice)[1]

    with_exif_alone = xmp.read_sidecar(get(key, f"{path}/sidecar.xmp").content).words
    exported = xmp.read_sidecar(embedded_words.packet_for_export(Image.objects.get(), broken)).words
    default_storage.delete(Image.objects.get().storage_key)
    without_file = xmp.read_sidecar(get(key, f"{path}/sidecar.xmp").content).words

    assert with_exif_alone == exported
    assert with_exif_alone.text(xmp.Field.DESCRIPTION) == "Grandmother in Bern"
    assert without_file == xmp.words_of_metadata(METADATA)


def test_keywords_of_persons_and_of_the_model_stand_in_a_sidecar(alice: Account) -> None:
    person = xmp.Provenance("", "", persons=frozenset(xmp.Field))
    path = analyzed(alice, "a.jpg", xmp.write(jpeg(), xmp.Words({}, ("Tom", "cat")), person).data)

    sidecar = get(key_issue(account=alice)[1], f"{path}/sidecar.xmp").content

    assert xmp.read_sidecar(sidecar).words.keywords == ("Tom", "cat", "pet", "animal")


@pytest.mark.parametrize(
    ("provenance", "name"),
    [
        ({"models": {"captioner": {"name": "ours"}}}, "ours"),
        ({"models": {"captioner": {"name": "ours"}}, "writer": {"name": "server"}, "answer": {}}, "server"),
        ({"models": {"captioner": {"name": "ours"}}, "writer": {"name": "server"}, "fallback": "away"}, "ours"),
    ],
)
def test_the_model_that_wrote_the_words_is_recorded(provenance: dict[str, Any], name: str) -> None:
    assert embedded_words._author(provenance)["name"] == name


def test_a_new_file_keeps_what_persons_wrote_into_the_original(alice: Account) -> None:
    machine = xmp.words_of_metadata({**METADATA, "title": "Old", "caption": "Old.", "seoTags": ["old", "pet", "x"]})
    by_model = xmp.write(jpeg(), machine, xmp.Provenance("model", "2026-11-24T10:00:00Z")).data
    persons = xmp.Words({xmp.Field.TITLE: {"x-default": "Tom on the sofa"}}, ("Tom",))
    person = xmp.Provenance("", "", persons=frozenset(xmp.Field))
    replace = dict.fromkeys(xmp.Field, xmp.OnExisting.REPLACE) | {xmp.Field.KEYWORDS: xmp.OnExisting.APPEND}
    original = xmp.write(by_model, persons, person, policy=replace).data
    analyzed(alice, "a.jpg", original)

    words = xmp.read_sidecar(embedded_words.packet_for_export(Image.objects.get(), original)).words

    assert words.text(xmp.Field.TITLE) == "Tom on the sofa"
    assert words.text(xmp.Field.DESCRIPTION) == "A cat sits."
    assert "Tom" in words.keywords
    assert {"cat", "pet", "animal"} <= set(words.keywords)
    assert {"old", "x"}.isdisjoint(words.keywords)


def test_a_new_file_of_an_image_without_words_has_the_originals_alone(alice: Account) -> None:
    image, _ = upload(alice, "a.jpg", jpeg())
    persons = xmp.Provenance("", "", persons=frozenset(xmp.Field))
    original = xmp.write(jpeg(), xmp.Words({}, ("Tom",)), persons).data

    assert xmp.read_sidecar(embedded_words.packet_for_export(image, original)).words.keywords == ("Tom",)
    assert embedded_words.packet_for_export(image, b"no image") == b""
