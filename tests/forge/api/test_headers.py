from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from forge.models import Account, Session
from tests.forge.conftest import ApiClient

PAGES = ["/admin/login/", "/image-forge-api/v1/docs/"]
DATA = ["/healthz", "/image-forge-api/v1/openapi.json", "/image-forge-api/v1/sessions", "/nothing-here"]


@pytest.mark.parametrize("path", PAGES + DATA)
def test_each_answer_keeps_browsers_in_bounds(db: None, path: str) -> None:
    answer = Client().get(path)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"].partition("style-src")[0]


@pytest.mark.parametrize("path", DATA)
def test_data_is_no_page(db: None, path: str) -> None:
    answer = Client().get(path)

    assert answer["Content-Type"].startswith("application/")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", PAGES)
def test_pages_bring_no_script_of_their_own_text(db: None, path: str) -> None:
    """The policy would not run it."""
    answer = Client().get(path)
    scripts = answer.content.decode().split("<script")[1:]

    assert answer.status_code == 200
    assert [script for script in scripts if "src=" not in script.partition(">")[0]] == []


def test_an_upload_is_never_served_as_it_came(
    alice: Account, api: ApiClient, admin_client: Client, make_session: Callable[..., Session]
) -> None:
    """Its address opens nothing; an operator sees a small picture made anew, of a type that is not the upload's."""
    image = make_session(alice, 1).images.get()
    for path in (image.upload_path, f"/media{image.upload_path}", f"/static{image.upload_path}"):
        assert api.get(path).status_code == 404, path
        assert admin_client.get(path).status_code == 404, path

    shown: Any = admin_client.get(f"/admin/forge/session/images/{image.pk}/thumbnail.jpg")

    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["Content-Security-Policy"].startswith("default-src 'none'")
    assert Client().get(f"/admin/forge/session/images/{image.pk}/thumbnail.jpg").status_code == 302
