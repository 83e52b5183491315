"""Bytes → checked images → storage. All files of a request are checked before any is kept."""

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import PIL.Image
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import IntegrityError, transaction
from PIL import ExifTags

import decoding
from forge.away import connection_release
from forge.errors import (
    Conflict,
    ForgeError,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    SessionExpired,
    UnreadableImage,
    UnsupportedImage,
)
from forge.models import Account, Image, ImageAnalysis, Session

logger = logging.getLogger(__name__)

# Called with the rows in the transaction that writes them, at its end; what it raises undoes that.
Accepted = Callable[[list[Image]], object]

if TYPE_CHECKING:
    Upload = UploadedFile[Any]
else:
    Upload = UploadedFile  # generic in the stubs only

# Pillow's name of a format → (suffix, content type). MPO is the JPEG of cameras that store a preview beside it.
FORMATS = {
    "JPEG": ("jpg", "image/jpeg"),
    "MPO": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
    "GIF": ("gif", "image/gif"),
    "BMP": ("bmp", "image/bmp"),
    "DIB": ("bmp", "image/bmp"),
    "TIFF": ("tif", "image/tiff"),
    "AVIF": ("avif", "image/avif"),
    "HEIF": ("heic", "image/heic"),
}
FOLDER = "sessions"  # in the storage; below it a folder for each session
# Few decode at once, and always the same threads: the allocator keeps for each thread what its largest picture took.
_checkers = ThreadPoolExecutor(settings.FORGE_UPLOAD_CHECKS, thread_name_prefix="upload-check")
_ROTATED = {5, 6, 7, 8}  # EXIF orientations that swap width and height


@dataclass(frozen=True)
class CheckedImage:
    """An upload that was decoded to its last byte; `width` and `height` in pixels, as a viewer sees it, upright."""

    file: Upload
    name: str
    suffix: str
    content_type: str
    size: int
    width: int
    height: int


class UploadHandler(FileUploadHandler):
    """Writes files to disk as they arrive; of what is over a limit it keeps name and size alone.

    The files have no name in the file system: whatever ends a request or this process, nothing is left behind.
    """

    files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        self.received = 0
        self.file: IO[bytes] = io.BytesIO()
        # No temporary file for those over the limit: a process may hold only so many.
        if self.files <= settings.FORGE_MAX_IMAGES:
            self.file = TemporaryFile()  # noqa: SIM115 (closed with the request)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.files <= settings.FORGE_MAX_IMAGES and self.received <= settings.FORGE_MAX_IMAGE_BYTES:
            self.file.write(raw_data)

    def file_complete(self, file_size: int) -> Upload:
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)


def images_check(files: Sequence[Upload], *, each: Callable[[], object] = lambda: None) -> list[CheckedImage]:
    """Decodes each file once; `each` is called after every one. Raises the first bad file's error, with all bad files
    named in `files`.
    """
    if not files:
        raise InvalidRequest("Send at least one file in the field images[].")
    if len(files) > settings.FORGE_MAX_IMAGES:
        raise PayloadTooLarge(
            f"A request may hold {settings.FORGE_MAX_IMAGES} images; this one has {len(files)}.",
            limit=settings.FORGE_MAX_IMAGES,
            actual=len(files),
        )
    checked, refused = [], []
    for file in files:
        connection_release()  # Others may be checked first, for minutes.
        try:
            checked.append(_checkers.submit(image_check, file).result())
        except ForgeError as error:
            refused.append((file, error))
        each()
    if refused:
        _, first = refused[0]
        named = [
            {"name": file.name, "code": error.code, "error": error.sentence, **error.members} for file, error in refused
        ]
        raise type(first)(first.sentence, **first.members, files=named)
    return checked


def image_check(file: Upload) -> CheckedImage:
    """Raises PayloadTooLarge, UnsupportedImage or UnreadableImage."""
    size = file.size or 0
    if size > settings.FORGE_MAX_IMAGE_BYTES:
        raise PayloadTooLarge(
            f"«{file.name}» has {size} bytes; an image may have {settings.FORGE_MAX_IMAGE_BYTES}.",
            limit=settings.FORGE_MAX_IMAGE_BYTES,
            actual=size,
        )
    try:
        with decoding.opened(file, decoding.Limits.of(settings)) as picture:
            width, height = _decode(picture)
            suffix, content_type = FORMATS[picture.format or ""]
    except decoding.Unsupported as error:
        raise UnsupportedImage(f"«{file.name}» is not an image of a supported type.") from error
    except decoding.TooLarge as error:
        raise PayloadTooLarge(
            f"«{file.name}» has {error.actual} {error.unit}; an image may have {error.limit}.",
            limit=error.limit,
            actual=error.actual,
        ) from error
    except decoding.Damaged as error:
        raise UnreadableImage(f"«{file.name}» is damaged and cannot be read.") from error
    file.seek(0)
    return CheckedImage(file, file.name or "image", suffix, content_type, size, width, height)


