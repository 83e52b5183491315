"""The OpenAPI document, and the script of the API page, all from this service."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from forge.api.views.service import PublicView
from forge.single_flight import single_flight

_SCRIPT = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


class DocumentView(PublicView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_document(), content_type="application/json")


@single_flight
def _document() -> bytes:
    """Build the document, once in each process: that takes a good part of a second."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    text: bytes = JSONRenderer().render(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
    return text


class RedocScriptView(PublicView):
    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Redoc without the logo that it would load from its maker's host."""
        headers = {"Cache-Control": "public, max-age=86400"}
        return HttpResponse(_script(), content_type="text/javascript", headers=headers)


@cache
def _script() -> bytes:
    return Path(str(finders.find(_SCRIPT))).read_bytes().replace(_LOGO, b"data:,")
