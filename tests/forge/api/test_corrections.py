"""A person's words: saved with their version, kept by a later analysis, never lost to another tab's."""

from collections.abc import Callable
from typing import Any

import pytest

from forge.models import Account, Image, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient


@pytest.fixture
def session(alice: Account, make_session: Callable[..., Session]) -> Session:
    session = make_session(alice, 2)
    job_factory.run(job_factory.submit(alice, session))
    return session


@pytest.fixture
def path(session: Session) -> str:
    return path_of(session.images.get(position=0))


def path_of(image: Image) -> str:
    return f"/sessions/{image.session_id}/images/{image.pk}"


def correct(api: ApiClient, path: str, **fields: Any) -> Any:
    return api.call("PATCH", f"{path}/metadata", fields)


def test_a_correction_replaces_its_fields_and_marks_them(api: ApiClient, path: str) -> None:
    before = api.call("GET", path).json()

    answer = correct(api, path, version=before["version"], alt="A copper kettle", seoTags=["Copper", "kettle", "tea"])

    assert answer.status_code == 200
    after = answer.json()
    assert after["metadata"] == {**before["metadata"], "alt": "A copper kettle", "seoTags": ["copper", "kettle", "tea"]}
    assert (before["edited"], after["edited"]) == ([], ["alt", "seoTags"])
    assert after["version"] == before["version"] + 1
    assert (before["needsReview"], after["needsReview"]) == (True, False)
    assert api.call("GET", path).json() == after


def test_a_stale_version_is_a_conflict_with_the_present_state(api: ApiClient, path: str) -> None:
    version = api.call("GET", path).json()["version"]
    long = "A kettle on a table. " * 30
    first = correct(api, path, version=version, description=long.strip())

    second = correct(api, path, version=version, description="Another.")

    assert (second.status_code, second.json()["code"]) == (409, "edit_conflict")
    assert second.json()["image"] == first.json() == api.call("GET", path).json()


def test_a_later_analysis_keeps_what_a_person_wrote(api: ApiClient, alice: Account, session: Session) -> None:
    image = session.images.get(position=0)
    path = path_of(image)
    version = api.call("GET", path).json()["version"]
    written = {"alt": "A copper kettle", "caption": "Tea time.", "filename": "tea-time"}
    correct(api, path, version=version, **written)

    job = job_factory.submit(alice, session)
    job_factory.run(job)

    after = api.call("GET", path).json()
    assert after["metadata"] == {**job_factory.METADATA, **written}
    assert (after["version"], after["edited"]) == (version + 2, ["alt", "caption", "filename"])
    assert after["needsReview"] is False  # a person wrote what the review is about
    [analysed] = [one for one in api.call("GET", f"/jobs/{job.pk}").json()["images"] if one["imageId"] == image.pk]
    assert analysed["metadata"] == after["metadata"]
    assert correct(api, path, version=version + 1, alt="Late").json()["code"] == "edit_conflict"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": ""},
        {"alt": "x" * 251},
        {"filename": "Not a name"},
        {"filename": "a--b"},
        {"seoTags": ["one", "two", "ONE"]},
        {"seoTags": [f"tag{n}" for n in range(16)]},
        {"caption": "a\0b"},
    ],
    ids=str,
)
def test_wrong_fields_are_refused_and_nothing_changes(api: ApiClient, path: str, fields: dict[str, Any]) -> None:
    before = api.call("GET", path).json()

    answer = correct(api, path, version=before["version"], **fields)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert api.call("GET", path).json() == before


def test_a_version_is_required(api: ApiClient, path: str) -> None:
    assert correct(api, path, alt="A kettle").json()["code"] == "invalid_request"


def test_a_file_name_of_another_image_is_a_conflict(api: ApiClient, session: Session) -> None:
    first, second = (path_of(image) for image in session.images.order_by("position"))
    taken = api.call("GET", second).json()["metadata"]["filename"]

    answer = correct(api, first, version=api.call("GET", first).json()["version"], filename=taken)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert taken in answer.json()["error"]


def test_an_image_without_a_result_has_nothing_to_correct(
    api: ApiClient, alice: Account, make_session: Callable[..., Session]
) -> None:
    image = make_session(alice, 1).images.get()

    assert correct(api, path_of(image), version=0, alt="A kettle").json()["code"] == "conflict"


def test_a_decorative_image_has_an_empty_alt(api: ApiClient, path: str) -> None:
    version = api.call("GET", path).json()["version"]

    assert correct(api, path, version=version, alt="").json()["metadata"]["alt"] == ""


def test_a_session_includes_the_results_of_its_images(api: ApiClient, session: Session, path: str) -> None:
    plain = api.call("GET", f"/sessions/{session.pk}").json()["images"][0]
    listed = api.call("GET", f"/sessions/{session.pk}?include=results").json()["images"][0]

    assert listed == api.call("GET", path).json()
    assert "metadata" not in plain
    assert api.call("GET", "/sessions?include=results").json()["data"][0]["images"][0] == listed
    assert api.call("GET", "/sessions?include=wrong").status_code == 400
