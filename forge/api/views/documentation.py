"""The API page: Redoc and the OpenAPI document, all from this service."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from forge.api.views.service import PublicView

_SCRIPT = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


class RedocScriptView(PublicView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Redoc without the logo that it would load from its maker's host."""
        headers = {"Cache-Control": "public, max-age=86400"}
        return HttpResponse(_script(), content_type="text/javascript", headers=headers)


@cache
def _script() -> bytes:
    return Path(str(finders.find(_SCRIPT))).read_bytes().replace(_LOGO, b"data:,")
