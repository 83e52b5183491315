"""New files of an image: formats, presets, widths, colors and words."""

import io
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms

import xmp
from decoding import Limits, Undecodable
from forge.api import export_requests
from tests.images import animated_gif, encode, jpeg, noisy_jpeg, rotated_jpeg
from workers.imaging.variants import FORMATS, PRESETS, TooLargeForFormat, Variant, make_variants

LIMITS = Limits(pixels=50_000_000)
WORDS = xmp.Words({xmp.Field.ALT: {"x-default": "Ein Kätzchen"}}, ("cat",))
PACKET = xmp.write_sidecar(None, WORDS, xmp.Provenance("model", "2026-11-24T10:00:00Z")).data


def made(
    data: bytes, format: str = "webp", preset: str = "high", widths: Any = (), packet: bytes = b""
) -> list[Variant]:
    return make_variants(data, format=format, preset=preset, widths=widths, packet=packet, limits=LIMITS)


def read(variant: Variant) -> Image.Image:
    return Image.open(io.BytesIO(variant.data))


def test_requests_name_what_can_be_made() -> None:
    assert (export_requests.FORMATS, export_requests.PRESETS) == (FORMATS, PRESETS)


@pytest.mark.parametrize(
    ("format", "written", "suffix"),
    [("jpeg", "JPEG", "jpg"), ("png", "PNG", "png"), ("webp", "WEBP", "webp"), ("avif", "AVIF", "avif")],
)
@pytest.mark.parametrize("preset", PRESETS)
def test_each_format_has_its_words_at_each_preset(format: str, written: str, suffix: str, preset: str) -> None:
    [variant] = made(noisy_jpeg(), format, preset, packet=PACKET)

    image = read(variant)
    assert (image.format, image.size, variant.suffix) == (written, (320, 240), suffix)
    assert (variant.name, variant.width, variant.height) == ("full", 320, 240)
    packet: Any = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
    assert xmp.read_sidecar(packet.encode() if isinstance(packet, str) else packet).words == WORDS
    if format != "avif":
        assert xmp.read(variant.data).words == WORDS
    image.load()


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_a_lower_preset_is_smaller(format: str) -> None:
    sizes = [len(made(noisy_jpeg(), format, preset)[0].data) for preset in PRESETS]

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(PRESETS)


def test_png_is_lossless_or_has_a_palette() -> None:
    source = noisy_jpeg()

    high, medium = made(source, "png", "high")[0], made(source, "png", "medium")[0]

    assert ImageChops.difference(read(high), Image.open(io.BytesIO(source))).getbbox() is None
    assert read(medium).mode == "P"


def test_smaller_widths_come_after_the_whole_image_and_larger_ones_not_at_all() -> None:
    variants = made(noisy_jpeg((1000, 500)), widths=[480, 2000, 1000, 768, 480])

    assert [(one.name, one.width, one.height) for one in variants] == [
        ("full", 1000, 500), ("480w", 480, 240), ("768w", 768, 384),
    ]  # fmt: skip
    assert [read(one).size for one in variants] == [(one.width, one.height) for one in variants]


def test_the_longer_side_can_be_bounded() -> None:
    source = encode(Image.open(io.BytesIO(noisy_jpeg((900, 600)))).rotate(90, expand=True), "PNG")

    variants = make_variants(
        source, format="webp", preset="low", widths=[100, 500], packet=b"", limits=LIMITS, most_side=300
    )

    assert [(one.name, one.width, one.height) for one in variants] == [("full", 200, 300), ("100w", 100, 150)]
    assert made(source)[0].height == 900


def test_it_is_upright_without_orientation() -> None:
    [variant] = made(rotated_jpeg((64, 48)), "jpeg")

    assert read(variant).size == (48, 64)
    assert not read(variant).getexif()


def profile(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_colors_keep_their_profile(format: str) -> None:
    icc = profile("sRGB")
    wide = icc[:-4] + b"wide"  # another profile, byte for byte

    [variant] = made(jpeg("#c04030", icc_profile=wide), format, "maximum")

    assert read(variant).info["icc_profile"] == wide
    pixel = read(variant).convert("RGB").getpixel((20, 20))
    assert all(abs(a - b) < 6 for a, b in zip(pixel, (0xC0, 0x40, 0x30), strict=True))  # type: ignore[arg-type]


def test_other_color_spaces_become_srgb_without_a_profile() -> None:
    cmyk = encode(Image.new("CMYK", (30, 20), (0, 255, 255, 0)), "JPEG", icc_profile=profile("sRGB"))
    large = jpeg(icc_profile=profile("sRGB") + bytes(70_000))

    for source in (cmyk, large, encode(Image.new("L", (30, 20), 128), "JPEG")):
        image = read(made(source, "jpeg")[0])
        assert (image.mode, image.info.get("icc_profile")) == ("RGB", None)


def test_a_broken_profile_is_left_out() -> None:
    assert "icc_profile" not in read(made(jpeg(icc_profile=b"RGB " * 40), "jpeg")[0]).info


def test_transparency_is_kept_or_becomes_white() -> None:
    source = encode(Image.new("RGBA", (30, 20), (255, 0, 0, 0)), "PNG")

    assert read(made(source, "webp")[0]).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]
    assert read(made(source, "png", "low")[0]).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]
    assert read(made(source, "jpeg")[0]).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("source", "format"),
    [
        (jpeg(), "JPEG"),
        (encode(Image.new("RGB", (9, 9)), "WEBP"), "WEBP"),
        (encode(Image.new("L", (9, 9)), "PNG"), "PNG"),
        (encode(Image.new("RGB", (9, 9)), "AVIF"), "AVIF"),
        (encode(Image.new("RGB", (9, 9)), "BMP"), "JPEG"),
        (encode(Image.new("RGBA", (9, 9)), "TIFF"), "PNG"),
        (animated_gif(), "JPEG"),
    ],
)
def test_original_keeps_formats_of_the_web(source: bytes, format: str) -> None:
    assert read(made(source, "original")[0]).format == format


def test_what_cannot_be_made_is_said() -> None:
    wide = encode(Image.new("L", (17_000, 2)), "PNG")
    with pytest.raises(TooLargeForFormat, match="16383"):
        made(wide, "webp")
    assert made(wide, "png")[0].width == 17_000
    with pytest.raises(Undecodable):
        made(jpeg(size=(640, 480))[:-300])
