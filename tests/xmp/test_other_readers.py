"""What WordPress and digiKam read of our files, by their own rules: the table of docs/folders.md."""

import pytest

import xmp
from tests.hostile.mutated_words import WRITABLE
from tests.hostile.mutations import valid_images
from tests.images import jpeg
from tests.xmp.exif_images import with_exif
from tests.xmp.other_readers import ReadWords, digikam, wordpress
from tests.xmp.test_embedding import MODEL
from xmp.containers import container_of
from xmp.exif import Tag
from xmp.packet import EMPTY_PACKET

TITLE, ALT, KEYWORDS = "Cat on a Chair", "A tabby cat on a red chair", ("cat", "Köter")
CAPTION = "A tabby cat sits on a red chair, beside a window that looks over the roofs of Bern, and sleeps."
DESCRIPTION = "A tabby cat sits on a red chair. It is asleep."
METADATA = {"title": TITLE, "alt": ALT, "caption": CAPTION, "description": DESCRIPTION, "seoTags": list(KEYWORDS)}
GERMAN = {"title": "Katze auf dem Stuhl", "alt": "Eine Katze auf einem Stuhl", "caption": "Eine Katze schläft."}
WORDS = xmp.words_of_metadata(METADATA, {"de": GERMAN})


def written(name: str, *, with_iim: bool = False, with_exif: bool = False) -> bytes:
    return xmp.write(valid_images()[name], WORDS, MODEL, with_iim=with_iim, with_exif=with_exif).data


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "jpeg cmyk", "mpo"])
def test_wordpress_reads_title_caption_alt_and_keywords_of_a_jpeg_with_iim(name: str) -> None:
    assert wordpress(written(name, with_iim=True)) == ReadWords(TITLE, CAPTION, ALT, KEYWORDS)


@pytest.mark.parametrize("name", WRITABLE)
def test_wordpress_reads_the_alt_of_every_format_and_nothing_else_of_xmp(name: str) -> None:
    assert wordpress(written(name)) == ReadWords(alt=ALT)


@pytest.mark.parametrize(
    ("locale", "alt"), [("de_DE", GERMAN["alt"]), ("de_CH", GERMAN["alt"]), ("de", GERMAN["alt"]), ("fr_FR", ALT)]
)
def test_wordpress_reads_the_alt_in_the_language_of_the_site(locale: str, alt: str) -> None:
    assert wordpress(written("webp"), locale).alt == alt


@pytest.mark.parametrize("name", ["jpeg", "tiff"])
def test_wordpress_takes_a_short_caption_of_exif_for_the_title(name: str) -> None:
    short = xmp.words_of_metadata({**METADATA, "caption": "A tabby cat sleeps."})
    data = xmp.write(valid_images()[name], short, MODEL, with_exif=True).data

    assert wordpress(data) == ReadWords("A tabby cat sleeps.", "A tabby cat sleeps.", ALT)
    assert wordpress(written(name, with_exif=True)) == ReadWords("", CAPTION, ALT)


@pytest.mark.parametrize("name", WRITABLE)
def test_digikam_reads_title_caption_and_tags_of_every_format(name: str) -> None:
    assert digikam(written(name)) == ReadWords(TITLE, CAPTION, "", KEYWORDS)


def test_digikam_reads_a_sidecar_without_its_file() -> None:
    file = with_exif({Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"})
    sidecar = xmp.write_sidecar(None, WORDS, MODEL, beside=xmp.read(file)).data

    assert digikam(file, sidecar) == ReadWords(TITLE, "Grandmother in Bern", "", KEYWORDS)


def test_a_persons_caption_of_exif_is_what_both_read_also_after_writing() -> None:
    file = with_exif({Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern", Tag.USER_COMMENT: b"ASCII\0\0\0At the lake"})

    for data in (file, xmp.write(file, WORDS, MODEL).data, xmp.write(file, WORDS, MODEL, with_iim=True).data):
        assert digikam(data).caption == "Grandmother in Bern"
        assert wordpress(data).caption in {"At the lake", "Grandmother in Bern"}


def test_digikam_reads_a_persons_hierarchical_tags_in_place_of_ours() -> None:
    packet = EMPTY_PACKET.replace(
        b" </rdf:RDF>",
        b'<rdf:Description rdf:about="" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><lr:hierarchicalSubject><rdf:Bag>'
        b"<rdf:li>animals|cat</rdf:li></rdf:Bag></lr:hierarchicalSubject></rdf:Description></rdf:RDF>",
    )
    data = container_of(jpeg()).write(jpeg(), packet)

    assert digikam(xmp.write(data, WORDS, MODEL).data).keywords == ("animals|cat",)
