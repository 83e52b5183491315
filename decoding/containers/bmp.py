"""BMP: the header."""

import struct

from decoding.containers.container import Container
from decoding.errors import Damaged

MAGIC = b"BM"
_HEADER, _VERSION_5 = 14, 124  # offset and length of the header behind the file's own
_VERSION_1 = 12
_VERSIONS = {_VERSION_1, 16, 40, 52, 56, 64, 108, _VERSION_5}
_EMBEDDED = b"DEBM"  # "MBED", little-endian


def has_magic(data: bytes) -> bool:
    """Return whether a header of a known version follows the two first bytes, which are too few to tell."""
    return data.startswith(MAGIC) and int.from_bytes(data[_HEADER : _HEADER + 4], "little") in _VERSIONS


def read(data: bytes) -> Container:
    """Raises Damaged for a negative width or none, of which Pillow makes 2^32 less: a size over the limits."""
    header = data[_HEADER : _HEADER + _VERSION_5]
    if has_magic(data) and len(header) >= 8 and _width(header) <= 0:
        raise Damaged
    if len(header) < _VERSION_5 or int.from_bytes(header[:4], "little") != _VERSION_5 or header[56:60] != _EMBEDDED:
        return Container(data)
    start, length = struct.unpack_from("<II", header, 112)
    return Container(data, profile=data[_HEADER + start : _HEADER + start + length])


def _width(header: bytes) -> int:
    if int.from_bytes(header[:4], "little") == _VERSION_1:
        return int.from_bytes(header[4:6], "little")
    return int.from_bytes(header[4:8], "little", signed=True)
