"""The OpenAPI document."""

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from forge.api.views.service import PublicView
from forge.single_flight import single_flight


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