def _decode(picture: PIL.Image.Image) -> tuple[int, int]:
    """The upright size of the picture. Reads the file to its end: a truncated one is refused now, not failed later."""
    width, height = picture.size
    # A JPEG is decoded at an eighth of its size, which still reads every byte. Other formats ignore it.
    picture.draft("RGB", (max(1, width // 8), max(1, height // 8)))
    picture.load()
    rotated = picture.getexif().get(ExifTags.Base.Orientation) in _ROTATED
    return (height, width) if rotated else (width, height)


def session_create(*, account: Account, images: Sequence[CheckedImage], accepted: Accepted = lambda _: None) -> Session:
    session = Session(account=account)
    with _stored(session, images, first_position=0) as rows, transaction.atomic():
        session.save(force_insert=True)
        Image.objects.bulk_create(rows)
        accepted(rows)
    return session


def session_extend(
    *, session: Session, images: Sequence[CheckedImage], accepted: Accepted = lambda _: None
) -> list[Image]:
    """Adds images to an open session. Raises SessionExpired, and NotFound where it was deleted meanwhile."""
    if session.is_expired:
        raise SessionExpired
    try:
        with _stored(session, images, first_position=session.images.count()) as rows, transaction.atomic():
            Image.objects.bulk_create(rows)
            accepted(rows)
    except IntegrityError as error:
        raise NotFound from error
    return rows


def session_delete(*, session: Session) -> None:
    """Removes rows and files; the ledger stays. Raises Conflict while an image is being analysed."""
    open_states = [ImageAnalysis.Status.QUEUED, ImageAnalysis.Status.PROCESSING]
    try:
        with transaction.atomic():
            # First of all its rows: a job that is being written has them too, and each would wait for the other.
            Session.objects.select_for_update().filter(pk=session.pk).first()
            if ImageAnalysis.objects.filter(job__session=session, status__in=open_states).exists():
                raise Conflict("A job of this session is still running. Delete the session when it has ended.")
            keys = list(session.images.values_list("storage_key", flat=True))
            session.delete()
            transaction.on_commit(lambda: files_remove(keys))
    except IntegrityError as error:
        raise Conflict("A job of this session has just begun. Delete the session when it has ended.") from error


@contextmanager
def _stored(session: Session, images: Sequence[CheckedImage], *, first_position: int) -> Iterator[list[Image]]:
    """The rows of these images, their files in storage; the files go again if the rows are not committed."""
    rows: list[Image] = []
    keys: list[str] = []
    try:
        for position, checked in enumerate(images, start=first_position):
            row = Image(
                session=session,
                position=position,
                original_filename=checked.name,
                content_type=checked.content_type,
                size=checked.size,
                width=checked.width,
                height=checked.height,
            )
            row.storage_key = f"{FOLDER}/{session.pk}/{row.pk}.{checked.suffix}"
            # Before it is whole: where the disk is full a part of it stays behind.
            keys.append(row.storage_key)
            row.storage_key = default_storage.save(row.storage_key, checked.file)
            rows.append(row)
        yield rows
    except BaseException:
        files_remove(keys)
        raise


def files_remove(storage_keys: Sequence[str]) -> bool:
    """Deletes stored files and the folders that this leaves empty. False, with the reason logged, if some are left."""
    failed = False
    for key in storage_keys:
        try:
            default_storage.delete(key)
        except Exception:  # whatever a storage raises
            logger.exception("A stored file could not be removed: %s", key)
            failed = True
    for folder in {key.rpartition("/")[0] for key in storage_keys} - {""}:
        # Storages without folders say so; a folder that is gone was removed by somebody beside us.
        with suppress(OSError, NotImplementedError):
            if not any(default_storage.listdir(folder)):
                default_storage.delete(folder)
    return not failed
