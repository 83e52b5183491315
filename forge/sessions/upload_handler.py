"""Django upload handler: the files of a request, within the limits, in one temporary file."""

import io
import threading
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    Upload = UploadedFile[Any]
else:
    Upload = UploadedFile  # generic in the stubs only


class UploadHandler(FileUploadHandler):
    """Of files over a limit only name and size are kept.

    A file of its own for each would take a file handle for each: sixteen requests of 100 tiny files had no more. Small
    requests stay in memory. The temporary file has no name in the file system: a process that dies leaves none.
    """

    files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if not self.files:
            self.file = SharedFile()  # Django closes an attribute of this name when it cannot read the form.
        self.files += 1
        self.received = 0
        self.start = self.file.size

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.files <= settings.FORGE_MAX_IMAGES and self.received <= settings.FORGE_MAX_IMAGE_BYTES:
            self.file.append(raw_data)

    def file_complete(self, file_size: int) -> Upload:
        content = io.BufferedReader(FileSlice(self.file, self.start, self.file.size - self.start))
        return UploadedFile(content, self.file_name, self.content_type, file_size, self.charset)


class SharedFile:
    """The temporary file of a request, closed with the last of its slices. Thread-safe."""

    def __init__(self) -> None:
        self.size = 0
        self.slices = 0
        self._file = SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
        self._lock = threading.Lock()

    def append(self, data: bytes) -> None:
        self.size += self._file.write(data)

    def read(self, start: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)

    def release(self) -> None:
        with self._lock:
            self.slices -= 1
            if not self.slices:
                self._file.close()

    def close(self) -> None:
        self._file.close()


class FileSlice(io.RawIOBase):
    """The bytes of one upload in the file of its request."""

    def __init__(self, file: SharedFile, start: int, size: int) -> None:
        file.slices += 1
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.release()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readall(self) -> bytes:
        """Read to the end at once; the base class would read, and lock, for every 8 kB."""
        data = self._file.read(self._start + self._position, max(0, self._size - self._position))
        self._position += len(data)
        return data

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        left = max(0, self._size - self._position)
        data = self._file.read(self._start + self._position, min(len(view), left))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
