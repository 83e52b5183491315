import struct
from functools import partial

from PIL import Image

from tests import images
from tests.hostile import containers
from tests.hostile.corpus.base import FULL, MEGABYTES, Build, animation, encoded, exif_of_overlapping_tags


def sized(data: bytes, width: int, height: int) -> bytes:
    """Change all sizes in the properties of an AVIF or HEIC file."""
    at = -1
    changed = bytearray(data)
    while (at := data.find(b"ispe", at + 1)) >= 0:
        changed[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(changed)


def heic() -> bytes:
    from tests.workers.imaging.test_decoding import HEIC

    return HEIC


def avif_exif() -> bytes:
    return encoded("AVIF", exif=exif_of_overlapping_tags(4000, MEGABYTES))


def nested_boxes(brand: bytes, depth: int) -> bytes:
    return containers.box(b"ftyp", brand + bytes(4) + brand + b"mif1") + containers.nested(b"meta", depth)


def iso(make: Build, brand: bytes) -> dict[str, Build]:
    return {
        "declares 65,535²": lambda: sized(make(), 65_535, 65_535),
        "declares 7,000²": lambda: sized(make(), 7_000, 7_000),
        "declares 0 by 0": lambda: sized(make(), 0, 0),
        "100,000 boxes in one another": partial(nested_boxes, brand, 100_000),
        "nothing behind its name": lambda: containers.box(b"ftyp", brand + bytes(4) + brand),
        "a box of 2^32-1": lambda: make()[:28] + b"\xff\xff\xff\xff" + make()[32:],
        "a box of size 0": lambda: make()[:28] + bytes(4) + make()[32:],
        "a million free boxes": lambda: make() + containers.box(b"free", b"") * 1_000_000,
    }


AVIF_HEIC: dict[str, Build] = {
    **{f"avif: {title}": build for title, build in iso(partial(encoded, "AVIF"), b"avif").items()},
    **{f"heic: {title}": build for title, build in iso(heic, b"heic").items()},
    "avif: animation of 200 frames": partial(animation, "AVIF", 200, (64, 64)),
    "avif: EXIF of overlapping tags": avif_exif,
    "avif: 50 megapixels": lambda: images.encode(Image.new("RGB", (FULL, FULL)), "AVIF", speed=10),
}
