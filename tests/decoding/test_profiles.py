"""Colors are those of the ICC profile, in every format that has one; broken and unfit profiles are ignored."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from decoding.profiles import to_srgb
from tests.decoding import files
from tests.decoding.files import BLUE, RED, encoded, matrix_profile, png_chunk, png_with, solid
from tests.decoding.readings import decoded, read
from tests.workers.imaging.test_decoding import HEIC

SWAPPED = matrix_profile()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_profile_is_applied(file_format: str) -> None:
    assert read(encoded(solid(BLUE), file_format, icc_profile=SWAPPED)).shows(RED, 30)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_profile_is_applied_below_transparency(file_format: str) -> None:
    image = solid((*BLUE, 255), "RGBA")
    image.paste((*BLUE, 0), (0, 0, 8, 8))
    options = {"lossless": True} if file_format == "WEBP" else {}
    assert read(encoded(image, file_format, icc_profile=SWAPPED, **options)).shows(RED, 30)


def test_profile_is_applied_to_palettes_large_images_and_other_orientations() -> None:
    assert read(encoded(solid(BLUE).quantize(4), "PNG", icc_profile=SWAPPED)).shows(RED, 30)
    turned = Image.Exif()
    turned[0x0112] = 6
    reading = read(encoded(solid(BLUE, size=(1600, 1200)), "JPEG", icc_profile=SWAPPED, exif=turned))
    assert reading.size == (1200, 1600)
    assert reading.shows(RED, 30)


def test_profile_of_animations_is_applied() -> None:
    for file_format in ("WEBP", "PNG", "AVIF"):
        options = {"save_all": True, "append_images": [solid((20, 20, 30))], "duration": 100}
        assert read(encoded(solid(BLUE), file_format, icc_profile=SWAPPED, **options)).shows(RED, 30)


def test_profile_of_bmp_and_gif_is_applied() -> None:
    assert read(files.bmp_with_profile(SWAPPED)).shows(RED, 30)
    blocks = b"".join(
        bytes([len(SWAPPED[at : at + 255])]) + SWAPPED[at : at + 255] for at in range(0, len(SWAPPED), 255)
    )
    extension = b"\x21\xff\x0bICCRGBG1012" + blocks + b"\0"
    assert read(files.gif((40, 30), (0, 0, 40, 30, 2), extension=extension)).shows(RED, 30)


def test_profile_of_heic_is_applied() -> None:
    """The colr box of the only HEIC that tests have cannot hold a profile without moving all offsets behind it."""
    grown = _with_profile(HEIC, SWAPPED)
    left, right = (decoded(grown).pixels[16, x].astype(int) for x in (8, 56))
    assert abs(left - (0, 0, 255)).max() < 40
    assert abs(right - (255, 0, 0)).max() < 40


def _with_profile(data: bytes, profile: bytes) -> bytes:
    """Put a profile in place of the color description of a HEIC with one item."""
    at = data.index(b"colrnclx") - 4
    old = int.from_bytes(data[at : at + 4])
    box = (12 + len(profile)).to_bytes(4) + b"colrprof" + profile
    grown = bytearray(data[:at] + box + data[at + old :])
    growth = len(box) - old
    for kind in (b"meta", b"iprp", b"ipco"):
        start = grown.index(kind) - 4
        grown[start : start + 4] = (int.from_bytes(grown[start : start + 4]) + growth).to_bytes(4)
    # iloc version 0: the extent's offset is the second last word.
    start = grown.index(b"iloc") - 4
    end = start + int.from_bytes(grown[start : start + 4])
    grown[end - 8 : end - 4] = (int.from_bytes(grown[end - 8 : end - 4]) + growth).to_bytes(4)
    return bytes(grown)


def test_profile_of_grey_images_is_applied() -> None:
    linear = matrix_profile(gamma=1.0, space=b"GRAY")
    for mode, color in (("L", 55), ("LA", (55, 255))):
        for file_format in ("PNG", "TIFF"):
            reading = read(encoded(solid(color, mode), file_format, icc_profile=linear))
            assert reading.shows((128, 128, 128), 6), (mode, file_format)
    assert read(encoded(solid(55, "L"), "JPEG", icc_profile=linear)).shows((128, 128, 128), 6)
    samples = np.full((30, 40), 55 * 257, np.uint16)
    samples[0, 0] = 65535  # all 16 bits are in use
    data = encoded(Image.fromarray(samples), "PNG")
    assert read(png_with(png_chunk(b"iCCP", b"linear\0\0" + zlib.compress(linear)), data=data)).shows((128,) * 3, 8)


def test_grey_image_with_the_profile_of_a_color_image() -> None:
    linear = matrix_profile("rgb", gamma=1.0)
    assert read(encoded(solid(55, "L"), "JPEG", icc_profile=linear)).shows((128, 128, 128), 6)


def test_lab_is_converted() -> None:
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    image = ImageCms.applyTransform(solid(RED), to_lab)
    assert image is not None
    profile = ImageCms.ImageCmsProfile(lab).tobytes()
    assert read(encoded(image, "TIFF")).shows(RED, 6)
    assert read(encoded(image, "TIFF", icc_profile=profile)).shows(RED, 6)


@pytest.mark.parametrize(
    "profile",
    [
        b"\xee" * 300,
        SWAPPED[:100],
        SWAPPED[:200],
        SWAPPED[:20] + b"Lab " + SWAPPED[24:],
        matrix_profile(space=b"GRAY"),
        SWAPPED.replace(b"mntr", b"link", 1),
        SWAPPED.replace(b"mntr", b"nmcl", 1),
        SWAPPED.replace(b"RGB ", b"CMYK", 1),
        SWAPPED + b"mpet",
        SWAPPED + bytes(2**22),
    ],
)
def test_broken_and_unfit_profiles_are_ignored(profile: bytes) -> None:
    for file_format in ("PNG", "JPEG"):
        reading = read(encoded(solid(), file_format, icc_profile=profile))
        assert reading.size == files.SIZE
        assert reading.shows(RED) or profile[16:24] == b"RGB Lab "


def test_srgb_profile_changes_no_pixel() -> None:
    image = Image.effect_noise((64, 64), 90).convert("RGB")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert to_srgb(image, srgb).tobytes() == image.tobytes()


def test_cmyk_with_a_profile_of_another_space_is_converted_without() -> None:
    data = encoded(solid((0, 220, 220, 20), "CMYK"), "JPEG", icc_profile=SWAPPED)
    assert read(data) == read(encoded(solid((0, 220, 220, 20), "CMYK"), "JPEG"))


def test_segments_of_a_jpeg_profile_are_joined_by_number() -> None:
    first, second = SWAPPED[:200], SWAPPED[200:]
    parts = [files.jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([number, 2]) + part)
             for number, part in ((2, second), (1, first))]  # fmt: skip
    blue = encoded(solid(BLUE), "JPEG")
    assert read(files.jpeg_with(*parts, data=blue)).shows(RED, 30)
    assert read(files.jpeg_with(parts[0], data=blue)).shows(BLUE)
    assert Image.open(io.BytesIO(blue)).format == "JPEG"
