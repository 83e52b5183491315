"""The API page: Redoc and the OpenAPI document, all from this service."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

_SCRIPT = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


@require_safe
@cache_control(public=True, max_age=86_400)
def redoc_script(request: HttpRequest) -> HttpResponse:
    """Redoc without the logo that it would load from its maker's host."""
    return HttpResponse(_script(), content_type="text/javascript")


@cache
def _script() -> bytes:
    return Path(str(finders.find(_SCRIPT))).read_bytes().replace(_LOGO, b"data:,")
