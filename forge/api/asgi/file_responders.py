"""Responders of stored files, of archives of them, and of thumbnails that are still being made."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

from django import http
from django.conf import settings
from django.core.files.storage import default_storage

from forge.api.asgi.types import Message, Send
from forge.api.errors import body, forge_error, headers
from forge.errors import ForgeError, Unavailable

logger = logging.getLogger(__name__)

PART_BYTES = 2**20
# A part has FORGE_SEND_WAIT_S to be read: an archive is long, and clients may be slow.
_ARCHIVE_PART_BYTES = 2**17
_OF_THE_FILE = {b"content-type", b"etag", b"cache-control", b"content-disposition"}


class FileResponder:
    """Send a stored file in parts, each of which is opened for itself: a slow client holds no file handle."""

    def __init__(self, storage_key: str, size: int) -> None:
        self.storage_key = storage_key
        self.size = size

    async def __call__(self, start: Message, send: Send) -> None:
        await send({**start, "headers": [*start["headers"], (b"Content-Length", str(self.size).encode())]})
        for offset in range(0, self.size, PART_BYTES):
            part = await asyncio.to_thread(self._read, offset)
            more = offset + PART_BYTES < self.size
            await send({"type": "http.response.body", "body": part, "more_body": more})

    def _read(self, offset: int) -> bytes:
        with default_storage.open(self.storage_key) as file:
            file.seek(offset)
            return bytes(file.read(min(PART_BYTES, self.size - offset)))


# Archives cost CPU time, for which two threads are enough; in turns, an entry of each.
_archive_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="archive")


class ArchiveResponder:
    """Send what a generator yields, made in a pool of threads, and close it however the response ends.

    An exception of the generator cuts the response off.
    """

    def __init__(self, entries: Generator[bytearray, None, None]) -> None:
        self._entries = entries
        self._lock = threading.Lock()

    async def __call__(self, start: Message, send: Send) -> None:
        loop = asyncio.get_running_loop()
        await send(start)
        try:
            while (entry := await loop.run_in_executor(_archive_pool, self._next)) is not None:
                for offset in range(0, len(entry), _ARCHIVE_PART_BYTES):
                    part = bytes(entry[offset : offset + _ARCHIVE_PART_BYTES])
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            await loop.run_in_executor(_archive_pool, self._close)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _next(self) -> bytearray | None:
        with self._lock:
            return next(self._entries, None)

    def _close(self) -> None:
        # A client that leaves does not interrupt the thread that makes an entry.
        with self._lock:
            self._entries.close()


class ThumbnailResponder:
    """Await a JPEG and send it, or its error as JSON."""

    def __init__(self, response: Awaitable[bytes | ForgeError], request_id: str) -> None:
        self.response = response
        self.request_id = request_id

    async def __call__(self, start: Message, send: Send) -> None:
        made = await self.response
        status, kept = 200, start["headers"]
        if isinstance(made, ForgeError):
            status, content = made.status, http.JsonResponse(body(made, self.request_id)).content
            kept = [(name, value) for name, value in kept if name.lower() not in _OF_THE_FILE]
            own = {"Content-Type": "application/json", **headers(made)}
            kept += [(name.encode(), value.encode()) for name, value in own.items()]
        else:
            content = made
        length = (b"Content-Length", str(len(content)).encode())
        await send({**start, "status": status, "headers": [*kept, length]})
        await send({"type": "http.response.body", "body": content, "more_body": False})


async def jpeg_of(future: "Future[bytes]") -> bytes | ForgeError:
    """Return the future's result or error; cancelled with its client, it leaves the queue."""
    try:
        async with asyncio.timeout(settings.FORGE_CHECK_WAIT_S):
            return await asyncio.wrap_future(future)
    except TimeoutError:
        return Unavailable("Other images are being decoded. Please try again.")
    except Exception as error:  # of a storage backend or a decoder
        known = forge_error(error)
        if known.status == ForgeError.status:
            logger.exception("A thumbnail could not be made.")
        return known
