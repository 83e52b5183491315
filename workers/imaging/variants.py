"""New files of an image in another format, at other widths: upright, with its colors and an XMP packet."""

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

import decoding

# Quality by preset, from the best to the smallest; PNG is lossless at the first three, then has 256 colors.
_JPEG = {"maximum": 98, "very_high": 90, "high": 82, "medium": 75, "low": 60, "minimum": 35}
_AVIF = {"maximum": 80, "very_high": 65, "high": 55, "medium": 45, "low": 35, "minimum": 20}
_LOSSLESS = {"maximum", "very_high", "high"}
PRESETS = tuple(_JPEG)
FORMATS = ("webp", "avif", "jpeg", "png", "original")
_SUFFIXES = {"jpeg": "jpg"}
# Pixels of a side that the formats can hold.
_MOST = {"webp": 16_383, "jpeg": 65_500}
# A JPEG holds XMP in one segment; larger packets are left out of it.
_JPEG_XMP_BYTES = 65_502
# Profiles of cameras and displays; those of printers are larger, and their images become sRGB.
_MOST_PROFILE_BYTES = 2**16
# libaom takes 21 bytes a pixel: one image at a time, by several threads.
_avif_lock = threading.Lock()
_AVIF_THREADS = max(1, (os.cpu_count() or 1) // 2)
_KEPT = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}


class TooLargeForFormat(Exception):
    def __init__(self, format: str, most: int) -> None:
        super().__init__(f"An image of the format {format} may have {most} pixels a side; this one has more.")


@dataclass(frozen=True, slots=True)
class Variant:
    """`name`: `full`, or the width as `768w`."""

    name: str
    suffix: str
    data: bytes
    width: int
    height: int


def make_variants(
    data: bytes,
    *,
    format: str,
    preset: str,
    widths: Sequence[int],
    packet: bytes,
    limits: decoding.Limits,
    most_side: int = 0,
) -> list[Variant]:
    """Return the image at its size, then at each width that is smaller; an animation's or a document's first frame.

    With `most_side` its longer side has at most so many pixels.

    `format` is one of FORMATS: `original` keeps JPEG, PNG, WebP and AVIF, others become JPEG, or PNG with transparency.
    Raises decoding.Undecodable and TooLargeForFormat.
    """
    made, problem = list[Variant](), None
    with decoding.opened(io.BytesIO(data), limits) as opened:
        scale = min(1.0, most_side / max(opened.size)) if most_side else 1.0
        loaded = opened.load(scale)
        image, profile = _colors(loaded, scale)
        chosen = _format(format, opened.format, image)
        try:
            made = list(_encoded(image, chosen, preset, widths, profile, packet))
        except Exception as error:  # noqa: BLE001 (of an encoder: `opened` would take it for one of the decoder)
            problem = error
    if problem is not None:
        raise problem
    return made


def _colors(loaded: decoding.LoadedImage, scale: float) -> tuple[Image.Image, bytes | None]:
    """Return the upright image as RGB or RGBA in its own colors with their profile, or in sRGB without one."""
    profile = loaded.profile if loaded.image.mode in {"RGB", "RGBA", "P", "PA"} else None
    kept = profile if profile and _is_kept(profile) else None
    shown = loaded._replace(profile=None) if kept else loaded
    return loaded.upright(shown.rendered(loaded.scaled(scale))), kept


def _is_kept(profile: bytes) -> bool:
    if len(profile) > _MOST_PROFILE_BYTES or profile[16:20] != b"RGB " or profile[36:40] != b"acsp":
        return False
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError:
        return False
    return True


def _format(asked: str, format: str, image: Image.Image) -> str:
    return asked if asked != "original" else _KEPT.get(format) or ("png" if image.mode == "RGBA" else "jpeg")


def _encoded(
    image: Image.Image, format: str, preset: str, widths: Sequence[int], profile: bytes | None, packet: bytes
) -> Iterator[Variant]:
    most = _MOST.get(format)
    if most and max(image.size) > most:
        raise TooLargeForFormat(format, most)
    encode, suffix = _ENCODERS[format], _SUFFIXES.get(format, format)
    for width in (image.width, *sorted(one for one in set(widths) if one < image.width)):
        height = max(1, round(image.height * width / image.width))
        name = "full" if width == image.width else f"{width}w"
        small = decoding.resized(image, (width, height))
        yield Variant(name, suffix, encode(small, preset, {"icc_profile": profile}, packet), width, height)


def _jpeg(image: Image.Image, preset: str, options: dict[str, Any], packet: bytes) -> bytes:
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    quality = _JPEG[preset]
    subsampling = 0 if quality >= 90 else 2
    if 0 < len(packet) <= _JPEG_XMP_BYTES:
        options["xmp"] = packet
    return _saved(image, "JPEG", **options, quality=quality, subsampling=subsampling, progressive=True)


def _webp(image: Image.Image, preset: str, options: dict[str, Any], packet: bytes) -> bytes:
    return _saved(image, "WEBP", **options, xmp=packet, quality=_JPEG[preset], method=4)


def _avif(image: Image.Image, preset: str, options: dict[str, Any], packet: bytes) -> bytes:
    with _avif_lock:
        options |= {"xmp": packet, "quality": _AVIF[preset], "speed": 6, "max_threads": _AVIF_THREADS}
        return _saved(image, "AVIF", **options)


def _png(image: Image.Image, preset: str, options: dict[str, Any], packet: bytes) -> bytes:
    if preset not in _LOSSLESS:
        image = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    info = PngImagePlugin.PngInfo()
    if packet:
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
    return _saved(image, "PNG", **options, pnginfo=info)


_Encoder = Callable[[Image.Image, str, dict[str, Any], bytes], bytes]
_ENCODERS: dict[str, _Encoder] = {"jpeg": _jpeg, "webp": _webp, "avif": _avif, "png": _png}


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
