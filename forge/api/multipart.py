"""Multipart forms of images (RFC 7578). Every part is a file, an ignored text field, or an error: none is dropped.

Django splits the body into parts. Its own parser drops a part silently whose name is empty, `..` or not UTF-8, whose
charset is unknown or whose headers exceed 1,024 bytes, and it does not require the closing boundary.
"""

import string
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import ChunkIter, InterBoundaryIter, LazyStream
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from forge.api.part_headers import PartHeaders
from forge.errors import InvalidRequest, PayloadTooLarge
from forge.printable import printable

FILES_FIELD = "images[]"
# 255 characters of any script percent-encoded are 3 kB, beside them as an encoded word 1.4 kB.
MAX_PART_HEADER_BYTES = 2**13
_CHUNK_BYTES = 2**16
_FIELD_BYTES = 2**8  # what a field costs beside its text
_MAX_BOUNDARY = 200  # as Django; RFC 2046 has 70
_BOUNDARY_CHARACTERS = set(string.printable) - set("\t\n\r\x0b\x0c")


class ImageFormParser(BaseParser):
    """Parts of the field `images[]` are files, with a file name or without."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> "DataAndFiles[Any, Any]":
        request: Request = (parser_context or {})["request"]
        (handler,) = request._request.upload_handlers
        found = DataAndFiles(QueryDict(mutable=True), MultiValueDict[str, Any]())
        try:
            self._read_parts(_parts(stream, _boundary(media_type or "")), handler, found)
        except BaseException:
            for file in [*found.files.getlist(FILES_FIELD), *filter(None, [getattr(handler, "file", None)])]:
                file.close()
            raise
        return found

    def _read_parts(
        self, parts: Iterator[LazyStream], handler: FileUploadHandler, found: "DataAndFiles[Any, Any]"
    ) -> None:
        text_room = settings.FORGE_MAX_JSON_BYTES
        for number, part in enumerate(parts, start=1):
            headers = PartHeaders.read(part, number, MAX_PART_HEADER_BYTES)
            if headers.name == FILES_FIELD:
                if len(found.files.getlist(FILES_FIELD)) >= settings.DATA_UPLOAD_MAX_NUMBER_FILES:
                    raise TooManyFilesSent
                found.files.appendlist(FILES_FIELD, _file(handler, headers, part, number))
            elif headers.filename is not None:
                raise InvalidRequest(
                    f"Part {number} is a file in the field «{printable(headers.name)}». Send files in {FILES_FIELD}."
                )
            else:
                text = bytes(part.read(text_room + 1))
                text_room -= len(text) + len(headers.name) + _FIELD_BYTES
                if text_room < 0:
                    raise PayloadTooLarge(
                        f"The text fields of a form may have {settings.FORGE_MAX_JSON_BYTES} bytes in all.",
                        limit=settings.FORGE_MAX_JSON_BYTES,
                        actual=settings.FORGE_MAX_JSON_BYTES - text_room,
                    )
                # Not used here, but part of the request that an idempotency key names.
                found.data.appendlist(headers.name, text.decode(errors="replace"))


def _boundary(media_type: str) -> bytes:
    boundary = parse_header_parameters(media_type)[1].get("boundary", "")
    if not 1 <= len(boundary) <= _MAX_BOUNDARY or boundary.endswith(" ") or not set(boundary) <= _BOUNDARY_CHARACTERS:
        raise InvalidRequest("The Content-Type multipart/form-data needs a boundary.")
    return boundary.encode("ascii")


def _parts(stream: IO[Any], boundary: bytes) -> Iterator[LazyStream]:
    """Yield each part, headers included. Raises InvalidRequest where the closing boundary is missing."""
    sections = InterBoundaryIter(LazyStream(ChunkIter(cast("Any", stream), _CHUNK_BYTES)), b"--" + boundary)
    _exhaust(next(sections, ()))  # the preamble
    for section in sections:
        start = section.read(2)
        if start == b"--":
            return
        section.unget(start)
        yield section
        _exhaust(section)
    raise InvalidRequest("The form ends before its closing boundary: the request is incomplete.")


def _exhaust(section: Iterable[bytes]) -> None:
    for _ in section:
        pass


def _file(handler: FileUploadHandler, headers: PartHeaders, part: LazyStream, number: int) -> Any:
    name = headers.filename or f"image-{number}"
    handler.new_file(headers.name, name, headers.content_type, None, None, None)
    size = 0
    for chunk in part:
        handler.receive_data_chunk(chunk, size)
        size += len(chunk)
    return handler.file_complete(size)
