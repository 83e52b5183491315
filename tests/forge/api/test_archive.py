"""A session's archive over HTTP."""

import asyncio
import csv
import io
import json
import threading
import zipfile
from typing import Any, cast

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as PillowImage

import xmp
from forge.accounts import account_ensure, key_issue
from forge.errors import AnalysisFailed
from forge.jobs import services as services_of_jobs
from forge.jobs.events import Extras, ImageMetadata
from forge.jobs.references import ImageReference
from forge.limits import archives
from forge.models import Account, Image, Session
from forge.sessions import services, validation
from forge.sessions.archive import archive_entries
from tests.forge import job_factory
from tests.forge.api.test_embedded_words import METADATA, with_broken_xmp
from tests.forge.api.test_files import BytesCall, get
from tests.forge.conftest import ApiClient
from tests.images import encode, jpeg
from tests.xmp.exif_images import with_exif
from xmp.exif import Tag

pytestmark = pytest.mark.django_db(transaction=True)
DATA_DESCRIPTOR = 0x08


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


def session_of(account: Account, **files: bytes) -> tuple[Session, list[Image]]:
    """Return a session with files; `__` in a name is a dot."""
    uploads = [SimpleUploadedFile(name.replace("__", "."), data) for name, data in files.items()]
    session, _ = services.session_create(account=account, images=validation.images_check(uploads, account=account))
    return session, list(session.images.order_by("position"))


def give_words(image: Image, filename: str, **changes: Any) -> None:
    metadata = {**METADATA, "filename": filename, **changes.pop("metadata", {})}
    Image.objects.filter(pk=image.pk).update(metadata=metadata, filename=filename, version=1, **changes)


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert not any(entry.flag_bits & DATA_DESCRIPTOR for entry in archive.infolist())
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def table_of(entries: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(entries["words.csv"].decode("utf-8-sig"))))


def test_files_have_their_new_names_and_words(alice: Account) -> None:
    bitmap = encode(PillowImage.new("RGB", (40, 30)), "BMP")
    grey = encode(PillowImage.new("L", (9, 9)), "PNG")
    session, images = session_of(alice, a__jpg=jpeg(), b__bmp=bitmap, c__png=grey)
    give_words(images[0], "a-cat", edited=["alt"], metadata={"alt": '=HYPERLINK("x")'}, needs_review=False)
    give_words(images[1], "a-dog", confidence=0.25, kind="photo")

    call = get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive")

    entries = unpacked(call.content)
    assert (call.status, call.headers["content-type"]) == (200, "application/zip")
    assert call.headers["content-disposition"] == f'attachment; filename="{session.pk}.zip"'
    assert "content-length" not in call.headers
    assert call.headers["x-accel-buffering"] == "no"
    assert list(entries) == ["a-cat.jpg", "a-dog.bmp", "a-dog.bmp.xmp", "c.png", "words.csv", "manifest.json"]
    assert xmp.read(entries["a-cat.jpg"]).words.text(xmp.Field.ALT) == '=HYPERLINK("x")'
    assert xmp.fingerprint(entries["a-cat.jpg"]) == xmp.fingerprint(jpeg())
    assert entries["a-dog.bmp"] == bitmap
    assert xmp.read_sidecar(entries["a-dog.bmp.xmp"]).words.text(xmp.Field.TITLE) == "A Cat"
    rows = table_of(entries)
    assert [(row["file"], row["words"], row["status"]) for row in rows] == [
        ("a-cat.jpg", "file", "uploaded"), ("a-dog.bmp", "sidecar", "uploaded"), ("c.png", "", "uploaded"),
    ]  # fmt: skip
    assert (rows[0]["alt"], rows[0]["edited"], rows[0]["needsReview"]) == ('\'=HYPERLINK("x")', "alt", "false")
    assert (rows[1]["kind"], rows[1]["confidence"], rows[1]["seoTags"]) == ("photo", "0.25", "cat, pet, animal")
    manifest = json.loads(entries["manifest.json"])
    assert {name: manifest[name] for name in ("images", "files", "wordsInFiles", "wordsInSidecars")} == {
        "images": 3, "files": 3, "wordsInFiles": 1, "wordsInSidecars": 1,
    }  # fmt: skip
    assert [problem["file"] for problem in manifest["problems"]] == ["a-dog.bmp", "c.png"]


