"""Words written into mutated images: each is refused with a code, or decodes as before and has the words."""

import io
import warnings
from typing import Any

from PIL import Image

import xmp
from tests.hostile.mutations import mutation, valid_images

WRITABLE = [name for name in valid_images() if not name.startswith("bmp")]
_WORDS = xmp.words_of_metadata(
    {"title": "T", "alt": "An <alt>", "caption": "C.", "description": "D.", "seoTags": ["a", "b"]}
)
_MAX_PIXELS = 4_000_000
_MODEL = xmp.Provenance("m@1", "2026-01-01T00:00:00Z")


def pixels(data: bytes) -> list[tuple[Any, ...]]:
    """Return mode, size and bytes of each frame; Pillow's error where it cannot be decoded, ValueError beyond 4 MP."""
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            if image.width * image.height * (number + 1) > _MAX_PIXELS:
                raise ValueError(image.size)
            frames.append((image.mode, image.size, image.tobytes()))
        return frames


def outcome(name: str, number: int, seed: int, *, with_more: bool) -> str:
    """Return `written`, `written, undecodable`, the code of a refusal, or a sentence that begins with FAULT.

    `with_more`: IIM and EXIF, too.
    """
    data = mutation(name, number, seed)
    try:
        written = xmp.write(data, _WORDS, _MODEL, with_iim=with_more, with_exif=with_more).data
    except xmp.XmpError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 (to be named with its file)
        return f"FAULT {name} #{seed}.{number}: {error!r}"
    if not xmp.read(written).words or xmp.fingerprint(written) != xmp.fingerprint(data):
        return f"FAULT {name} #{seed}.{number}: the words are missing, or another part changed"
    before = _decoded(data)
    # What did not decode makes no promise: cut at its end, a TIFF may decode once a directory is behind it.
    if before is None:
        return "written, undecodable"
    return "written" if _decoded(written) == before else f"FAULT {name} #{seed}.{number}: it decodes differently"


def _decoded(data: bytes) -> list[tuple[Any, ...]] | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            return pixels(data)
    except Exception:  # noqa: BLE001 (Pillow's plugins raise anything on a mutated file)
        return None
