"""AVIF and HEIC with several images, tiles, thumbnails, depth, sequences and films behind them."""

import io
from pathlib import Path

import pytest
from PIL import Image

import xmp
from tests.hostile.mutated_words import pixels
from tests.xmp.bmff_images import Reference, coded, depth, file_of, grid, sequence
from tests.xmp.test_embedding import EXIFTOOL, LATER, MODEL, WORDS, exiftool
from tests.xmp.test_formats import REPLACE, alt_of
from xmp.containers import container_of
from xmp.containers.bmff.file import parsed
from xmp.containers.bmff.index import extents
from xmp.containers.bmff.items import box

RED, BLUE, GREEN = coded("red"), coded("blue"), coded("green")
FILM = box(b"mpvd", box(b"ftyp", b"mp42" + bytes(4)) + box(b"mdat", bytes(range(200))))
FILES = {
    "burst": file_of([RED, BLUE, GREEN], [], 1),
    "burst, the last is primary": file_of([RED, BLUE, GREEN], [], 3),
    "grid": file_of([RED, BLUE, grid(2)], [Reference(b"dimg", 3, (1, 2))], 3),
    "thumbnail": file_of([RED, BLUE], [Reference(b"thmb", 2, (1,))], 1),
    "depth": file_of([RED, depth("blue")], [Reference(b"auxl", 2, (1,))], 1),
    "film": file_of([RED], [], 1, FILM),
    "sequence": sequence(),
    "sequence with EXIF": sequence(exif=b"II*\0\x08\0\0\0" + bytes(6)),
    "sequence with XMP": sequence(xmp=xmp.write_sidecar(None, alt_of(300), MODEL).data),
    "sequence with alpha": sequence(alpha=True),
}
SEQUENCES = [name for name in FILES if name.startswith("sequence")]


def items(data: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Return kind and data of each item that is no XMP."""
    index = parsed(data).index
    return {
        one.number: (one.kind, b"".join(extents(data, index, one.number))) for one in index.items if one.kind != b"mime"
    }


@pytest.mark.parametrize("name", FILES)
def test_all_images_and_items_stay_and_the_words_are_those_of_the_primary_image(name: str, tmp_path: Path) -> None:
    data = FILES[name]
    for words in (WORDS, alt_of(9_000), alt_of(200)):
        written = xmp.write(data, words, LATER, policy=REPLACE).data

        file = parsed(written)
        (packet,) = file.xmp_items
        assert xmp.read(written).words.text(xmp.Field.ALT) == words.text(xmp.Field.ALT)
        assert file.described[packet.number] == {file.primary} == {parsed(FILES[name]).primary}
        assert items(written) == items(FILES[name])
        assert pixels(written) == pixels(FILES[name])
        assert xmp.fingerprint(written) == xmp.fingerprint(FILES[name])
        assert written.count(b"<?xpacket begin") == 1
        if EXIFTOOL:
            found = exiftool(written, tmp_path, "-all", "-validate")
            assert found["XMP-iptcCore:AltTextAccessibility"] == words.text(xmp.Field.ALT)
            assert "ExifTool:Warning" not in found
        data = written


def test_a_film_stays_behind_everything_else() -> None:
    written = xmp.write(xmp.write(FILES["film"], WORDS, MODEL).data, alt_of(9_000), LATER).data

    assert written.endswith(FILM)
    assert parsed(written).outer[-2].name == b"mdat"


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_reader_of_the_sequence_finds_the_words(name: str) -> None:
    written = xmp.write(FILES[name], WORDS, MODEL, policy=REPLACE).data

    with Image.open(io.BytesIO(written)) as image:
        assert getattr(image, "n_frames", 1) == 3
        assert image.info["xmp"] == container_of(written).read(written).packet
    assert [len(index.xmp_items) for index in parsed(written).track_indexes] == [1]


def test_a_sequence_whose_track_has_other_words_is_refused() -> None:
    data = FILES["sequence with XMP"]
    iloc = parsed(data).track_indexes[0].inner[b"iloc"]
    packet = xmp.write_sidecar(None, alt_of(300), MODEL).data
    place = data.index(packet).to_bytes(4)
    at = data.index(place, iloc.start)
    other = data[:at] + (int.from_bytes(place) + 1).to_bytes(4) + data[at + 4 :]

    with pytest.raises(xmp.BrokenXmp, match="several XMP packets"):
        xmp.write(other, WORDS, MODEL)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (FILES["sequence"] + box(b"moof", b""), "unwritable_format"),
        (FILES["sequence"].replace(b"stco", b"stcx"), "unwritable_format"),
        (FILES["sequence"].replace(b"stsz", b"stz2"), "unwritable_format"),
        (FILES["sequence"].replace(b"meta", b"free", 1), "unwritable_format"),
        (FILES["burst"].replace(b"pitm\0\0\0\0\0\1", b"pitm\0\0\0\0\0\0"), "damaged_file"),
        (FILES["film"].replace(b"mdat", b"mpvd", 1), "unwritable_format"),
    ],
    ids=["fragments", "no offsets", "compact sizes", "film alone", "no primary image", "data behind the end"],
)
def test_what_cannot_be_written_is_refused_with_a_sidecar_offered(data: bytes, code: str) -> None:
    with pytest.raises(xmp.XmpError, match=r"(?i)use a sidecar") as refused:
        xmp.write(data, WORDS, MODEL)

    assert refused.value.code == code
