"""A session holds a bounded number of images, which are paged and never loaded together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forge.accounts import account_ensure
from forge.errors import PayloadTooLarge
from forge.models import Account, Image, Session
from forge.sessions import services, validation
from tests import images
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


def all_pages(api: ApiClient, address: str, first: dict[str, Any]) -> list[str]:
    """Return the ids of a session's images, following `nextCursor` from the first page."""
    page, found = first, []
    while True:
        found += [image["id"] for image in page["images"]]
        if page["nextCursor"] is None:
            return found
        page = api.call("GET", f"{address}&cursor={page['nextCursor']}").json()


def in_order(session: Session) -> list[str]:
    return list(session.images.order_by("position").values_list("pk", flat=True))


def test_the_images_of_a_session_are_paged(api: ApiClient, alice: Account) -> None:
    session = job_factory.session_without_files(alice, 250)
    address = f"/sessions/{session.pk}?limit=40"

    first = api.call("GET", address).json()

    assert len(first["images"]) == 40
    assert all_pages(api, address, first) == in_order(session)


def test_a_small_session_is_one_page(api: ApiClient, alice: Account) -> None:
    session = job_factory.session_without_files(alice, 100)

    page = api.call("GET", f"/sessions/{session.pk}").json()

    assert (len(page["images"]), page["nextCursor"]) == (100, None)


def test_the_list_has_the_first_images_and_their_cursor(api: ApiClient, alice: Account) -> None:
    small, large = job_factory.session_without_files(alice, 3), job_factory.session_without_files(alice, 130)

    listed = {session["sessionId"]: session for session in api.call("GET", "/sessions").json()["data"]}

    assert (len(listed[small.pk]["images"]), listed[small.pk]["nextCursor"]) == (3, None)
    assert len(listed[large.pk]["images"]) == 100
    assert all_pages(api, f"/sessions/{large.pk}?limit=100", listed[large.pk]) == in_order(large)


def test_positions_are_unique_and_go_on(api: ApiClient, alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    for _ in range(2):
        api.upload(("a.jpg", images.jpeg()), ("b.jpg", images.jpeg()), path=f"/sessions/{session.pk}/images")

    assert list(session.images.order_by("position").values_list("position", flat=True)) == list(range(6))


def test_a_full_session_takes_no_more(
    api: ApiClient, alice: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FORGE_MAX_SESSION_IMAGES = 5
    session = job_factory.session_without_files(alice, 4)
    path = f"/sessions/{session.pk}/images"
    assert api.upload(("a.jpg", images.jpeg()), path=path).status_code == 201
    monkeypatch.setattr(validation, "image_check", lambda file: pytest.fail("counts come before contents"))

    response = api.upload(("b.jpg", images.jpeg()), path=path)

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert (response.json()["limit"], response.json()["actual"]) == (5, 6)


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_do_not_exceed_the_limit(make_session: MakeSession, settings: Any) -> None:
    settings.FORGE_MAX_SESSION_IMAGES = 4
    account = account_ensure(name="dora")
    session = make_session(account, 1)
    checked = [validation.images_check([SimpleUploadedFile("a.jpg", images.jpeg())], account=account) for _ in range(8)]

    def extend(files: list[validation.CheckedImage]) -> bool:
        try:
            services.session_extend(session=session, images=files)
        except PayloadTooLarge:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(extend, checked))

    assert added.count(True) == 3
    assert sorted(session.images.values_list("position", flat=True)) == [0, 1, 2, 3]


def rows_read(call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many images a call made from rows of the database."""
    made: list[Image] = []
    from_db = Image.from_db.__func__  # type: ignore[attr-defined]

    def from_db_and_record(*arguments: Any) -> Image:
        made.append(from_db(*arguments))
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(Image, "from_db", classmethod(from_db_and_record))
        call()
    return len(made)


def test_no_request_loads_a_session_whole(
    api: ApiClient, alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = job_factory.session_without_files(alice, 1_000)
    body = job_factory.body_for(session)
    body["images"] = body["images"][:3]
    path = f"/sessions/{session.pk}"

    def call(*request: Any) -> Callable[[], Any]:
        return lambda: api.call(*request)

    assert rows_read(call("POST", f"{path}/analyze", body), monkeypatch) <= 10
    assert rows_read(lambda: api.upload(("a.jpg", b"text"), path=f"{path}/images"), monkeypatch) == 0
    assert rows_read(call("GET", path), monkeypatch) == 101
    assert rows_read(call("GET", "/sessions"), monkeypatch) == 101


def test_a_file_name_is_chosen_without_reading_the_others(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    session = job_factory.session_without_files(alice, 500)
    ids = in_order(session)
    for number, pk in enumerate(ids[3:]):
        Image.objects.filter(pk=pk).update(filename=f"teapot-{number}")
    Image.objects.filter(pk=ids[1]).update(filename="Red-Kettle")
    Image.objects.filter(pk=ids[2]).update(filename="red-kettle-2")
    from forge.sessions.filenames import filename_choose

    with CaptureQueriesContext(connection) as queries:
        assert filename_choose(image=Image.objects.get(pk=ids[0]), candidates=["red-kettle"]) == "red-kettle-3"
    assert all("teapot" not in query["sql"] for query in queries)
    assert len(queries) == 3
