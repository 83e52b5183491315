"""Words in files: every format, what stays, who wrote what, and what is refused."""

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import xmp
from tests import images
from tests.hostile.mutated_words import WRITABLE, outcome, pixels
from tests.hostile.mutations import valid_images
from xmp.containers import container_of, jpeg
from xmp.containers.multi_picture import moved
from xmp.packet import EMPTY_PACKET

WORDS = xmp.words_of_metadata(
    {
        "title": "A Cat & a Dog",
        "alt": "A <tabby> cat “on” a chair",
        "caption": "A tabby cat sits on a red chair.",
        "description": "A tabby cat sits on a red chair. It is asleep.",
        "seoTags": ["cat", "dog", "Köter"],
    }
)
MODEL = xmp.Provenance("m@1", "2026-01-01T00:00:00Z", {xmp.Field.ALT: 0.5})
LATER = xmp.Provenance("m@2", "2026-02-01T00:00:00Z")
SIMPLE = ["jpeg", "png", "webp", "tiff", "gif", "avif", "heic"]
EXIFTOOL = shutil.which("exiftool")
OURS = ("XMP-dc", "XMP-photoshop", "XMP-iptcCore", "XMP-forge", "XMP-x", "System", "File", "ExifTool")


def exiftool(data: bytes, folder: Path, *arguments: str) -> dict[str, Any]:
    path = folder / "read"
    path.write_bytes(data)
    command = [str(EXIFTOOL), "-json", "-G1", "-struct", "-a", *arguments, str(path)]
    output = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return dict(json.loads(output)[0])


@pytest.mark.parametrize("name", WRITABLE)
def test_words_are_read_back_and_the_pixels_are_those_of_before(name: str) -> None:
    data = valid_images()[name]

    written = xmp.write(data, WORDS, MODEL).data

    assert xmp.read(written).words == WORDS
    assert pixels(written) == pixels(data)
    assert xmp.fingerprint(written) == xmp.fingerprint(data)
    assert {record.model for record in xmp.read(written).records} == {"m@1"}


@pytest.mark.parametrize("name", WRITABLE)
def test_the_same_words_again_change_nothing(name: str) -> None:
    written = xmp.write(valid_images()[name], WORDS, MODEL).data

    assert xmp.write(written, WORDS, LATER).data is written


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("name", [*SIMPLE, "mpo", "webp lossless", "png animated"])
def test_exiftool_reads_the_words_and_finds_everything_else_as_before(name: str, tmp_path: Path) -> None:
    data = valid_images()[name]
    written = xmp.write(data, WORDS, MODEL).data

    before, after = exiftool(data, tmp_path), exiftool(written, tmp_path)

    assert after["XMP-dc:Title"] == "A Cat & a Dog"
    assert after["XMP-iptcCore:AltTextAccessibility"] == "A <tabby> cat “on” a chair"
    assert after["XMP-iptcCore:ExtDescrAccessibility"] == "A tabby cat sits on a red chair. It is asleep."
    assert after["XMP-dc:Subject"] == ["cat", "dog", "Köter"]
    moved_by_the_words = {"MPF0:MPImageLength", "IFD0:StripOffsets", "GIF:GIFVersion", "RIFF:WebP_Flags"}
    moved_by_the_words |= {"QuickTime:MediaDataSize", "QuickTime:MediaDataOffset"}

    def others(dump: dict[str, Any]) -> dict[str, Any]:
        return {
            key: value
            for key, value in dump.items()
            if not key.startswith((*OURS, "MPImage", "RIFF")) and key not in moved_by_the_words and key != "SourceFile"
        }

    assert others(after) == others(before)
    assert "ExifTool:Warning" not in after or "ExifTool:Warning" in before


@pytest.mark.skipif(shutil.which("exiv2") is None, reason="exiv2 is not installed")
@pytest.mark.parametrize(
    ("name", "suffix"), [("jpeg", "jpg"), ("png", "png"), ("webp", "webp"), ("tiff", "tif"), ("avif", "avif")]
)
def test_exiv2_reads_the_words(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"read.{suffix}"
    image = Image.new("RGB", (40, 30), "red")
    path.write_bytes(
        xmp.write(images.encode(image, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, name)), WORDS, MODEL).data
    )

    read = subprocess.run(["exiv2", "-px", str(path)], capture_output=True, text=True, check=True, timeout=60).stdout

    assert "Xmp.dc.title" in read
    assert "A tabby cat sits on a red chair." in read


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("name", SIMPLE)
def test_what_another_program_edits_is_kept(name: str, tmp_path: Path) -> None:
    path = tmp_path / "edited"
    path.write_bytes(xmp.write(valid_images()[name], WORDS, MODEL).data)
    edit = ["-XMP-dc:Title=By a person", "-XMP-dc:Subject+=person", "-XMP-dc:Creator=P", "-XMP-xmp:Rating=4"]
    subprocess.run(
        [str(EXIFTOOL), "-overwrite_original", *edit, str(path)], check=True, timeout=60, capture_output=True
    )
    new = xmp.words_of_metadata(
        {"title": "T", "alt": "New alt", "caption": "C.", "description": "D.", "seoTags": ["new"]}
    )

    written = xmp.write(path.read_bytes(), new, LATER).data

    read = exiftool(written, tmp_path)
    assert (read["XMP-dc:Title"], read["XMP-dc:Creator"], read["XMP-xmp:Rating"]) == ("By a person", ["P"], 4)
    assert read["XMP-dc:Subject"] == ["person", "new"]
    assert read["XMP-iptcCore:AltTextAccessibility"] == "New alt"


