from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import selectors
from forge.api.account import account_of
from forge.api.asgi.disconnect import disconnected_of
from forge.api.idempotency import KEY_HEADER, idempotent_request
from forge.api.include import include_parameter, listed
from forge.api.multipart import FILES_FIELD, ImageFormParser
from forge.api.pagination import ImagePagination, SessionPagination
from forge.api.schema import ANALYZE_SAMPLES, error_responses
from forge.api.serializers import SessionSerializer, UploadedSessionSerializer, UploadRequest
from forge.api.session_results import SessionResultsSerializer
from forge.api.throttling import BytesThrottle, RequestsThrottle
from forge.errors import (
    Conflict,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    SessionExpired,
    UnreadableImage,
    UnsupportedImage,
)
from forge.idempotency import ClaimedKey
from forge.representations import session_representation
from forge.sessions import services, validation
from forge.sessions.validation import CheckedImage

_UPLOAD_ERRORS = (
    InvalidRequest,
    PayloadTooLarge,
    UnsupportedImage,
    UnreadableImage,
    IdempotencyInProgress,
    IdempotencyMismatch,
)


_INCLUDE = include_parameter("`results`: each image with its state and latest result, as one image has it.", "results")


def _session(session: Any, with_results: bool) -> Any:
    return (SessionResultsSerializer if with_results else SessionSerializer)(session).data


def _checked_images(request: Request, claimed_key: ClaimedKey | None) -> list[CheckedImage]:
    return validation.images_check(
        request.FILES.getlist(FILES_FIELD),
        account=account_of(request),
        claimed_key=claimed_key,
        disconnected=disconnected_of(request),
    )


class UploadView(APIView):
    parser_classes = [ImageFormParser]
    throttle_classes = [RequestsThrottle, BytesThrottle]

    @extend_schema(
        operation_id="sessions_upload",
        parameters=[KEY_HEADER],
        extensions=ANALYZE_SAMPLES,
        request={"multipart/form-data": UploadRequest},
        responses={201: UploadedSessionSerializer, **error_responses(*_UPLOAD_ERRORS)},
    )
    def post(self, request: Request) -> Response:
        """Upload images into a new session. If a file is bad, nothing is stored and each bad file is named."""
        with idempotent_request(request) as idempotent:
            if not idempotent.is_first:
                return Response(idempotent.response, status=201)
            images = _checked_images(request, idempotent.key)
            session, added = services.session_create(
                account=account_of(request), images=images, claimed_key=idempotent.key
            )
        return Response(session_representation(session, added), status=201)


class SessionImagesView(APIView):
    parser_classes = [ImageFormParser]
    throttle_classes = [RequestsThrottle, BytesThrottle]

    @extend_schema(
        operation_id="sessions_images_add",
        parameters=[KEY_HEADER],
        request={"multipart/form-data": UploadRequest},
        responses={201: UploadedSessionSerializer, **error_responses(*_UPLOAD_ERRORS, NotFound, SessionExpired)},
    )
    def post(self, request: Request, session_id: str) -> Response:
        """Add images to an open session. The response is the session with the images that were added."""
        session = selectors.session_get(account_of(request), session_id)
        with idempotent_request(request) as idempotent:
            if not idempotent.is_first:
                return Response(idempotent.response, status=201)
            services.session_require_capacity(session, len(request.FILES.getlist(FILES_FIELD)))
            images = _checked_images(request, idempotent.key)
            added = services.session_extend(session=session, images=images, claimed_key=idempotent.key)
        return Response(session_representation(session, added), status=201)


class SessionListView(APIView):
    pagination_class = SessionPagination

    @extend_schema(
        operation_id="sessions_list",
        parameters=[
            OpenApiParameter(
                "q",
                {"type": "string", "maxLength": selectors.MAX_QUERY},
                description=(
                    "Sessions with an image whose words (metadata and file name) begin with each word of `q`, in any "
                    "order and without case."
                ),
            ),
            _INCLUDE,
        ],
        responses={200: SessionResultsSerializer(many=True), **error_responses(InvalidRequest)},
    )
    def get(self, request: Request) -> Response:
        """The account's sessions, newest first, each with its first 100 images."""
        paginator, most = SessionPagination(), ImagePagination.page_size
        with_results = bool(listed(request, "include", "results"))
        sessions = selectors.sessions_with_images(
            account_of(request),
            most=most + 1,
            query=request.query_params.get("q"),
            with_results=with_results,
        )
        page: list[Any] = paginator.paginate_queryset(sessions, request, self) or []
        for session in page:
            has_more = len(session.page) > most
            session.page = session.page[:most]
            session.next_cursor = ImagePagination().cursor_after(session.page[-1]) if has_more else None
        return paginator.get_paginated_response([_session(session, with_results) for session in page])


class SessionView(APIView):
    @extend_schema(
        operation_id="sessions_get",
        parameters=[
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 100}),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="The `nextCursor` of the page before."),
            _INCLUDE,
        ],
        responses={200: SessionResultsSerializer, **error_responses(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, session_id: str) -> Response:
        """One session with its images, up to 100 at a time, in the order of their upload."""
        session: Any = selectors.session_get(account_of(request), session_id)
        paginator = ImagePagination()
        with_results = bool(listed(request, "include", "results"))
        images = selectors.images_of(session, with_results=with_results)
        session.page = paginator.paginate_queryset(images, request, self)
        session.next_cursor = paginator.get_next_link()
        return Response(_session(session, with_results))

    @extend_schema(operation_id="sessions_delete", responses={204: None, **error_responses(NotFound, Conflict)})
    def delete(self, request: Request, session_id: str) -> Response:
        """Delete a session with its files, jobs and metadata. The ledger stays. 409 while one of its jobs runs."""
        services.session_delete(session=selectors.session_get(account_of(request), session_id))
        return Response(status=204)
