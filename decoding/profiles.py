"""Convert colors to sRGB by the ICC profile of an image.

A profile that is broken, or of another color space than the image, is ignored.
"""

import io
from functools import lru_cache
from itertools import product

from PIL import Image, ImageChops, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
# By mode. Grey images may have the profile of the color image that they were made from.
_SPACES = {"L": ("GRAY", "RGB "), "RGB": ("RGB ",), "CMYK": ("CMYK",)}
# Input, display, output and color space; not links and named colors.
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_MAX_BYTES = 2**22
# A chain of processing elements may be as long as the file, and is evaluated for each color.
_CHAIN = b"mpet"
# 8-bit steps. Smaller changes are rounding errors: most profiles are sRGB.
_MIN_CHANGE = 3


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an 8-bit image of any mode as RGB, or RGBA if it has transparency."""
    if not image.has_transparency_data:
        mode = {"1": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(image.mode, "RGB")
        return _opaque_to_srgb(_in_mode(image, mode), profile)
    with_alpha = image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
    if profile is None:
        return with_alpha
    is_grey = image.mode in {"1", "L", "LA", "La"}
    converted = _opaque_to_srgb(with_alpha.getchannel("R") if is_grey else with_alpha.convert("RGB"), profile)
    converted.putalpha(with_alpha.getchannel("A"))
    return converted


def _opaque_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return L, RGB, CMYK or LAB as RGB."""
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return _in_mode(image, "RGB")
    return ImageCms.applyTransform(_in_mode(image, transform.inputMode), transform) or image


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB, None if the profile does not fit or changes nothing that can be seen."""
    if profile[12:16] not in _CLASSES or len(profile) > _MAX_BYTES or _CHAIN in profile:
        return None
    space = profile[16:20].decode("latin-1")
    if space not in _SPACES[mode]:
        return None
    source = "RGB" if space == "RGB " else mode
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(opened, _SRGB, source, "RGB", ImageCms.Intent.PERCEPTUAL)
        return transform if _changes_colors(transform) else None
    except Exception:  # noqa: BLE001 (hostile bytes; a broken profile is ignored)
        return None


def _changes_colors(transform: ImageCms.ImageCmsTransform) -> bool:
    samples = _samples(transform.inputMode)
    converted = ImageCms.applyTransform(samples, transform)
    if converted is None:
        return False
    difference = ImageChops.difference(samples.convert("RGB"), converted).getextrema()
    return max(int(highest) for _, highest in difference) > _MIN_CHANGE  # type: ignore[misc]


def _samples(mode: str) -> Image.Image:
    """Return an image of colors over the whole range."""
    levels = range(0, 256, 51)
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    colors = [bytes(color) for color in product(levels, repeat=len(mode))]
    return Image.frombytes(mode, (len(colors), 1), b"".join(colors))
