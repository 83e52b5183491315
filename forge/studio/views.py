"""The studio: a page whose scripts are a client of the public API. It sets no cookie and reads no row."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# Narrower than that of the other pages: no inline style, no data: URL, no form that is sent.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    limits = {"most_images": settings.FORGE_MAX_IMAGES, "most_bytes": settings.FORGE_MAX_IMAGE_BYTES}
    response = render(request, "studio/page.html", limits)
    response["Content-Security-Policy"] = _POLICY
    response["Cache-Control"] = "no-cache"
    return response
