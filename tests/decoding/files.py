"""Image files whose metadata, profile, frame or sample layout is unusual, built by hand."""

import struct
import zlib
from typing import Any

from PIL import Image

from tests import images
from tests.hostile import containers

RED, GREEN, BLUE = (220, 30, 30), (30, 170, 40), (30, 40, 220)
SIZE = (160, 120)

encoded = images.encode
png_chunk, jpeg_segment = containers.png_chunk, containers.jpeg_segment


def solid(color: Any = RED, mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new(mode, size, color)


def jpeg_with(*segments: bytes, data: bytes | None = None) -> bytes:
    return containers.jpeg_with(b"".join(segments), data or encoded(solid(), "JPEG"))


def png_with(*chunks: bytes, data: bytes | None = None) -> bytes:
    """Put chunks behind the header."""
    data = data or encoded(solid(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def exif(orientation: int, kind: int = 3, count: int = 1) -> bytes:
    """Return a TIFF structure whose only tag is the orientation, with a type and a count."""
    return b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, kind, count, orientation, 0)


def matrix_profile(order: str = "bgr", gamma: float = 2.2, *, space: bytes = b"RGB ") -> bytes:
    """Return an ICC profile with the primaries of sRGB, given to the channels in another order, or of grey."""
    primaries = {"r": (0.4361, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "b": (0.1431, 0.0606, 0.7141)}

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    name = b"test\0"
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
            b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": xyz(0.9642, 1.0, 0.8249)}  # fmt: skip
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {f"{to}XYZ".encode(): xyz(*primaries[source]) for to, source in zip("rgb", order, strict=True)}
        tags |= {f"{to}TRC".encode(): curve for to in "rgb"}
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    rest = struct.pack(">I", len(tags)) + table + body
    head = struct.pack(">I4xI", 128 + len(rest), 0x02400000) + b"mntr" + space + b"XYZ "
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + rest


def bmp_with_profile(profile: bytes) -> bytes:
    """Return a blue BMP with a version 5 header that embeds a profile."""
    width, height = 16, 8
    pixels = bytes((220, 40, 30)) * (width * height)
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(pixels), 0, 0, 0, 0) + bytes(16) + b"DEBM"
    header = header.ljust(112, b"\0") + struct.pack("<III", 124 + len(pixels), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", 138 + len(pixels), 0, 0, 138) + header + pixels + profile


def gif(
    screen: tuple[int, int], *frames: tuple[int, int, int, int, int], control: bytes = b"", **parts: bytes
) -> bytes:
    """Return a GIF of frames (left, top, width, height, index) in one color each; the palette is pink, green, blue."""
    palette = bytes((255, 0, 200, *GREEN, *BLUE)) + bytes(3 * 125)
    data = b"GIF89a" + struct.pack("<HHBBB", *screen, 0xF6, 0, 0) + palette + parts.get("extension", b"")
    for left, top, width, height, index in frames:
        codes = bytearray()
        for at in range(0, width * height, 100):
            codes += b"\x80" + bytes([index]) * min(100, width * height - at)
        codes.append(129)
        blocks = b"".join(bytes([len(codes[at : at + 255])]) + codes[at : at + 255] for at in range(0, len(codes), 255))
        data += control + b"," + struct.pack("<4HB", left, top, width, height, 0) + b"\x07" + blocks + b"\0"
    return data + b";"


def tiff(
    photometric: int,
    bits: list[int],
    data: bytes,
    *more: tuple[int, int, list[int]],
    size: tuple[int, int] = SIZE,
    order: str = "<",
) -> bytes:
    """Return a TIFF of one strip, with `more` tags (tag, type, values) of SHORT (3) or LONG (4)."""
    width, height = size
    rows = {256: (4, [width]), 257: (4, [height]), 258: (3, bits), 259: (3, [1]), 262: (3, [photometric]),
            273: (4, [0]), 277: (3, [len(bits)]), 278: (4, [height]), 279: (4, [len(data)])}  # fmt: skip
    rows |= {tag: (kind, values) for tag, kind, values in more}
    at = 8 + 2 + 12 * len(rows) + 4
    long = {tag: struct.pack(f"{order}{len(v)}{'HI'[kind - 3]}", *v) for tag, (kind, v) in rows.items()}
    start = at + sum(len(value) for value in long.values() if len(value) > 4)
    entries, tail = b"", b""
    for tag in sorted(rows):
        kind, values = rows[tag]
        value = struct.pack(order + "I", start) if tag == 273 else long[tag]
        if len(value) > 4:
            value, tail = struct.pack(order + "I", at + len(tail)), tail + value
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, len(rows)) + entries + bytes(4) + tail + data


def lossless_jpeg(
    color: tuple[int, ...], size: tuple[int, int] = SIZE, *, precision: int = 8, frame: int = 0xC3
) -> bytes:
    """Return a JPEG of frame type 3 with predictor 1: the first sample, and differences of 0."""
    width, height = size
    head = struct.pack(">BHHB", precision, height, width, len(color))
    head += b"".join(bytes([number, 0x11, 0]) for number in range(len(color)))
    table = b"\x00" + bytes([0, 0, 0, 9] + [0] * 12) + bytes(range(9))
    scan = bytes([len(color)]) + b"".join(bytes([number, 0]) for number in range(len(color))) + bytes([1, 0, 0])
    bits = ""
    for value in color:
        difference = value - 128
        length = abs(difference).bit_length()
        bits += f"{length:04b}"
        bits += f"{difference if difference > 0 else difference + (1 << length) - 1:0{length}b}" if length else ""
    bits += "0000" * (len(color) * (width * height - 1))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    segments = jpeg_segment(frame, head) + jpeg_segment(0xC4, table) + jpeg_segment(0xDA, scan)
    return b"\xff\xd8" + segments + data + b"\xff\xd9"


def clean_aperture_avif(left: int, width: int) -> bytes:
    """Return an AVIF, red at the left and blue at the right, of which the aperture shows a part of full height."""
    image = solid(BLUE)
    image.paste(RED, (0, 0, SIZE[0] // 2, SIZE[1]))
    # A profile of this length makes a box as long as that of the aperture, which replaces it.
    data = bytearray(encoded(image, "AVIF", icc_profile=bytes(28), quality=90))
    at = data.index(b"colrprof") - 4
    offset = 2 * left + width - SIZE[0]  # of the centers, in halves of a pixel
    data[at + 4 : at + 40] = b"clap" + struct.pack(">IIIIiIiI", width, 1, SIZE[1], 1, offset, 2, 0, 1)
    # The place of the box among the properties, whose association is marked as essential.
    number, walk = 1, data.index(b"ipco") + 4
    while walk != at:
        number, walk = number + 1, walk + int.from_bytes(data[walk : walk + 4])
    associations = data.index(b"ipma") + 14
    for place in range(associations + 1, associations + 1 + data[associations]):
        data[place] |= 0x80 if data[place] == number else 0
    return bytes(data)


def compressed_text(name: bytes, length: int) -> bytes:
    head = {b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0\0\0"}[name]
    return png_chunk(name, head + zlib.compress(b"a" * length))
