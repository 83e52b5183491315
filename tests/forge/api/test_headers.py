from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from forge.models import Account, Session
from tests.forge.conftest import ApiClient

PAGES = ["/admin/login/", "/image-forge-api/v1/docs/"]
DATA = ["/healthz", "/image-forge-api/v1/openapi.json", "/image-forge-api/v1/sessions", "/nothing-here"]


@pytest.mark.parametrize("path", PAGES + DATA)
def test_each_response_has_the_security_headers(db: None, path: str) -> None:
    response = Client().get(path)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "'unsafe-inline'" not in response["Content-Security-Policy"].partition("style-src")[0]


@pytest.mark.parametrize("path", DATA)
def test_data_has_the_strictest_content_security_policy(db: None, path: str) -> None:
    response = Client().get(path)

    assert response["Content-Type"].startswith("application/")
    assert response["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_no_inline_scripts(db: None, path: str) -> None:
    """The Content-Security-Policy would block them."""
    response = Client().get(path)
    scripts = response.content.decode().split("<script")[1:]

    assert response.status_code == 200
    assert [script for script in scripts if "src=" not in script.partition(">")[0]] == []


def test_an_upload_is_never_served_unchanged(
    alice: Account, api: ApiClient, admin_client: Client, make_session: Callable[..., Session]
) -> None:
    """Its path is no URL; operators get a thumbnail, re-encoded as JPEG."""
    image = make_session(alice, 1).images.get()
    for path in (image.upload_path, f"/media{image.upload_path}", f"/static{image.upload_path}"):
        assert api.get(path).status_code == 404, path
        assert admin_client.get(path).status_code == 404, path

    shown: Any = admin_client.get(f"/admin/forge/session/images/{image.pk}/thumbnail.jpg")

    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["Content-Security-Policy"].startswith("default-src 'none'")
    assert Client().get(f"/admin/forge/session/images/{image.pk}/thumbnail.jpg").status_code == 302
