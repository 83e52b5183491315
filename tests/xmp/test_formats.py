"""What one format alone has: IIM and EXIF of JPEG and TIFF, BigTIFF, extended XMP; memory for large files."""

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import xmp
from tests import images
from tests.hostile.corpus.base import small
from tests.hostile.mutated_words import pixels
from tests.hostile.mutations import valid_images
from tests.xmp.test_embedding import EXIFTOOL, LATER, MODEL, WORDS, exiftool, segment
from xmp.containers import container_of, jpeg
from xmp.containers.bmff.items import box

REPLACE = dict.fromkeys(xmp.Field, xmp.OnExisting.REPLACE)
with_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")


def alt_of(length: int) -> xmp.Words:
    return xmp.Words({xmp.Field.ALT: {"x-default": "word " * (length // 5 - 1) + "end"}})


def tags(data: bytes) -> dict[int, Any]:
    with Image.open(io.BytesIO(data)) as image:
        return dict(image.getexif())


def big_tiff(**options: Any) -> bytes:
    return images.encode(small(), "TIFF", big_tiff=True, **options)


@pytest.mark.parametrize("pages", [1, 3])
def test_big_tiff_holds_words(pages: int, tmp_path: Path) -> None:
    data = big_tiff(save_all=True, append_images=[small()] * (pages - 1))
    assert data[:4] == b"II+\0"

    written = xmp.write(data, WORDS, MODEL, with_iim=True, with_exif=True).data
    again = xmp.write(written, alt_of(30_000), LATER).data

    assert xmp.read(written).words == WORDS
    assert pixels(written) == pixels(again) == pixels(data)
    assert tags(written)[270] == WORDS.text(xmp.Field.DESCRIPTION)
    assert xmp.read(again).words.text(xmp.Field.ALT) == alt_of(30_000).text(xmp.Field.ALT)
    if EXIFTOOL:
        assert exiftool(written, tmp_path)["IPTC:ObjectName"] == "A Cat & a Dog"


@with_exiftool
@pytest.mark.parametrize("name", ["tiff", "tiff lzw", "jpeg", "mpo"])
def test_iim_is_written_where_asked_and_kept_equal_where_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(valid_images()[name])
    command = [str(EXIFTOOL), "-overwrite_original", "-IPTC:By-line=A person", "-IPTC:Headline=By a person", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)

    plain = xmp.write(valid_images()[name], WORDS, MODEL).data
    asked = xmp.write(valid_images()[name], WORDS, MODEL, with_iim=True).data
    existing = xmp.write(path.read_bytes(), WORDS, MODEL).data

    assert not [key for key in exiftool(plain, tmp_path) if key.startswith("IPTC")]
    assert exiftool(asked, tmp_path)["IPTC:Keywords"] == ["cat", "dog", "Köter"]
    found = exiftool(existing, tmp_path)
    assert (found["IPTC:By-line"], found["IPTC:Headline"]) == ("A person", "By a person")
    assert found["IPTC:Caption-Abstract"] == WORDS.text(xmp.Field.DESCRIPTION)
    assert "digest" not in str(found.get("ExifTool:Warning"))
    assert pixels(asked) == pixels(existing) == pixels(valid_images()[name])
    assert xmp.write(asked, WORDS, LATER, with_iim=True).data is asked


def test_words_that_stand_in_iim_of_a_tiff_are_read() -> None:
    data = xmp.write(valid_images()["tiff"], WORDS, MODEL, with_iim=True).data
    packet = container_of(data).read(data).packet
    assert packet
    without = data.replace(packet, b" " * len(packet))
    place = without.index(b" " * len(packet))
    without = (
        without[:place]
        + xmp.write_sidecar(None, xmp.Words(), MODEL).data.ljust(len(packet))
        + without[place + len(packet) :]
    )

    assert xmp.read(without).words.text(xmp.Field.DESCRIPTION) == WORDS.text(xmp.Field.DESCRIPTION)
    assert xmp.read(without).words.keywords == WORDS.keywords


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "mpo", "tiff", "tiff strips"])
def test_exif_texts_are_written_on_request_alone(name: str, tmp_path: Path) -> None:
    data = valid_images()[name]
    plain, asked = xmp.write(data, WORDS, MODEL).data, xmp.write(data, WORDS, MODEL, with_exif=True).data

    assert 270 not in tags(plain)
    assert tags(asked)[270] == WORDS.text(xmp.Field.DESCRIPTION)
    assert bytes(tags(asked)[40091]).decode("utf-16-le") == "A Cat & a Dog\0"
    others = {tag: value for tag, value in tags(asked).items() if tag in tags(data)}
    assert (others if name.startswith("jpeg") else tags(data)) == tags(data)
    assert pixels(asked) == pixels(data)
    assert xmp.write(asked, WORDS, LATER, with_exif=True).data is asked
    if EXIFTOOL:
        found = exiftool(asked, tmp_path)
        assert (found["IFD0:ImageDescription"], found["IFD0:XPTitle"]) == (
            WORDS.text(xmp.Field.DESCRIPTION),
            "A Cat & a Dog",
        )


def test_an_exif_text_of_another_program_is_kept_and_the_own_one_is_replaced() -> None:
    exif = Image.Exif()
    exif[270] = "By a camera"
    data = images.jpeg(exif=exif)
    new = xmp.Words({xmp.Field.DESCRIPTION: {"x-default": "New"}, xmp.Field.TITLE: {"x-default": "New"}})

    kept = xmp.write(data, WORDS, MODEL, with_exif=True).data
    replaced = xmp.write(kept, WORDS, MODEL, with_exif=True, policy=REPLACE).data
    later = xmp.write(replaced, new, LATER, with_exif=True).data

    assert (tags(kept)[270], tags(replaced)[270]) == ("By a camera", WORDS.text(xmp.Field.DESCRIPTION))
    assert (tags(later)[270], bytes(tags(later)[40091])) == ("New", "New\0".encode("utf-16-le"))


def test_exif_that_has_no_room_is_refused_and_other_exif_stays_byte_for_byte() -> None:
    note = bytes(range(256)) * 200
    exif = Image.Exif()
    exif[0x9286] = note
    data = images.jpeg(exif=exif)
    body = next(data[one.body : one.end] for one in jpeg._segments(data) if data.startswith(b"Exif", one.body))

    written = xmp.write(data, WORDS, MODEL, with_exif=True).data

    new = next(written[one.body : one.end] for one in jpeg._segments(written) if written.startswith(b"Exif", one.body))
    assert (new[:10], new[14 : len(body)]) == (body[:10], body[14:])  # but the offset of the directory
    exif[0x9286] = note[:100] * 655
    with pytest.raises(xmp.PacketTooLarge, match="EXIF"):
        xmp.write(
            images.jpeg(exif=exif)[:],
            xmp.Words({xmp.Field.DESCRIPTION: {"x-default": "x" * 900}}),
            MODEL,
            with_exif=True,
        )


def extended_jpeg() -> bytes:
    """Return a JPEG with extended XMP as the specification cuts it: a property of 100 kB, and a title in the packet."""
    extension = xmp.write_sidecar(None, alt_of(100_000), MODEL).data
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    packet = xmp.write_sidecar(None, xmp.Words({xmp.Field.TITLE: {"x-default": "Title"}}), MODEL).data
    note = b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
    packet = packet.replace(b"</rdf:RDF>", note + guid + b'"/></rdf:RDF>')
    parts = [
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", len(extension), at) + part)
        for at in range(0, len(extension), 60_000)
        if (part := extension[at : at + 60_000])
    ]
    data = images.jpeg()
    return b"".join([data[:2], segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet), *parts, data[2:]])


def test_extended_xmp_is_read_and_kept_byte_for_byte() -> None:
    data = extended_jpeg()
    assert len(xmp.read(data).words.text(xmp.Field.ALT)) > 90_000
    caption = xmp.Words({xmp.Field.DESCRIPTION: {"x-default": "A caption"}})

    written = xmp.write(data, caption, LATER).data

    words = xmp.read(written).words
    assert (words.text(xmp.Field.DESCRIPTION), words.text(xmp.Field.TITLE)) == ("A caption", "Title")
    assert len(words.text(xmp.Field.ALT)) > 90_000
    extension = data.index(b"http://ns.adobe.com/xmp/extension/")
    assert data[extension:] in written


def test_a_property_of_extended_xmp_is_not_written_twice() -> None:
    with pytest.raises(xmp.BrokenXmp, match=r"extended XMP.*use a sidecar"):
        xmp.write(extended_jpeg(), alt_of(50), LATER, policy=REPLACE)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_large_file_is_held_twice_at_most_the_old_and_the_new(format: str, tmp_path: Path) -> None:
    """Peak of a process that reads, writes and replaces, above one that has done so with a small file."""
    path, count = tmp_path / "large", 60
    data = images.encode(Image.effect_noise((600, 600), 90), format, **({"quality": 95} if format == "AVIF" else {}))
    path.write_bytes(_enlarged(data, format, count * 2**20))
    script = """
import resource, sys
import xmp
def write(path):
    data = open(path, "rb").read()
    words = xmp.Words({xmp.Field.ALT: {"x-default": "alt"}})
    xmp.replace_file(path, xmp.write(data, words, xmp.Provenance("m", "t")).data, xmp.file_state(path))
    return len(data)
small = open(sys.argv[2], "wb").write(bytes.fromhex(sys.argv[3])) and write(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
size = write(sys.argv[1])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / size)
"""
    arguments = [sys.executable, "-c", script, str(path), str(tmp_path / "small"), images.jpeg().hex()]

    ratio = float(subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120).stdout)

    assert ratio < 2.2


def _enlarged(data: bytes, format: str, size: int) -> bytes:
    """Return the file with so much more data where a decoder does not look, or with large strips."""
    if format == "PNG":
        return data[:-12] + struct.pack(">I", size) + b"loNg" + bytes(size + 4) + data[-12:]
    if format == "WEBP":
        body = data[8:] + b"LONG" + struct.pack("<I", size) + bytes(size)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    return data + (box(b"free", bytes(size)) if format == "AVIF" else bytes(size))
