"""Facts of a request that the ASGI layer reads before Django resolves it."""

from collections.abc import MutableMapping
from typing import Any

from django.urls import Resolver404, resolve

_UPLOADS = {"upload", "session-images"}
_KEY = "forge.is_upload"


def header(scope: MutableMapping[str, Any], name: bytes) -> bytes:
    """Return the first header of that name (lower case), else nothing."""
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")


def is_upload(scope: MutableMapping[str, Any]) -> bool:
    """Return whether the request sends a form to a route that takes files."""
    if _KEY not in scope:
        is_form = header(scope, b"content-type").lower().startswith(b"multipart/form-data")
        scope[_KEY] = is_form and scope["method"] == "POST" and _view_name(scope["path"]) in _UPLOADS
    return bool(scope[_KEY])


def _view_name(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