FAILED = {"error": "The model gave no usable answer.", "code": "no_caption"}


def analyze(account: Account, session: Session, image: Image, extras: Extras, *, options: Any, **metadata: Any) -> None:
    job = services_of_jobs.job_submit(
        account=account,
        session=session,
        references=[ImageReference(image.pk, image.upload_path)],
        options=options,
    )
    [analysis] = job_factory.analyses(job)
    assert services_of_jobs.analysis_succeed(
        claim=job_factory.claim(analysis),
        metadata=cast("ImageMetadata", metadata),
        assessment=job_factory.ASSESSMENT,
        extras=extras,
        filenames=(metadata["filename"],) if "filename" in metadata else (),
    )


def some(**fields: Any) -> Any:
    return fields


def test_each_language_has_a_line_and_a_place_in_the_file(alice: Account) -> None:
    session, [image] = session_of(alice, a__jpg=jpeg())
    german = {
        "title": "Eine Katze",
        "alt": "Katze",
        "caption": "=Katze",
        "description": "K.",
        "seoTags": ["katze", "tier"],
    }
    extras: Extras = {
        "translations": {"zh-Hant": some(alt="貓"), "de": some(**german)},
        "translationErrors": {"ja": some(**FAILED)},
    }
    options = {"languages": ["pt-BR", "zh-Hant", "de", "ja"]}
    analyze(alice, session, image, extras, options=options, **METADATA)

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive").content)

    rows = table_of(entries)
    assert [(row["language"], row["alt"], row["seoTags"], row["problem"]) for row in rows] == [
        ("pt-BR", "A cat", "cat, pet, animal", ""),
        ("de", "Katze", "katze, tier", ""),
        ("ja", "", "", FAILED["error"]),
        ("zh-Hant", "貓", "", ""),
    ]
    assert {(row["file"], row["filename"], row["imageId"], row["kind"], row["decorative"]) for row in rows} == {
        ("a-cat.jpg", "a-cat", image.pk, "painting", "false")
    }
    assert rows[1]["caption"] == "'=Katze"
    assert xmp.read(entries["a-cat.jpg"]).words.texts[xmp.Field.ALT] == {
        "x-default": "A cat", "de": "Katze", "zh-Hant": "貓",
    }  # fmt: skip
    [problem] = json.loads(entries["manifest.json"])["problems"]
    assert (problem["language"], problem["problem"], problem["file"]) == ("ja", FAILED["error"], "a-cat.jpg")
    sidecars = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?metadata=sidecar").content)
    assert xmp.read_sidecar(sidecars["a-cat.jpg.xmp"]).words.texts[xmp.Field.TITLE]["de"] == "Eine Katze"


def test_a_decorative_image_has_the_empty_alt(alice: Account) -> None:
    session, images = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"))
    analyze(alice, session, images[0], {"decorative": True}, options={"decorative": "auto"}, **{**METADATA, "alt": ""})

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive").content)

    decorative, without = table_of(entries)
    assert (decorative["alt"], decorative["decorative"], decorative["words"]) == ("", "true", "file")
    assert (without["decorative"], without["language"], without["words"]) == ("", "", "")
    words = xmp.read(entries["a-cat.jpg"]).words
    assert xmp.Field.ALT not in words.texts
    assert words.text(xmp.Field.TITLE) == "A Cat"


