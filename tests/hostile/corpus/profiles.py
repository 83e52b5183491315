"""ICC profiles that are expensive or wrong."""

import struct
import zlib

from tests.decoding.files import matrix_profile
from tests.hostile import containers
from tests.hostile.corpus.base import MEGABYTES, Build, encoded


def with_tag(name: bytes, value: bytes) -> bytes:
    """Return a display profile of the one tag."""
    head = matrix_profile()[:128]
    return head + struct.pack(">I4sII", 1, name, 144, len(value)) + value


def chain(elements: int) -> bytes:
    """Return a profile of many processing elements, each the identity."""
    matrix = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    head = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, elements)
    table = struct.pack(">II", len(head) + 8 * elements, len(matrix)) * elements
    return with_tag(b"D2B0", head + table + matrix)


def lookup_table(points: int, inputs: int = 3) -> bytes:
    """Return a profile with a lookup table of `points` a channel, which the file does not hold."""
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return with_tag(b"A2B0", b"mft2" + bytes(4) + bytes([inputs, 3, points, 0]) + identity + bytes(600))


def png(profile: bytes) -> bytes:
    data = encoded("PNG")
    return data[:33] + containers.png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile)) + data[33:]


PROFILES: dict[str, Build] = {
    "icc: 40,000 processing elements": lambda: png(chain(40_000)),
    "icc: a table of 255 points for 15 channels": lambda: png(lookup_table(255, 15)),
    "icc: a table of 255 points": lambda: png(lookup_table(255)),
    "icc: 200 megabytes of zeros": lambda: png(bytes(200 * MEGABYTES)),
    "icc: four megabytes of tags": lambda: png(
        matrix_profile()[:128] + struct.pack(">I", 300_000) + bytes(3 * MEGABYTES)
    ),
    "icc: no tags": lambda: png(matrix_profile()[:132]),
    "icc: the tags overlap": lambda: png(matrix_profile().replace(b"gTRC", b"rTRC")),
}
