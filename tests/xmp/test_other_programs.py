"""Any sequence of writing, editing by exiftool, and writing again keeps what exiftool wrote."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xmp
from tests.hostile.mutated_words import pixels
from tests.hostile.mutations import valid_images
from tests.xmp.test_embedding import exiftool

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
FORMATS = ("jpeg", "mpo", "png", "webp", "webp lossless", "tiff", "tiff lzw", "gif", "avif")
# Properties of ours that a person may edit, and of others, in each form of XMP; IIM and EXIF.
EVERYWHERE = (
    "XMP-dc:Title",
    "XMP-dc:Description",
    "XMP-iptcCore:AltTextAccessibility",
    "XMP-photoshop:Headline",
    "XMP-dc:Creator",
    "XMP-dc:Rights",
    "XMP-xmp:Label",
    "XMP-photoshop:City",
    "XMP-lr:HierarchicalSubject",
    "XMP-iptcExt:LocationShownCity",
)
IN_JPEG_AND_TIFF = ("IPTC:By-line", "IPTC:City", "IFD0:Artist")
texts = st.text("aé寿& <\"'", min_size=1, max_size=12).map(lambda text: f"x{text}x")
writes = st.tuples(st.just("write"), st.integers(0, 9), st.sampled_from((10, 3_000)))
edits = st.tuples(st.just("edit"), st.integers(0, len(EVERYWHERE + IN_JPEG_AND_TIFF) - 1), texts)
keywords = st.tuples(st.just("keyword"), st.integers(0, 9), st.just(0))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FORMATS), st.lists(st.one_of(writes, edits, keywords), min_size=2, max_size=6), st.booleans())
def test_what_exiftool_wrote_is_kept(name: str, steps: list[tuple[str, int, Any]], with_iim: bool) -> None:
    data, theirs, added = valid_images()[name], dict[str, str](), set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for kind, number, value in [("write", 0, 10), *steps, ("write", 1, 10)]:
            if kind == "write":
                data = xmp.write(data, words(number, value), model(number), with_iim=with_iim).data
            elif kind == "edit":
                tag = (EVERYWHERE + IN_JPEG_AND_TIFF)[number]
                if tag in EVERYWHERE or name.startswith(("jpeg", "tiff")):
                    # exiftool writes IIM in Latin-1 where the file does not say otherwise.
                    theirs[tag] = value.replace("寿", "é") if tag.startswith("IPTC") else value
                    data = edited(data, Path(folder), f"-{tag}={theirs[tag]}")
            else:
                added.add(f"person {number}")
                data = edited(
                    data, Path(folder), f"-XMP-dc:Subject-=person {number}", f"-XMP-dc:Subject+=person {number}"
                )
            if kind == "write":
                found = exiftool(data, Path(folder))
                assert {tag: plain(found, tag) for tag in theirs} == theirs
                assert added <= set(found["XMP-dc:Subject"])
                assert f"model {number}" in found["XMP-dc:Subject"]
    assert pixels(data) == pixels(valid_images()[name])


def plain(found: Mapping[str, Any], tag: str) -> Any:
    """Return a value, that of a list of one, and of a structure's member."""
    if tag == "XMP-iptcExt:LocationShownCity":
        return found["XMP-iptcExt:LocationShown"][0]["City"]
    value = found.get(tag)
    return str(value[0] if isinstance(value, list) else value)


def words(number: int, length: int) -> xmp.Words:
    text = f"By model {number}. " + "word " * (length // 5)
    fields = {"title": "Title", "alt": text, "caption": text, "description": text, "seoTags": [f"model {number}"]}
    return xmp.words_of_metadata(fields)


def model(number: int) -> xmp.Provenance:
    return xmp.Provenance(f"m@{number}", "2026-01-01T00:00:00Z")


def edited(data: bytes, folder: Path, *arguments: str) -> bytes:
    path = folder / "edited"
    path.write_bytes(data)
    command = ["exiftool", "-overwrite_original", "-m", *arguments, str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path.read_bytes()