def test_metadata_may_have_some_of_the_fields(alice: Account) -> None:
    session, images = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"))
    analyze(alice, session, images[0], {}, options={"fields": ["alt"]}, alt="A cat")
    analyze(alice, session, images[1], {}, options={"fields": ["filename"]}, filename="a-dog")

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive").content)

    assert list(entries) == ["a.jpg", "a-dog.jpg", "words.csv", "manifest.json"]
    assert xmp.read(entries["a.jpg"]).words == xmp.words_of_metadata({"alt": "A cat"})
    assert entries["a-dog.jpg"] == jpeg("#802010")
    rows = table_of(entries)
    assert [(row["alt"], row["title"], row["seoTags"], row["language"], row["words"]) for row in rows] == [
        ("A cat", "", "", "en", "file"), ("", "", "", "en", ""),
    ]  # fmt: skip
    assert json.loads(entries["manifest.json"])["problems"] == []


@pytest.mark.parametrize(("metadata", "names"), [("sidecar", ["a-cat.jpg", "a-cat.jpg.xmp"]), ("none", ["a-cat.jpg"])])
def test_files_can_stay_as_they_are(alice: Account, metadata: str, names: list[str]) -> None:
    session, [image] = session_of(alice, a__jpg=jpeg())
    give_words(image, "a-cat")

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?metadata={metadata}").content)

    assert list(entries) == [*names, "words.csv", "manifest.json"]
    assert entries["a-cat.jpg"] == jpeg()
    assert json.loads(entries["manifest.json"])["problems"] == []