def test_each_field_is_kept_appended_to_or_replaced() -> None:
    alt, person = xmp.Field.ALT, xmp.Words({xmp.Field.ALT: {"x-default": "A person's words"}})
    other = xmp.Words({alt: {"x-default": "Model's words"}})
    data = xmp.write(valid_images()["png"], person, MODEL).data
    data = data.replace(b"person's", b"PERSON's")
    data = fixed_png(data)

    results = {choice: xmp.write(data, other, LATER, policy={alt: choice}).words.text(alt) for choice in xmp.OnExisting}

    assert results == {
        xmp.OnExisting.KEEP: "A PERSON's words",
        xmp.OnExisting.APPEND: "A PERSON's words. Model's words",
        xmp.OnExisting.REPLACE: "Model's words",
    }


def fixed_png(data: bytes) -> bytes:
    """Return the PNG with the packet again, so that its checksum is right."""
    packet = container_of(data).read(data).packet
    assert packet
    return container_of(data).write(data, packet)


@pytest.mark.parametrize(
    "packet",
    [
        b"<x:xmpmeta",
        b"\xff\xfe",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b"<x/>",
    ],
)
def test_broken_xmp_is_refused_and_a_sidecar_can_be_written(packet: bytes) -> None:
    data = container_of(valid_images()["jpeg"]).write(valid_images()["jpeg"], packet)

    with pytest.raises(xmp.BrokenXmp):
        xmp.write(data, WORDS, MODEL)

    assert xmp.read_sidecar(xmp.write_sidecar(None, WORDS, MODEL).data).words == WORDS


def test_properties_comments_and_prefixes_of_other_programs_stay_byte_for_byte() -> None:
    packet = EMPTY_PACKET.replace(
        b" </rdf:RDF>",
        b'<rdf:Description rdf:about="uuid:1" xmlns:q="http://q/" q:a="1" xmlns:d="http://purl.org/dc/elements/1.1/" '
        b'd:title="old"><!-- by q --><q:b rdf:parseType="Resource"><q:c>&#x41;</q:c></q:b></rdf:Description></rdf:RDF>',
    )
    data = container_of(valid_images()["webp"]).write(valid_images()["webp"], packet)

    written = xmp.write(data, WORDS, MODEL, policy={xmp.Field.TITLE: xmp.OnExisting.REPLACE})

    new = container_of(written.data).read(written.data).packet
    assert new
    assert b'<!-- by q --><q:b rdf:parseType="Resource"><q:c>&#x41;</q:c></q:b></rdf:Description>' in new
    assert b'q:a="1" xmlns:d="http://purl.org/dc/elements/1.1/">' in new
    assert xmp.read(written.data).words.text(xmp.Field.TITLE) == "A Cat & a Dog"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def test_a_signed_file_is_refused_without_force() -> None:
    data = valid_images()["jpeg"]
    signed = data[:2] + segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa") + data[2:]

    with pytest.raises(xmp.SignedFile):
        xmp.write(signed, WORDS, MODEL)

    assert xmp.read(signed).is_signed
    assert xmp.read(xmp.write(signed, WORDS, MODEL, force=True).data).words == WORDS


def test_a_packet_over_64_kb_is_refused_in_jpeg() -> None:
    long = xmp.Words({xmp.Field.ALT: {"x-default": "word " * 14_000}})

    with pytest.raises(xmp.PacketTooLarge):
        xmp.write(valid_images()["jpeg"], long, MODEL)


def test_iim_is_written_where_asked_and_then_kept_equal(tmp_path: Path) -> None:
    data = xmp.write(valid_images()["jpeg"], WORDS, MODEL, with_iim=True).data
    new = xmp.words_of_metadata(
        {"title": "T", "alt": "A", "caption": "C " * 1500, "description": "D", "seoTags": ["n"]}
    )

    again = xmp.write(data, new, LATER).data

    body = next(again[one.body : one.end] for one in jpeg._segments(again) if again.startswith(b"Photoshop", one.body))
    assert b"\x1c\x02\x05\0\1T" in body
    assert b"\x1c\x01\x5a\0\3\x1b%G" in body
    if EXIFTOOL:
        read = exiftool(again, tmp_path)
        assert (read["IPTC:Keywords"], len(read["IPTC:Caption-Abstract"])) == ("n", 1999)


def test_the_index_of_further_images_is_moved() -> None:
    body = b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\x02\0\7\0\0\0\x20\0\0\0\x1a\0\0\0\0" + struct.pack(
        ">IIIHHIIIHH", 0x030000, 1000, 0, 0, 0, 0, 500, 900, 0, 0
    )

    entries = struct.unpack(">IIIHHIIIHH", moved(body, 50, 20)[-32:])

    assert (entries[1], entries[2], entries[6], entries[7]) == (1050, 0, 500, 920)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(WRITABLE), st.integers(0, 10_000), st.booleans())
def test_a_mutated_file_is_refused_or_decodes_as_before(name: str, number: int, more: bool) -> None:
    """`bin/bench hostile` writes into 2,000 of them."""
    assert not outcome(name, number, 35, with_more=more).startswith("FAULT")
