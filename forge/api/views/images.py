"""One image: its state, a person's corrections, its file and its thumbnails."""

from typing import Any

from django.core.files.storage import default_storage
from django.http import HttpResponseBase, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from decoding import FILE_TYPES
from forge import limits, selectors
from forge.api.account import account_of
from forge.api.asgi.file_responders import ThumbnailResponder, jpeg_of
from forge.api.asgi.handoff import hand_off
from forge.api.corrections import CorrectionRequest
from forge.api.schema import error_responses
from forge.api.serializers import ImageStateSerializer
from forge.api.views.files import file_response, stored_file_send
from forge.errors import Conflict, EditConflict, InvalidRequest, NotFound, PayloadTooLarge, UnreadableImage
from forge.models import Image
from forge.sessions import corrections, embedded_words, thumbnails
from forge.sessions.stored_images import THUMBNAIL_SIZES

_MEDIA_TYPES = sorted({file_type.media_type for file_type in FILE_TYPES.values()})
_NOT_MODIFIED = {304: None}
_EXAMPLE = OpenApiExample("correction", value={"version": 1, "alt": "A tabby cat on a red chair"}, request_only=True)


class ImageView(APIView):
    @extend_schema(
        operation_id="sessions_image_get", responses={200: ImageStateSerializer, **error_responses(NotFound)}
    )
    def get(self, request: Request, session_id: str, image_id: str) -> Response:
        """One image: its state and its latest metadata."""
        return Response(_state(_image(request, session_id, image_id)))


class ImageMetadataView(APIView):
    @extend_schema(
        operation_id="sessions_image_correct",
        request=CorrectionRequest,
        examples=[_EXAMPLE],
        responses={
            200: ImageStateSerializer,
            **error_responses(InvalidRequest, NotFound, Conflict, EditConflict),
        },
    )
    def patch(self, request: Request, session_id: str, image_id: str) -> Response:
        """Correct fields of the metadata. A later analysis keeps them, and they are listed in `edited`.

        409 `edit_conflict`, with the present `image`, where `version` is not the latest. A correction counts as the
        review: `needsReview` becomes false.
        """
        image = _image(request, session_id, image_id)
        serializer = CorrectionRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = dict(serializer.validated_data)
        try:
            corrections.image_correct(image=image, version=fields.pop("version"), fields=fields)
        except EditConflict as error:
            present = _state(_image(request, session_id, image_id))
            raise EditConflict(**error.members, image=present) from error
        return Response(_state(_image(request, session_id, image_id)))


class ImageFileView(APIView):
    @extend_schema(
        operation_id="sessions_image_file",
        parameters=[
            OpenApiParameter(
                "name",
                {"type": "string", "enum": ["suggested"]},
                description="`suggested`: to be saved under the metadata's `filename`, where there is one.",
            ),
            OpenApiParameter(
                "metadata",
                {"type": "string", "enum": ["embedded"]},
                description="`embedded`: with the words as XMP in the file; 409 where it cannot hold them.",
            ),
        ],
        responses={
            **{(200, media_type): OpenApiTypes.BINARY for media_type in _MEDIA_TYPES},
            **_NOT_MODIFIED,
            **error_responses(InvalidRequest, NotFound, Conflict),
        },
    )
    def get(self, request: Request, session_id: str, image_id: str) -> HttpResponseBase:
        """The file as it was uploaded, or with its words in it."""
        with_words = request.query_params.get("metadata")
        if with_words not in {None, "embedded"}:
            raise InvalidRequest("metadata is «embedded», or left out.")
        name = request.query_params.get("name")
        if name not in {None, "suggested"}:
            raise InvalidRequest("name is «suggested», or left out.")
        image = _image(request, session_id, image_id)
        size = thumbnails.stored_file(lambda: default_storage.size(image.storage_key), image)
        etag = f"{image.pk}-words-{image.version}" if with_words else image.pk
        response = file_response(
            request,
            image.content_type,
            etag=etag,
            caching="no-cache" if with_words else "max-age=3600",
            filename=_suggested(image) if name else image.original_filename,
            is_attachment=name is not None,
        )
        if isinstance(response, HttpResponseNotModified):
            return response
        if with_words:
            response.content = embedded_words.file_with_words(image)
        else:
            stored_file_send(request, response, image.storage_key, size)
        return response


class ImageSidecarView(APIView):
    @extend_schema(
        operation_id="sessions_image_sidecar",
        responses={
            (200, "application/rdf+xml"): OpenApiTypes.BINARY,
            **_NOT_MODIFIED,
            **error_responses(NotFound, Conflict),
        },
    )
    def get(self, request: Request, session_id: str, image_id: str) -> HttpResponseBase:
        """The words as an XMP sidecar, for files that cannot hold them or shall not change.

        What persons wrote into the file is in it too, as in `file?metadata=embedded`: programs read it instead of the
        file's words.
        """
        image = _image(request, session_id, image_id)
        etag = f"{image.pk}-sidecar-{image.version}"  # not -xmp-: that of sidecars without the file's words
        filename = f"{_suggested(image)}.xmp"
        response = file_response(request, "application/rdf+xml", etag=etag, caching="no-cache", filename=filename)
        if isinstance(response, HttpResponseNotModified):
            return response
        response.content = embedded_words.sidecar(image)
        return response


class ImageThumbnailView(APIView):
    @extend_schema(
        operation_id="sessions_image_thumbnail",
        parameters=[
            OpenApiParameter(
                "size",
                {"type": "integer", "enum": list(THUMBNAIL_SIZES), "default": THUMBNAIL_SIZES[0]},
                description="Pixels of the longer side; smaller images keep their size.",
            )
        ],
        responses={
            (200, "image/jpeg"): OpenApiTypes.BINARY,
            **_NOT_MODIFIED,
            **error_responses(InvalidRequest, NotFound, PayloadTooLarge, UnreadableImage),
        },
    )
    def get(self, request: Request, session_id: str, image_id: str) -> HttpResponseBase:
        """A JPEG of the image, upright and in sRGB, transparency on white."""
        size = _size(request)
        image = _image(request, session_id, image_id)
        response = file_response(request, "image/jpeg", etag=f"{image.pk}-{size}")
        if isinstance(response, HttpResponseNotModified):
            return response
        stored = thumbnails.thumbnail_read(image, size)
        if stored is not None:
            response.content = stored
            return response
        account = account_of(request)
        with limits.acquire_stream_slot(account) as slot:
            making = thumbnails.thumbnail_make(image, account=account, size=size)
            request_id = request._request.META["forge.request_id"]
            hand_off(request, ThumbnailResponder(jpeg_of(making), request_id), slot)
        return response


def _image(request: Request, session_id: str, image_id: str) -> Image:
    return selectors.image_get(account_of(request), session_id, image_id)


def _state(image: Image) -> Any:
    return ImageStateSerializer(image).data


def _size(request: Request) -> int:
    given = request.query_params.get("size", str(THUMBNAIL_SIZES[0]))
    if given not in map(str, THUMBNAIL_SIZES):
        raise InvalidRequest(f"size is {' or '.join(map(str, THUMBNAIL_SIZES))}.")
    return int(given)


def _suggested(image: Image) -> str:
    if not image.filename:
        return image.original_filename
    return f"{image.filename}.{image.storage_key.rpartition('.')[2]}"
