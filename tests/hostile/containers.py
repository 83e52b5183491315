"""Container formats of images, built by hand so that headers can be wrong."""

import struct
import zlib
from collections.abc import Iterable, Sequence

PNG = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    checked = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checked)


def png(
    width: int, height: int, data: bytes, *, bits: int = 8, color: int = 0, before: bytes = b"", after: bytes = b""
) -> bytes:
    """`data`: the compressed rows. `before`, `after`: chunks around them."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = before + png_chunk(b"IDAT", data) + after
    return PNG + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


def zeros(length: int) -> bytes:
    """Return `length` zero bytes compressed to a thousandth: one compressed megabyte, repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(length % 2**20)) + packer.flush()
    # Adler-32 of zeros depends on their number only.
    return b"\x78\xda" + block * (length // 2**20) + rest + struct.pack(">I", (length % 65521) << 16 | 1)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_with(segments: bytes, data: bytes) -> bytes:
    """Insert segments after the first marker of a JPEG."""
    return data[:2] + segments + data[2:]


def jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """Return a progressive JPEG of one grey; each scan has a few bytes and makes a decoder visit all blocks."""
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    frame = jpeg_segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    # One code of one bit in each table: DC difference 0; AC: a run of 2^14 blocks without a coefficient.
    tables = jpeg_segment(0xC4, b"\x00\x01" + bytes(15) + b"\x00") + jpeg_segment(
        0xC4, b"\x10\x01" + bytes(15) + b"\xe0"
    )
    quantization = jpeg_segment(0xDB, b"\x00" + b"\x01" * 64)
    dc = _scan(b"\x00\x00\x01", _stuffed(bytes(blocks // 8 + 1)))
    # Each code is a zero bit and fourteen zero bits that extend the run.
    ac = _scan(b"\x01\x3f\x01", _stuffed(bytes(15 * (blocks // 2**14 + 1) // 8 + 1)))
    return b"\xff\xd8" + quantization + frame + tables + dc + ac * scans + b"\xff\xd9"


def _scan(spectrum: bytes, entropy: bytes) -> bytes:
    return jpeg_segment(0xDA, b"\x01\x01\x00" + spectrum) + entropy


def _stuffed(entropy: bytes) -> bytes:
    return entropy.replace(b"\xff", b"\xff\x00")


def tiff(entries: Sequence[tuple[int, int, int, int]], data: bytes = b"", *, following: int = 0) -> bytes:
    """Return a TIFF of one directory of (tag, type, count, value or offset); `data` is at `tiff_data(len(entries))`."""
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + directory + struct.pack("<I", following) + data


def tiff_data(entries: int) -> int:
    """Return the offset of the data of a TIFF with so many entries."""
    return 8 + 2 + 12 * entries + 4


def riff(chunks: Iterable[tuple[bytes, bytes]], *, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def nested(kind: bytes, depth: int) -> bytes:
    """Return boxes nested `depth` levels deep."""
    return b"".join(struct.pack(">I", 8 * (depth - level)) + kind for level in range(depth))


def bmp(width: int, height: int, data: bytes, *, bits: int = 8, compression: int = 0, colors: int = 256) -> bytes:
    palette = bytes(4 * colors)
    offset = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, colors, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + palette + data


def gif(width: int, height: int, body: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + body + b";"


def gif_frame(width: int, height: int, *, left: int = 0, top: int = 0, lzw: bytes = b"\x02\x02\x44\x01\x00") -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + lzw
