"""A ZIP written as a stream, by the standard library."""

import zipfile
from datetime import datetime


class _Window:
    """A file of which the bytes that are taken are gone: zipfile may go back within the others."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._start = self._at = 0

    def write(self, data: bytes) -> int:
        place = self._at - self._start
        self._held[place : place + len(data)] = data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        assert offset >= self._start
        self._at = offset
        return offset

    def flush(self) -> None: ...

    def take(self) -> bytearray:
        taken, self._held = self._held, bytearray()
        self._start += len(taken)
        return taken


class ZipStream:
    """Each call returns the next bytes of the ZIP. Of entries that are returned only their directory is kept.

    An entry is held whole until it is written, so that its header has its size and CRC: some readers refuse stored
    entries whose header lacks them. Sizes and numbers over the old limits are written as ZIP64.
    """

    def __init__(self) -> None:
        self._window = _Window()
        self._zip = zipfile.ZipFile(self._window, "w")  # type: ignore[call-overload]

    def add(self, name: str, data: bytes, modified: datetime, *, compress: bool = False) -> bytearray:
        info = zipfile.ZipInfo(name, modified.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, data)
        return self._window.take()

    def end(self) -> bytearray:
        self._zip.close()
        return self._window.take()
