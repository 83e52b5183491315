"""Decode image bytes to an upright RGB array."""

import io
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import decoding
from workers.imaging.blank import blank_color, has_detail
from workers.imaging.frames import JUDGED_SIDE, MAX_JUDGED, best_frame, judged_frames
from workers.imaging.sample_depth import combined, narrow_bits, sample_top, scaled_to_8_bits
from workers.imaging.tiles import cut_tiles, tile_scale, tile_spans
from workers.imaging.transparency import composite

# Enough for the embedded models. 12 megapixels are decoded at 1/8 scale, in three quarters of the time of 1/4.
MAX_SIDE = 448

_ORIENTATION_TAG = 0x0112
_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False, slots=True)
class DecodedImage:
    """`pixels` (h, w, 3) is upright, perhaps downscaled; `width` and `height` are the upright original's, in pixels.

    `frames` counts the file's frames or pages, of which this is one. `blank` is "" for an image with detail, else the
    name of its single color or "transparent" if nothing of it is visible. `tiles`: parts of an image longer than 2.5:1
    along its long side, each (h, w, 3) with its longer side at the scale of `pixels`.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    frames: int = 1
    tiles: tuple[NDArray[np.uint8], ...] = ()
    blank: str = ""


class _Loaded(NamedTuple):
    """A loaded image with the size in its header, which JPEG's draft mode reduces, and its EXIF orientation."""

    image: Image.Image
    width: int
    height: int
    orientation: int


def decode(data: bytes, *, limits: decoding.Limits, max_side: int = MAX_SIDE) -> DecodedImage:
    """Decode to 8 bits per channel: the most telling frame of an animation, the first page that is not blank.

    The choice does not depend on `max_side`. Transparency is composited on white, or on a dark ground where white would
    hide the subject. Raises decoding.Undecodable: Unsupported, Damaged, or TooLarge (decided by the header alone).
    """
    until = time.thread_time() + limits.seconds
    first, is_blank = _page(data, 0, limits, max_side)
    for index in range(1, min(first.frames, MAX_JUDGED)):
        seconds = until - time.thread_time()
        if not is_blank or seconds <= 0:
            break
        # A page that is damaged or too large ends the search.
        try:
            page, is_blank = _page(data, index, replace(limits, seconds=seconds), max_side)
        except decoding.Undecodable:
            break
        first = first if is_blank else page
    return first


def _page(data: bytes, index: int, limits: decoding.Limits, max_side: int) -> tuple[DecodedImage, bool]:
    """Decode one page, or an animation; return it and whether it is a blank page of several."""
    with decoding.opened(io.BytesIO(data), limits, index) as image:
        frames = decoding.frame_count(image, data)
        if frames > 1 and image.format in decoding.ANIMATIONS:
            return replace(_best_frame(image, frames, limits, max_side), frames=frames), False
        is_paged = frames > 1 and image.format in decoding.PAGED
        has_low_bytes = decoding.has_low_bytes(image)
        loaded = _load(image, max_side)
        bits = narrow_bits(image) if has_low_bytes else 16
        if bits == 16:
            return _rendered_page(loaded, max_side, frames, is_paged)
    with decoding.opened(io.BytesIO(data), limits, index, low_bytes=True) as low:
        low.load()
        loaded = loaded._replace(image=combined(loaded.image, low, bits))
        return _rendered_page(loaded, max_side, frames, is_paged)


def _rendered_page(loaded: _Loaded, max_side: int, frames: int, is_paged: bool) -> tuple[DecodedImage, bool]:
    return replace(_render(loaded, max_side), frames=frames), is_paged and not has_detail(_view(loaded))


def _best_frame(image: Image.Image, frames: int, limits: decoding.Limits, max_side: int) -> DecodedImage:
    return best_frame(
        image,
        judged_frames(*image.size, frames),
        limits,
        view=lambda: _view(_load(image, JUDGED_SIDE)),
        render=lambda: _render(_load(image, max_side), max_side),
    )


def _load(image: Image.Image, max_side: int) -> _Loaded:
    width, height = image.size
    # JPEG only: skips the frequencies above the target size.
    image.draft(None, _scaled(width, height, tile_scale(width, height, max_side)))
    image.load()
    # After load(): PNG may store EXIF behind the pixels; Pillow rotates TIFF itself.
    return _Loaded(image, width, height, _orientation(image))


def _view(loaded: _Loaded) -> NDArray[np.uint8]:
    """Return the image by which frames and pages are judged, without orientation."""
    scale = min(1.0, JUDGED_SIDE / max(loaded.width, loaded.height))
    return np.asarray(_as_rgb(loaded.image, _scaled(loaded.width, loaded.height, scale))[0])


def _render(loaded: _Loaded, max_side: int) -> DecodedImage:
    width, height = loaded.width, loaded.height
    large, is_invisible = _as_rgb(loaded.image, _scaled(width, height, tile_scale(width, height, max_side)))
    if loaded.orientation in _TRANSPOSE_BY_ORIENTATION:
        large = large.transpose(_TRANSPOSE_BY_ORIENTATION[loaded.orientation])
    if loaded.orientation >= 5:
        width, height = height, width
    whole = _resized(large, _scaled(width, height, min(1.0, max_side / max(width, height))))
    pixels = np.array(whole, dtype=np.uint8)
    tiles = cut_tiles(np.array(large, dtype=np.uint8)) if tile_spans(width, height) else ()
    return DecodedImage(pixels, width, height, 1, tiles, "transparent" if is_invisible else blank_color(pixels))


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize before changes of mode, which would copy the full-size image."""
    if image.size == size:
        return image
    if image.mode in {"1", "P", "PA"} or "transparency" in image.info:
        # Neither palette indices nor a transparent color can be averaged.
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 if there is none."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (hostile bytes raise arbitrary errors in the parser)
        # Damaged EXIF is common and harmless.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _as_rgb(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, bool]:
    """Return the resized RGB image, and whether nothing of it is visible."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        top = sample_top(image)
        return scaled_to_8_bits(_resized_samples(image, size), top).convert("RGB"), False
    resized = _resized(image, size)
    return composite(resized) if resized.has_transparency_data else (resized.convert("RGB"), False)


def _resized_samples(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize grey of more than 8 bits; a transparent grey is shown as it is."""
    gap = None if image.mode.startswith("I;16") else 2.0
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)
