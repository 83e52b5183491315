"""A session as a ZIP."""

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from forge import selectors
from forge.api.account import account_of
from forge.api.schema import error_responses
from forge.api.views.files import archive_response
from forge.errors import InvalidRequest, NotFound
from forge.sessions.archive import METADATA_CHOICES, archive_entries


class SessionArchiveView(APIView):
    http_method_names = ["get"]  # a HEAD would make the whole archive

    @extend_schema(
        operation_id="sessions_archive",
        parameters=[
            OpenApiParameter(
                "metadata",
                {"type": "string", "enum": list(METADATA_CHOICES), "default": METADATA_CHOICES[0]},
                description="Where the words go: into the files, into sidecars beside unchanged files, or nowhere.",
            ),
            OpenApiParameter(
                "images",
                {"type": "array", "items": {"type": "string"}},
                style="form",
                explode=False,
                description="Ids of the images; all without it.",
            ),
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **error_responses(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, session_id: str) -> HttpResponseBase:
        """The session as a ZIP, made while it is sent.

        Files have the names of their metadata, else their own, and their words as XMP; files that cannot hold them
        have a sidecar (`NAME.xmp`). `words.csv` has a line for each image and language, `manifest.json` what is missing
        and why.
        """
        metadata = request.query_params.get("metadata", METADATA_CHOICES[0])
        if metadata not in METADATA_CHOICES:
            raise InvalidRequest(f"metadata is {', '.join(METADATA_CHOICES[:-1])} or {METADATA_CHOICES[-1]}.")
        account = account_of(request)
        session = selectors.session_get(account, session_id)
        images = selectors.images_named(session, _listed(request.query_params.get("images")))
        return archive_response(request, session.pk, archive_entries(images, metadata))


def _listed(names: str | None) -> list[str] | None:
    return None if names is None else [name for name in names.split(",") if name]
