"""`GET /v1/sessions?q=` finds sessions by the words and file names of their images, of one account alone."""

import importlib
from collections.abc import Callable

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from forge.models import Account, ImageWords, Session
from forge.sessions import services, validation
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from tests.images import jpeg


def make(account: Account, *names: str) -> Session:
    files = [SimpleUploadedFile(name, jpeg()) for name in names]
    return services.session_create(account=account, images=validation.images_check(files, account=account))[0]


def found(api: ApiClient, query: str) -> list[str]:
    answer = api.get("/image-forge-api/v1/sessions", {"q": query})
    assert answer.status_code == 200, answer.content
    return [session["sessionId"] for session in answer.json()["data"]]


def test_file_names_are_found_before_and_words_after_the_analysis(api: ApiClient, alice: Account) -> None:
    session = make(alice, "Holiday_2026-Crète.jpg", "other.jpg")
    make(alice, "unrelated.jpg")

    assert found(api, "holiday") == found(api, "CRÈTE 2026") == found(api, "holi") == [session.pk]
    assert found(api, "kettle") == []
    job_factory.run(job_factory.submit(alice, session))
    assert found(api, "Red kitch") == [session.pk]
    assert found(api, "red unrelated") == found(api, "ettle") == found(api, "%") == []


def test_a_correction_changes_the_words(api: ApiClient, alice: Account) -> None:
    session = make(alice, "a.jpg")
    job_factory.run(job_factory.submit(alice, session))
    path = f"/sessions/{session.pk}/images/{session.images.get().pk}"

    api.call("PATCH", f"{path}/metadata", {"version": 1, "seoTags": ["samovar", "tea", "copper"]})

    assert found(api, "samovar") == [session.pk]
    assert found(api, "kitchen") == []


def test_nobody_finds_sessions_of_others(api: ApiClient, bobs_api: ApiClient, alice: Account, bob: Account) -> None:
    make(alice, "secret.jpg")
    bobs = make(bob, "secret.jpg")

    assert found(bobs_api, "secret") == [bobs.pk]


def test_pages_of_a_search_have_cursors(api: ApiClient, alice: Account) -> None:
    made = [make(alice, f"beach{n}.jpg").pk for n in range(3)]
    make(alice, "desert.jpg")
    first = api.call("GET", "/sessions?q=beach&limit=2").json()
    second = api.call("GET", f"/sessions?q=beach&limit=2&cursor={first['nextCursor']}").json()

    assert [one["sessionId"] for one in first["data"] + second["data"]] == made[::-1]
    assert second["nextCursor"] is None


@pytest.mark.parametrize("query", ["x" * 201, "a b c d e f g h i j k"])
def test_a_long_query_is_refused(api: ApiClient, query: str) -> None:
    assert api.get("/image-forge-api/v1/sessions", {"q": query}).json()["code"] == "invalid_request"


@pytest.mark.parametrize("query", ["'", "\\", "a'b & | !:*", "\0", "٣ 日本", "🙂", '"', "<script>"])
def test_any_query_is_answered(api: ApiClient, alice: Account, query: str) -> None:
    make(alice, "a.jpg")

    found(api, query)


def test_the_migration_writes_the_words_that_the_service_writes(
    alice: Account, make_session: Callable[..., Session]
) -> None:
    session = make(alice, "Holiday_2026.jpg")
    job_factory.run(job_factory.submit(alice, session))
    written = ImageWords.objects.get().words
    ImageWords.objects.all().delete()

    importlib.import_module("forge.migrations.0016_existing_image_words").words_write(apps, None)

    assert ImageWords.objects.get().words == written
    assert "holiday 2026 jpg a red kettle" in written
