"""Counts before contents, the first wrong item ends the check, and an error body does not grow with its request."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework import serializers

from forge.api.analyze_requests import ImageReferenceRequest
from forge.api.error_members import MAX_BYTES
from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Record each item whose contents are checked."""
    checked: list[object] = []
    check = ImageReferenceRequest.run_validation

    def record(self: ImageReferenceRequest, data: Any = serializers.empty) -> Any:
        checked.append(data)
        return check(self, data)

    monkeypatch.setattr(ImageReferenceRequest, "run_validation", record)
    return checked


@pytest.mark.parametrize("item", ["{}", "1", "[]", '{"id":7}', "null"])
def test_a_megabyte_of_items_is_counted_and_not_checked(api: ApiClient, validations: list[object], item: str) -> None:
    count = 900_000 // (len(item) + 1)
    body = b'{"images":[' + ",".join([item] * count).encode() + b"]}"

    response = api.call("POST", "/sessions/sess_1/analyze", body)

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert (response.json()["limit"], response.json()["actual"]) == (100, count)
    assert validations == []
    assert len(response.content) < 500


def test_the_first_wrong_item_ends_the_check(api: ApiClient, validations: list[object]) -> None:
    good = {"id": "img_1", "uploadPath": "/x"}

    response = api.call("POST", "/sessions/sess_1/analyze", {"images": [good, good, {"id": "img_2"}, {}, 5]})

    assert response.status_code == 400
    assert response.json()["error"] == "images[2].uploadPath: This field is required."
    assert response.json()["fields"] == {"images": {"2": {"uploadPath": ["This field is required."]}}}
    assert len(validations) == 3


def test_an_item_that_is_no_object_is_named(api: ApiClient) -> None:
    response = api.call("POST", "/sessions/sess_1/analyze", {"images": ["img_1"]})

    assert response.status_code == 400
    assert response.json()["error"].startswith("images[0]: ")


@pytest.mark.parametrize("text", ["x" * 500_000, "\u2603" * 100_000, "\U0001f98a" * 100_000, "\x01" * 100_000])
def test_a_long_text_is_not_returned(api: ApiClient, text: str) -> None:
    response = api.call("POST", "/credits/check", {"action": text, "imageCount": 1})

    assert response.status_code == 400
    assert len(response.content) < 8192


def test_many_bad_files_with_long_names_are_named_in_a_bounded_body(api: ApiClient) -> None:
    files = [(f"{number:03}{'名' * 240}.jpg", b"text") for number in range(100)]

    response = api.upload(*files)

    assert response.status_code == 415
    assert len(response.content) < 8192
    named = response.json()["files"]
    assert len(named) + response.json()["filesOmitted"] == 100
    assert [file["name"][:3] for file in named] == [f"{number:03}" for number in range(len(named))]


def test_every_bad_file_with_a_short_name_is_named(api: ApiClient) -> None:
    response = api.upload(*[(f"{number}.jpg", b"text") for number in range(100)])

    assert len(response.content) < 8192
    assert [file["name"] for file in response.json()["files"]] == [f"{number}.jpg" for number in range(100)]


def test_many_images_under_analysis_are_named_in_a_bounded_body(
    api: ApiClient, alice: Account, make_session: MakeSession, settings: Any
) -> None:
    settings.FORGE_MAX_IMAGES = 1_000
    session = job_factory.session_without_files(alice, 400)
    body = job_factory.body_for(session)
    body["images"] = [{**image, "uploadPath": "/another"} for image in body["images"]]

    response = api.call("POST", f"/sessions/{session.pk}/analyze", body)

    assert (response.status_code, response.json()["code"]) == (422, "upload_path_mismatch")
    assert len(response.content) <= MAX_BYTES
    assert len(response.json()["imageIds"]) + response.json()["imageIdsOmitted"] == 400


def test_a_body_of_members_of_any_shape_is_bounded() -> None:
    from forge.api.error_members import members_bounded

    fields: dict[str, Any] = {"deep": {}}
    inner = fields["deep"]
    for _ in range(50):
        inner["next"] = {"text": "ü" * 1_000}
        inner = inner["next"]

    bounded = members_bounded({"fields": fields, "list": [["é" * 500] * 500] * 500, "limit": 5}, beside={})

    assert len(json.dumps(bounded)) <= MAX_BYTES
    assert bounded["limit"] == 5