@pytest.mark.parametrize("metadata", ["embedded", "sidecar"])
def test_a_sidecar_keeps_what_a_person_wrote_into_the_file(alice: Account, metadata: str) -> None:
    texts: dict[int, bytes] = {Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"}
    session, [image] = session_of(alice, a__jpg=with_broken_xmp(with_exif(texts)))
    give_words(image, "a-cat")

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?metadata={metadata}").content)

    words = xmp.read_sidecar(entries["a-cat.jpg.xmp"]).words
    assert (words.text(xmp.Field.DESCRIPTION), words.text(xmp.Field.ALT)) == ("Grandmother in Bern", "A cat")


def test_gone_and_failed_images_are_named(alice: Account) -> None:
    session, images = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"))
    job_factory.run(job_factory.submit(alice, session), failing=frozenset({1}))
    default_storage.delete(images[0].storage_key)

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive").content)

    assert list(entries) == ["b.jpg", "words.csv", "manifest.json"]
    gone, failed = json.loads(entries["manifest.json"])["problems"]
    assert (gone["imageId"], gone["problem"]) == (images[0].pk, "The stored file of this image is gone.")
    assert "file" not in gone
    assert "could not be analysed" in failed["problem"]
    assert [row["status"] for row in table_of(entries)] == ["succeeded", "failed"]
    assert table_of(entries)[0]["title"] == job_factory.METADATA["title"]


def test_older_words_are_told_from_those_of_the_latest_analysis(alice: Account) -> None:
    bitmap = encode(PillowImage.new("RGB", (40, 30)), "BMP")
    session, _ = session_of(alice, a__jpg=jpeg(), b__bmp=bitmap, c__jpg=jpeg("#802010"))
    job_factory.run(job_factory.submit(alice, session))
    job_factory.run(job_factory.submit(alice, session), failing=frozenset({0, 1}))

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive").content)

    rows = table_of(entries)
    assert [(row["status"], row["words"]) for row in rows] == [
        ("failed", "file"), ("failed", "sidecar"), ("succeeded", "file"),
    ]  # fmt: skip
    problems = json.loads(entries["manifest.json"])["problems"]
    assert [problem["file"] for problem in problems] == [row["file"] for row in rows[:2]]
    assert [problem["problem"] for problem in problems] == [row["problem"] for row in rows[:2]]
    latest = f"The latest analysis ended without words: {AnalysisFailed().sentence}"
    assert problems[0]["problem"] == latest
    assert problems[1]["problem"].endswith(latest)
    assert len(problems[1]["problem"]) > len(latest)  # and why its words are not in the file
    assert rows[2]["problem"] == ""


def test_more_images_than_a_page_come_once_each_in_their_order(alice: Account) -> None:
    files = {f"n{n}__jpg": jpeg(f"#{n:02x}4060", (8, 8)) for n in range(70)}
    session, _ = session_of(alice, **files)

    entries = unpacked(get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?metadata=none").content)

    assert list(entries)[:-2] == [f"n{n}.jpg" for n in range(70)]
    assert [row["originalFilename"] for row in table_of(entries)] == [f"n{n}.jpg" for n in range(70)]


def test_a_session_that_is_deleted_meanwhile_is_named(alice: Account) -> None:
    session, _ = session_of(alice, **{f"n{n}__jpg": jpeg(f"#{n:02x}4060", (8, 8)) for n in range(60)})
    entries = archive_entries(session.images.all(), "embedded")
    first = next(entries)
    services.session_delete(session=session)

    found = unpacked(bytes(first) + b"".join(entries))

    assert list(found) == ["n0.jpg", "words.csv", "manifest.json"]
    *gone, deleted = [problem["problem"] for problem in json.loads(found["manifest.json"])["problems"][1:]]
    assert gone == ["The stored file of this image is gone."] * 49
    assert deleted == "10 images were deleted meanwhile."


def test_images_can_be_chosen(alice: Account) -> None:
    session, images = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"), c__jpg=jpeg("#208010"))
    chosen = f"{images[2].pk},{images[0].pk}"

    call = get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?images={chosen}")

    assert list(unpacked(call.content)) == ["a.jpg", "c.jpg", "words.csv", "manifest.json"]


def test_another_accounts_session_and_unknown_choices_are_refused(alice: Account, bobs_api: ApiClient) -> None:
    session, _ = session_of(alice, a__jpg=jpeg())

    assert bobs_api.call("GET", f"/sessions/{session.pk}/archive").status_code == 404
    assert bobs_api.call("GET", "/sessions/sess_nothing/archive").status_code == 404
    for unknown in ("img_nothing", "", "%00"):
        assert get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?images={unknown}").status == 404
    refused = get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive?metadata=x")
    assert (refused.status, json.loads(refused.content)["code"]) == (400, "invalid_request")
    assert archives._process_share.held == 0


def test_a_client_that_leaves_frees_everything(alice: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FORGE_ARCHIVES_AT_ONCE = 1
    session, images = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"), c__jpg=jpeg("#208010"))
    key, opened, read = key_issue(account=alice)[1], default_storage.open, list[str]()
    arrived, gate = threading.Event(), threading.Event()

    def open_slowly(name: str, *arguments: Any) -> Any:
        read.append(name)
        if name == images[1].storage_key:
            arrived.set()
            assert gate.wait(20)
        return opened(name, *arguments)

    async def leave() -> None:
        call = BytesCall("GET", f"/sessions/{session.pk}/archive", key)
        await call.start()
        assert await asyncio.to_thread(arrived.wait, 20)
        assert archives._process_share.held == 1
        second = BytesCall("GET", f"/sessions/{session.pk}/archive", key)
        await second.start()
        assert (second.status, second.headers["retry-after"]) == (503, "5")
        await second.finish()
        asyncio.get_running_loop().call_later(0.2, gate.set)  # while the client's leaving is handled
        await call.disconnect()

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "open", open_slowly)
        asyncio.run(leave())

    assert archives._process_share.held == 0
    assert read == [image.storage_key for image in images[:2]]
    assert len(unpacked(get(key, f"/sessions/{session.pk}/archive").content)) == 5


def test_a_storage_that_fails_cuts_the_archive_off(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = session_of(alice, a__jpg=jpeg(), b__jpg=jpeg("#802010"))
    opened = default_storage.open

    def fail(name: str, *arguments: Any) -> Any:
        if default_storage.exists(name) and len(read) == 1:
            raise OSError(5, "Input/output error")
        read.append(name)
        return opened(name, *arguments)

    read: list[str] = []
    monkeypatch.setattr(default_storage, "open", fail)

    with pytest.raises(OSError, match="Input/output"):
        get(key_issue(account=alice)[1], f"/sessions/{session.pk}/archive")

    assert archives._process_share.held == 0
