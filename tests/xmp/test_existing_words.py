"""Words that EXIF and IIM hold before anything is written: encodings, what they are, and that they are kept."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import xmp
from tests import images
from tests.hostile.mutated_words import pixels
from tests.xmp.exif_images import FORMATS, exif, windows, with_exif
from tests.xmp.test_embedding import EXIFTOOL, LATER, MODEL, WORDS, exiftool
from xmp import iim
from xmp.containers.exif_texts import read_texts
from xmp.exif import Tag, exif_words

D, T = xmp.Field.DESCRIPTION, xmp.Field.TITLE
REPLACE = dict.fromkeys(xmp.Field, xmp.OnExisting.REPLACE)
APPEND = dict.fromkeys(xmp.Field, xmp.OnExisting.APPEND)
PERSONS = "Grandmother in Bern"


def description(tag: Tag, data: bytes, order: str = "<") -> str:
    return exif_words(read_texts(exif({tag: data}, order))).words.text(D)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_format_with_exif_has_its_words(format: str, order: str) -> None:
    data = with_exif(
        {Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern\0", Tag.XP_KEYWORDS: windows("a; b;a")}, format, order
    )

    words = xmp.read(data).words

    assert (words.text(D), words.keywords) == (PERSONS, ("a", "b"))
    assert xmp.read_exif(data) == words


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"A cat\0", "A cat"),
        (b"A cat", "A cat"),
        (b"A cat   \0\0\0\0", "A cat"),
        (b"A cat\0garbage", "A cat"),
        (b"\0\0\0\0A cat", ""),
        ("Größe\0".encode(), "Größe"),
        ("Größe\0".encode("latin-1"), "Größe"),
        ("“Quoted” é".encode("cp1252"), "“Quoted” é"),
        ("祖母".encode(), "祖母"),
        ("祖母と猫".encode()[:-1], "祖母と"),
        (b"A\x01\x02 cat\r\n", "A cat"),
        (b"\xef\xbb\xbfA cat", "A cat"),
        (b"", ""),
        (b"Cat", "Cat"),
    ],
)
def test_an_image_description_is_ascii_utf_8_or_latin_1(data: bytes, text: str) -> None:
    assert description(Tag.IMAGE_DESCRIPTION, data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (windows("Größe 祖母 😀"), "Größe 祖母 😀"),
        (windows("A cat")[:-2], "A cat"),
        (windows("A cat") + b"\xff\xd8", "A cat"),
        (windows("A cat")[:-3], "A ca"),
        (b"\xff\xfe" + windows("A cat"), "A cat"),
        (b"a", ""),
        (b"\0\0\0\0", ""),
    ],
)
@pytest.mark.parametrize("tag", [Tag.XP_COMMENT, Tag.XP_SUBJECT])
def test_the_texts_of_windows_are_utf_16(tag: Tag, data: bytes, text: str) -> None:
    assert description(tag, data, ">") == text


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"ASCII\0\0\0A cat  \0\0", "A cat"),
        (b"ASCII\0\0\0" + "Größe".encode(), "Größe"),
        (b"ASCII\0\0\0" + "Größe".encode("latin-1"), "Größe"),
        (b"UNICODE\0" + "Größe".encode("utf-16-le"), "Größe"),
        (b"UNICODE\0" + "Größe".encode("utf-16-be") + bytes(8), "Größe"),
        (b"UNICODE\0\xfe\xff" + "祖母".encode("utf-16-be"), "祖母"),
        (b"UNICODE\0\xff\xfe" + "祖母".encode("utf-16-le"), "祖母"),
        (b"UNICODE\0A cat in UTF-8", "A cat in UTF-8"),
        (b"JIS\0\0\0\0\0" + "祖母と猫".encode("iso2022_jp"), "祖母と猫"),
        (b"JIS\0\0\0\0\0" + "祖母と猫".encode("cp932") + b"\0", "祖母と猫"),
        (bytes(8) + b"A cat", "A cat"),
        (bytes(8) + b"\x01\x02\x03\x90\x91", ""),
        (b"A comment without a code", "A comment without a code"),
        (b"MAKER\x01\x02\x03\x04", ""),
        (b"ASCII\0\0\0" + b" " * 200, ""),
        (b"ASCII\0\0\0" + bytes(200), ""),
        (b"ASCII\0\0\0oplus_1048864", ""),
        (b"", ""),
    ],
)
def test_a_user_comment_has_the_character_code_that_it_names(order: str, data: bytes, text: str) -> None:
    assert description(Tag.USER_COMMENT, data, order) == (text)


@pytest.mark.parametrize("order", ["<", ">"])
def test_utf_16_without_a_mark_is_in_the_order_of_the_file_where_nothing_else_shows_it(order: str) -> None:
    encoding = "utf-16-le" if order == "<" else "utf-16-be"

    assert description(Tag.USER_COMMENT, b"UNICODE\0" + "祖母と猫".encode(encoding), order) == "祖母と猫"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(list(Tag)), st.sampled_from("<>"))
def test_any_bytes_are_text_or_none(data: bytes, tag: Tag, order: str) -> None:
    for text in exif_words(read_texts(exif({tag: data}, order))).words.texts.values():
        assert "\0" not in text["x-default"]
        text["x-default"].encode()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_structure_that_is_damaged_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    whole = bytearray(exif({Tag.IMAGE_DESCRIPTION: b"A cat on a chair", Tag.USER_COMMENT: b"ASCII\0\0\0A dog"}))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))

    exif_words(read_texts(bytes(whole[: data.draw(st.integers(0, len(whole)))])))


def test_of_several_descriptions_the_first_that_is_not_the_title_counts() -> None:
    texts: dict[int, bytes] = {
        Tag.IMAGE_DESCRIPTION: b"Summer",
        Tag.XP_TITLE: windows("Summer"),
        Tag.XP_COMMENT: windows("At the lake"),
        Tag.USER_COMMENT: b"UNICODE\0" + "Another".encode("utf-16-le"),
        Tag.XP_SUBJECT: windows("Holidays"),
    }

    words = exif_words(read_texts(exif(texts))).words

    assert (words.text(T), words.text(D)) == ("Summer", "At the lake")
    assert description(Tag.IMAGE_DESCRIPTION, b"SONY DSC") == ""
    of_others = exif({Tag.IMAGE_DESCRIPTION: b"SONY DSC", Tag.USER_COMMENT: b"ASCII\0\0\0By a person"})
    assert exif_words(read_texts(of_others)).words.text(D) == "By a person"


@pytest.mark.parametrize("format", FORMATS)
def test_a_persons_description_is_kept_and_copied_into_the_xmp(format: str, tmp_path: Path) -> None:
    data = with_exif({Tag.IMAGE_DESCRIPTION: PERSONS.encode(), Tag.MAKE: b"Nokia"}, format)

    written = xmp.write(data, WORDS, MODEL).data

    found = xmp.read(written)
    assert (found.words.text(D), found.words.text(xmp.Field.ALT)) == (PERSONS, WORDS.text(xmp.Field.ALT))
    assert D not in {record.field for record in found.records}
    assert xmp.read_exif(written).text(D) == PERSONS
    assert pixels(written) == pixels(data)
    assert xmp.write(written, WORDS, LATER).data is written
    if EXIFTOOL:
        read = exiftool(written, tmp_path)
        assert (read["XMP-dc:Description"], read["IFD0:ImageDescription"]) == (PERSONS, PERSONS)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG"])
def test_a_description_is_appended_to_or_replaced_on_purpose(format: str) -> None:
    data, model = with_exif({Tag.IMAGE_DESCRIPTION: PERSONS.encode()}, format), WORDS.text(D)

    appended = xmp.write(data, WORDS, MODEL, policy=APPEND, with_exif=True).data
    replaced = xmp.write(data, WORDS, MODEL, policy=REPLACE).data
    everywhere = xmp.write(data, WORDS, MODEL, policy=REPLACE, with_exif=True).data

    assert xmp.read(appended).words.text(D) == f"{PERSONS}. {model}"
    assert xmp.read_exif(appended).text(D) == (PERSONS if format == "PNG" else f"{PERSONS}. {model}")
    assert (xmp.read(replaced).words.text(D), xmp.read_exif(replaced).text(D)) == (model, PERSONS)
    assert xmp.read_exif(everywhere).text(D) == (PERSONS if format == "PNG" else model)


@pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA", "SONY DSC"])
def test_a_cameras_text_gives_way_in_xmp_iim_and_exif(text: str) -> None:
    data = with_exif({Tag.IMAGE_DESCRIPTION: text.encode()})
    persons = xmp.Provenance("", "", persons=frozenset(xmp.Field))
    data = xmp.write(data, xmp.Words({D: {"x-default": text}}), persons, with_iim=True).data
    alt = xmp.Words({xmp.Field.ALT: {"x-default": "An alt"}})

    assert not xmp.read(data).words
    written = xmp.write(data, WORDS, MODEL, with_exif=True).data
    assert written.count(text.encode()) == 1  # bytes of EXIF to which nothing refers any more
    assert xmp.read(written).words.text(D) == xmp.read_exif(written).text(D) == WORDS.text(D)
    assert xmp.write(written, WORDS, LATER, with_exif=True).data is written
    # Without a description of its own it stays, as all other metadata.
    assert xmp.write(data, alt, MODEL).data.count(text.encode()) == 3


def test_words_of_xmp_count_before_those_of_exif() -> None:
    persons = xmp.Words({D: {"x-default": "In XMP"}})
    data = xmp.write(with_exif({Tag.IMAGE_DESCRIPTION: b"In EXIF"}), persons, MODEL, policy=REPLACE).data

    assert xmp.read(data).words.text(D) == "In XMP"
    assert xmp.read_exif(data).text(D) == "In EXIF"


@pytest.mark.parametrize("text", ["祖母と猫がいる".encode("cp932"), b"word " * 3_000])
@pytest.mark.parametrize("policy", [xmp.DEFAULT_POLICY, APPEND])
def test_a_text_in_an_unknown_encoding_or_a_very_long_one_stays_in_exif_alone(text: bytes, policy: xmp.Policy) -> None:
    data = with_exif({Tag.IMAGE_DESCRIPTION: text})
    assert xmp.read(data).words.text(D)

    written = xmp.write(data, WORDS, MODEL, policy=policy, with_exif=True).data
    beside = xmp.write_sidecar(None, WORDS, MODEL, policy=policy, beside=xmp.read(data)).data

    assert b"dc:description" not in written
    assert text in written
    assert xmp.read(written).words.text(xmp.Field.ALT) == WORDS.text(xmp.Field.ALT)
    assert b"dc:description" not in beside
    assert xmp.read(xmp.write(data, WORDS, MODEL, policy=REPLACE).data).words.text(D) == WORDS.text(D)


def test_a_sidecar_keeps_what_a_person_wrote_into_the_file() -> None:
    data = with_exif({Tag.IMAGE_DESCRIPTION: PERSONS.encode(), Tag.XP_KEYWORDS: windows("bern")})
    model = xmp.write(data, WORDS, MODEL).data

    sidecar = xmp.write_sidecar(None, WORDS, MODEL, beside=xmp.read(data)).data
    later = xmp.write_sidecar(None, xmp.Words({T: {"x-default": "New"}}), LATER, beside=xmp.read(model)).data

    found = xmp.read_sidecar(sidecar)
    assert (found.words.text(D), found.words.keywords) == (PERSONS, ("bern", "cat", "dog", "Köter"))
    assert D not in {record.field for record in found.records}
    assert xmp.read_sidecar(later).words.text(T) == "New"  # the title in the file was a model's


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
def test_what_exiftool_writes_is_read(suffix: str, order: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    format = {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    path.write_bytes(images.encode(Image.new("RGB", (40, 30), "red"), format))
    for tag, text in (("UserComment", "Größe 祖母"), ("ImageDescription", "Größe"), ("XPTitle", "Größe 祖母")):
        arguments = ["exiftool", "-overwrite_original", f"-ExifByteOrder={order}", f"-{tag}={text}", str(path)]
        subprocess.run(arguments, check=True, capture_output=True, timeout=60)
        words = xmp.read(path.read_bytes()).words
        assert words.text(T if tag == "XPTitle" else D) == text


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_iim_without_a_mark_is_utf_8_where_it_is_valid_else_latin_1(encoding: str) -> None:
    title = "Größe".encode(encoding)
    block = b"\x1c\x02\x05" + len(title).to_bytes(2) + title

    words, _ = iim.read_words([iim.Resource(0x0404, b"\0\0", block)])

    assert words.text(T) == "Größe"
