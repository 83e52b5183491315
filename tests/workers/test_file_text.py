"""Text in the file: XMP, IPTC and EXIF, without a camera's own, secrets and the words of our models."""

import io
import struct

import PIL.Image
import pytest

import xmp
from tests.images import jpeg
from tests.xmp.exif_images import exif
from workers.file_text import MAX_KEYWORDS, read_file_text
from workers.models.options import NO_FILE_TEXT, FileText
from xmp.exif import Tag

PROVENANCE = xmp.Provenance("model@1", "2026-11-29T00:00:00Z")
PERSON = xmp.Provenance("model@1", "2026-11-29T00:00:00Z", persons=frozenset(xmp.Field))
METADATA = {"title": "Old Bridge", "caption": "The bridge of Bern.", "alt": "", "seoTags": ["bridge", "bern"]}
PLACE = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Country="Switzerland"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/">
<photoshop:City>Bern</photoshop:City><Iptc4xmpCore:Location>Nydegg</Iptc4xmpCore:Location>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def with_exif(tags: dict[int, object], format: str = "JPEG") -> bytes:
    exif, file = PIL.Image.Exif(), io.BytesIO()
    for tag, value in tags.items():
        exif[tag] = value
    PIL.Image.new("RGB", (60, 40), "red").save(file, format, exif=exif)
    return file.getvalue()


def with_packet(packet: str) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (60, 40), "red").save(file, "JPEG", xmp=packet.encode())
    return file.getvalue()


def with_iim(*datasets: tuple[int, bytes]) -> bytes:
    """Return a JPEG with datasets of record 2 in Photoshop's resources, in UTF-8."""
    block = b"\x1c\x01\x5a\x00\x03\x1b%G"
    block += b"".join(b"\x1c\x02" + struct.pack(">BH", number, len(text)) + text for number, text in datasets)
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)
    body = b"Photoshop 3.0\0" + resource
    data = jpeg()
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]


def test_words_of_a_person_are_read_from_xmp() -> None:
    data = xmp.write(jpeg(), xmp.words_of_metadata(METADATA), PERSON).data

    assert read_file_text(data) == FileText("Old Bridge", "The bridge of Bern.", ("bridge", "bern"))


def test_words_of_our_own_models_are_none() -> None:
    for with_exif in (False, True):
        data = xmp.write(jpeg(), xmp.words_of_metadata(METADATA), PROVENANCE, with_exif=with_exif).data

        assert not read_file_text(data)


def test_the_place_is_read_from_xmp_and_iptc() -> None:
    assert read_file_text(with_packet(PLACE)).place == "Nydegg, Bern, Switzerland"
    found = read_file_text(with_iim((90, "Zürich".encode()), (101, b"Switzerland"), (120, b"A lake")))
    assert (found.place, found.caption) == ("Zürich, Switzerland", "A lake")


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", "PNG", "AVIF"])
def test_the_description_of_exif_is_the_caption(format: str) -> None:
    assert read_file_text(with_exif({0x010E: "Our new mug"}, format)).caption == "Our new mug"


def test_windows_title_and_keywords_are_read() -> None:
    exif: dict[int, object] = {0x9C9B: "A mug\0".encode("utf-16-le"), 0x9C9E: "mug;cup\0".encode("utf-16-le")}

    assert read_file_text(with_exif(exif)) == FileText("A mug", "", ("mug", "cup"))


@pytest.mark.parametrize(
    "text", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "1234", "", "password: hunter2", "a@example.com"]
)
def test_a_cameras_name_and_secrets_are_no_caption(text: str) -> None:
    assert read_file_text(with_exif({0x010E: text})) == NO_FILE_TEXT


def test_text_is_bounded() -> None:
    metadata = {**METADATA, "title": "word " * 1_000, "seoTags": [f"tag {number}" for number in range(900)]}
    found = read_file_text(xmp.write(jpeg(), xmp.words_of_metadata(metadata), PERSON).data)

    assert len(found.title) <= 500
    assert len(found.keywords) == MAX_KEYWORDS


@pytest.mark.parametrize("data", [b"", b"hello", jpeg()[:200], with_packet("<x>&broken"), with_packet(PLACE)[:900]])
def test_what_cannot_be_read_is_left_out(data: bytes) -> None:
    assert read_file_text(data) == NO_FILE_TEXT


def test_a_packet_with_a_document_type_is_left_out() -> None:
    assert read_file_text(with_packet(f'<!DOCTYPE x [<!ENTITY a "b">]>{PLACE}')) == NO_FILE_TEXT


def test_a_user_comment_is_the_caption_and_a_model_does_not_hide_it() -> None:
    data = jpeg(exif=b"Exif\0\0" + exif({Tag.USER_COMMENT: b"UNICODE\0" + "祖母".encode("utf-16-le")}))
    replace = dict.fromkeys(xmp.Field, xmp.OnExisting.REPLACE)

    assert read_file_text(data).caption == "祖母"
    assert read_file_text(xmp.write(data, xmp.words_of_metadata(METADATA), PROVENANCE).data).caption == "祖母"
    replaced = xmp.write(data, xmp.words_of_metadata(METADATA), PROVENANCE, policy=replace).data
    assert read_file_text(replaced) == FileText("", "祖母")


def test_exif_is_read_beside_broken_xmp() -> None:
    data = jpeg(exif=b"Exif\0\0" + exif({Tag.IMAGE_DESCRIPTION: b"Our new mug"}), xmp=b"<x>&broken")

    assert read_file_text(data).caption == "Our new mug"
