"""BMP: the profile of a version 5 header."""

import struct

from decoding.containers.container import Container

MAGIC = b"BM"
_HEADER, _VERSION_5 = 14, 124  # offset and length of the header behind the file's own
_EMBEDDED = b"DEBM"  # "MBED", little-endian


def read(data: bytes) -> Container:
    header = data[_HEADER : _HEADER + _VERSION_5]
    if len(header) < _VERSION_5 or int.from_bytes(header[:4], "little") != _VERSION_5 or header[56:60] != _EMBEDDED:
        return Container(data)
    start, length = struct.unpack_from("<II", header, 112)
    return Container(data, profile=data[_HEADER + start : _HEADER + start + length])
