"""AVIF and HEIC: words in an item of their own, and what else is in the file stays."""

import pytest
from PIL import Image

import xmp
from tests import images
from tests.hostile.corpus.base import small
from tests.hostile.mutated_words import pixels
from tests.hostile.mutations import valid_images
from tests.xmp.test_embedding import LATER, MODEL, WORDS
from tests.xmp.test_formats import REPLACE, alt_of, tags
from xmp.containers.bmff.file import parsed
from xmp.containers.bmff.items import (
    Extent,
    Location,
    LocationTable,
    box,
    boxes,
    locations_bytes,
    moved,
    read_locations,
)


@pytest.mark.parametrize("name", ["avif", "heic"])
def test_only_the_index_changes_and_the_data_moves_as_a_whole(name: str) -> None:
    data = valid_images()[name]

    written = xmp.write(data, WORDS, MODEL).data

    before, after = parsed(data), parsed(written)
    growth = after.index.meta.end - before.index.meta.end
    assert written[: before.index.meta.start] == data[: before.index.meta.start]
    assert written[after.index.meta.end : len(data) + growth] == data[before.index.meta.end :]
    others = set(before.index.inner) - {b"iinf", b"iloc", b"iref"}
    assert [data[slice(*before.index.inner[one][1::2])] for one in others] == [
        written[slice(*after.index.inner[one][1::2])] for one in others
    ]


@pytest.mark.parametrize("name", ["avif", "heic"])
def test_longer_and_shorter_words_replace_those_that_were_appended(name: str) -> None:
    data = valid_images()[name]
    for length in (100, 4_000, 90_000, 50, 5_000):
        data = xmp.write(data, alt_of(length), LATER, policy=REPLACE).data
        assert xmp.read(data).words.text(xmp.Field.ALT) == alt_of(length).text(xmp.Field.ALT)
        assert pixels(data) == pixels(valid_images()[name])

    assert data.count(b"<?xpacket begin") == 1
    assert len(data) < 100_000


def test_xmp_between_other_items_is_replaced_behind_them_and_blanked() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    packet = xmp.write_sidecar(None, alt_of(40), MODEL).data
    data = images.encode(small(), "AVIF", exif=exif, xmp=packet)

    written = xmp.write(data, alt_of(9_000), LATER).data

    assert xmp.read(written).words == alt_of(9_000)
    assert (pixels(written), tags(written)[0x010F]) == (pixels(data), "maker")
    assert packet not in written
    assert xmp.fingerprint(written) == xmp.fingerprint(data)


def test_xmp_of_another_image_in_the_file_is_left_alone() -> None:
    gain_map = xmp.write_sidecar(None, xmp.Words({xmp.Field.TITLE: {"x-default": "Of a gain map"}}), MODEL).data
    data = images.encode(small(), "AVIF", xmp=gain_map)
    references = parsed(data).index.inner[b"iref"]
    place = references.end - 2  # what the XMP describes
    data = data[:place] + (9).to_bytes(2) + data[place + 2 :]

    written = xmp.write(data, WORDS, MODEL).data

    assert xmp.read(data).words == xmp.Words()
    assert xmp.read(written).words == WORDS
    assert gain_map in written
    assert pixels(written) == pixels(data)


def test_a_film_and_an_open_end_are_refused_in_words() -> None:
    avif = valid_images()["avif"]
    last = parsed(avif).outer[-1]
    for data in (avif + box(b"moof", b""), avif[: last.start] + bytes(4) + avif[last.start + 4 :]):
        with pytest.raises(xmp.UnwritableFormat, match="use a sidecar"):
            xmp.write(data, WORDS, MODEL)


def test_a_signed_avif_is_refused_without_force() -> None:
    manifest = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(40))
    data = valid_images()["avif"] + manifest

    with pytest.raises(xmp.SignedFile):
        xmp.write(data, WORDS, MODEL)

    assert xmp.read(xmp.write(data, WORDS, MODEL, force=True).data).words == WORDS


@pytest.mark.parametrize(("version", "sizes"), [(0, (4, 4, 0, 0)), (1, (8, 8, 4, 0)), (2, (4, 4, 8, 4))])
def test_every_form_of_the_index_is_read_as_it_is_written(version: int, sizes: tuple[int, int, int, int]) -> None:
    extents = (Extent(0, 500, 20), Extent(0, 10, 30))
    locations = tuple(Location(item, 0, 0, 1000 if sizes[2] else 0, extents) for item in (1, 7))
    table = LocationTable(version, bytes(3), *sizes, locations)
    data = locations_bytes(table)

    (found,) = boxes(data, 0, len(data))

    assert read_locations(data, found) == table
    later = moved(locations[0], 400, 33)
    assert later.base + later.extents[0].offset == locations[0].base + 533
