"""Decode image bytes to an upright RGB array."""

import io
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import decoding
from workers.imaging.blank import blank_color, has_detail
from workers.imaging.frames import JUDGED_SIDE, MAX_JUDGED, best_frame, judged_frames
from workers.imaging.tiles import cut_tiles, tile_scale, tile_spans
from workers.imaging.transparency import composite

# Enough for the embedded models. 12 megapixels are decoded at 1/8 scale, in three quarters of the time of 1/4.
MAX_SIDE = 448


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
        if image.is_animated:
            return replace(_best_frame(image, limits, max_side), frames=image.frames), False
        loaded = _load(image, max_side)
        is_blank = image.is_paged and not has_detail(_view(loaded))
        return replace(_render(loaded, max_side), frames=image.frames), is_blank


def _best_frame(image: decoding.OpenImage, limits: decoding.Limits, max_side: int) -> DecodedImage:
    return best_frame(
        image,
        judged_frames(*image.size, image.frames),
        limits,
        view=lambda: _view(_load(image, JUDGED_SIDE)),
        render=lambda: _render(_load(image, max_side), max_side),
    )


def _load(image: decoding.OpenImage, max_side: int) -> decoding.LoadedImage:
    return image.load(tile_scale(*image.size, max_side))


def _view(loaded: decoding.LoadedImage) -> NDArray[np.uint8]:
    """Return the image by which frames and pages are judged, without orientation."""
    scale = min(1.0, JUDGED_SIDE / max(loaded.width, loaded.height))
    return np.asarray(composite(loaded.rendered(loaded.scaled(scale)))[0])


def _render(loaded: decoding.LoadedImage, max_side: int) -> DecodedImage:
    scale = tile_scale(loaded.width, loaded.height, max_side)
    shown, is_invisible = composite(loaded.rendered(loaded.scaled(scale)))
    large = loaded.upright(shown)
    width, height = loaded.upright_size
    whole = decoding.resized(large, _fitted(width, height, max_side))
    pixels = np.array(whole, dtype=np.uint8)
    tiles = cut_tiles(np.array(large, dtype=np.uint8)) if tile_spans(width, height) else ()
    return DecodedImage(pixels, width, height, 1, tiles, "transparent" if is_invisible else blank_color(pixels))


def _fitted(width: int, height: int, max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
