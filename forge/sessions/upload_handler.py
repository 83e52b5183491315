"""Django upload handler: files are streamed to disk, within the limits."""

import io
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

if TYPE_CHECKING:
    Upload = UploadedFile[Any]
else:
    Upload = UploadedFile  # generic in the stubs only


class UploadHandler(FileUploadHandler):
    """Of files over a limit only name and size are kept.

    Temporary files have no name in the file system: a process that dies leaves none.
    """

    files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        self.received = 0
        self.file: IO[bytes] = io.BytesIO()
        # No temporary file over the limit: a process has few file descriptors.
        if self.files <= settings.FORGE_MAX_IMAGES:
            self.file = TemporaryFile()  # noqa: SIM115 (closed with the request)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.files <= settings.FORGE_MAX_IMAGES and self.received <= settings.FORGE_MAX_IMAGE_BYTES:
            self.file.write(raw_data)

    def file_complete(self, file_size: int) -> Upload:
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)
