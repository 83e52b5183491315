"""ZIPs written as a stream: what other readers make of them, and the memory that they take."""

import io
import tracemalloc
import zipfile
from datetime import UTC, datetime

from forge.sessions.archive.zip_stream import ZipStream

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def test_entries_are_read_back() -> None:
    stream = ZipStream()
    parts = [
        stream.add("日本.jpg", bytes(range(256)), NOW),
        stream.add("empty", b"", NOW),
        stream.add("words.csv", b"a,b\r\n" * 1000, NOW, compress=True),
        stream.end(),
    ]

    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["日本.jpg", "empty", "words.csv"]
        assert archive.read("日本.jpg") == bytes(range(256))
        assert archive.read("words.csv") == b"a,b\r\n" * 1000
        assert archive.getinfo("words.csv").compress_size < 200


def test_a_header_has_the_size_before_the_data_comes() -> None:
    first = ZipStream().add("a", b"12345", NOW)

    assert int.from_bytes(first[6:8], "little") & 0x08 == 0
    assert int.from_bytes(first[18:22], "little") == 5


def test_more_entries_than_the_old_format_can_count_are_zip64() -> None:
    stream, size, held = ZipStream(), 0, io.BytesIO()
    for number in range(70_000):
        size += held.write(stream.add(f"{number}", b"", NOW))
    held.write(stream.end())

    with zipfile.ZipFile(held) as archive:
        assert len(archive.infolist()) == 70_000
    assert b"PK\x06\x06" in held.getvalue()[size:]


def test_what_was_taken_takes_no_memory() -> None:
    stream, data = ZipStream(), bytes(2**20)
    tracemalloc.start()
    total = sum(len(stream.add(f"{number}.jpg", data, NOW)) for number in range(200))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total > 200 * 2**20
    assert peak < 8 * 2**20
