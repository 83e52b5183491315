"""Authorization of every endpoint, found by walking the URL patterns.

A new endpoint is included by itself. If its path has a new kind of id, or its body is not empty, the tests fail until
the tables below have an entry for it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from forge.accounts import key_issue
from forge.api.multipart import ImageFormParser
from forge.api.views import analyze, files, images, streams
from forge.credits import ledger
from forge.models import Account, ApiKey, Image, Job, Session
from forge.sessions import services, validation
from forge.sessions.stored_images import variant_key
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from tests.images import jpeg

PREFIX = "image-forge-api/v1/"
# Routes that need no API key, and why.
PUBLIC = {
    f"{PREFIX}openapi.json": "the description of the API",
    f"{PREFIX}docs": "the page of that description",
    f"{PREFIX}docs/redoc.js": "the page's script",
    f"{PREFIX}docs/": "the same as a page",
    "healthz": "probed by machines",
    "readyz": "probed by machines",
    "metrics": "probed by machines",
    "": "the studio, a page with its own key field",
}
# Routes with their own authentication, and public static files.
OTHER_AUTHENTICATION = ("admin", "static/")
METHODS = ("get", "post", "put", "patch", "delete")

Ids = dict[str, str]


def image_reference(ids: Ids) -> dict[str, Any]:
    return {"id": ids["image_id"], "uploadPath": f"/sessions/{ids['session_id']}/{ids['image_id']}.jpg"}


# Valid request bodies by route name; other routes take no body, or files.
BODIES: dict[str, Callable[[Ids], Any]] = {
    "analyze": lambda ids: {"images": [image_reference(ids)]},
    "analyze-single": lambda ids: {"image": image_reference(ids)},
    "export": lambda ids: {"images": [image_reference(ids)]},
    "sample": lambda ids: {"images": [image_reference(ids)]},
    "image-metadata": lambda _: {"version": 1, "alt": "A corrected kettle"},
    "check": lambda _: {"action": "analyze", "imageCount": 1},
}
# The ids that a path may have.
UNKNOWN_IDS = {"session_id": "sess_unknown", "image_id": "img_unknown", "job_id": "job_unknown", "variant_id": "16w"}


@dataclass(frozen=True)
class Endpoint:
    route: str
    name: str
    method: str
    takes_files: bool

    def __str__(self) -> str:
        return f"{self.method} {self.route.removeprefix(PREFIX)}"

    @property
    def ids(self) -> list[str]:
        """The names of the ids in its path, then of those in its body alone."""
        in_path = [part.partition(":")[2] for part in self.route.replace(">", "<").split("<")[1::2]]
        return in_path + (["image_id"] if self.name in ("analyze", "analyze-single", "export", "sample") else [])

    def call(self, client: ApiClient, ids: Ids) -> Any:
        path = "/" + self.route
        for name, value in ids.items():
            path = path.replace(f"<id:{name}>", value)
        assert "<" not in path, f"{self}: add to UNKNOWN_IDS what its path names"
        path = path.removeprefix("/image-forge-api/v1")
        if self.takes_files:
            return client.upload(("a.jpg", jpeg()), path=path)
        body = BODIES[self.name](ids) if self.name in BODIES else None
        return client.call(self.method, path, body, headers={"Accept": "application/json"})


def routes(resolver: Any = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry


def endpoints() -> Iterator[Endpoint]:
    for route, pattern in routes():
        if route in PUBLIC or route.startswith(OTHER_AUTHENTICATION):
            continue
        view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
        if view is None:  # a function may take any method
            yield from (Endpoint(route, pattern.name or route, m.upper(), False) for m in METHODS)
            continue
        takes_files = ImageFormParser in getattr(view, "parser_classes", [])
        yield from (Endpoint(route, pattern.name or route, m.upper(), takes_files) for m in METHODS if hasattr(view, m))


ALL = list(endpoints())
WITH_IDS = [endpoint for endpoint in ALL if endpoint.ids]
each_endpoint = pytest.mark.parametrize("endpoint", ALL, ids=str)
each_endpoint_with_ids = pytest.mark.parametrize("endpoint", WITH_IDS, ids=str)


def rows_of(account: Account) -> Ids:
    """Create a session with an image and an ended job, which is also one of an exported file."""
    files = [SimpleUploadedFile("photo.jpg", jpeg())]
    session, _ = services.session_create(account=account, images=validation.images_check(files, account=account))
    job = job_factory.submit(account, session)
    job_factory.run(job)
    variant = {"name": account.name, "path": "/a", "filename": "a.webp", "size": 1, "width": 1, "height": 1}
    job.analyses.update(variants=[variant])
    Job.objects.filter(pk=job.pk).update(action=Job.Action.EXPORT)
    default_storage.save(variant_key(session.images.get().storage_key, job.pk, variant), ContentFile(b"a"))
    return {"session_id": session.pk, "image_id": session.images.get().pk, "job_id": job.pk, "variant_id": account.name}


@pytest.fixture
def alice_ids(alice: Account) -> Ids:
    return rows_of(alice)


def test_the_url_walk_finds_the_api() -> None:
    assert {"GET sessions", "POST sessions/upload", "GET jobs/<id:job_id>/events"} <= {str(one) for one in ALL}
    assert {name for endpoint in ALL for name in endpoint.ids} <= set(UNKNOWN_IDS), (
        "add to UNKNOWN_IDS what the path names"
    )


@pytest.fixture
def streams_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorization ends before the ASGI layer sends the stream."""

    def end(request: Any, responder: Any, slot: Any) -> None:
        if hasattr(responder, "response"):
            responder.response.close()
        slot.release()

    for view in (analyze, files, images):
        monkeypatch.setattr(view, "hand_off", end)
    monkeypatch.setattr(streams, "hand_off_stream", end)


@each_endpoint
@pytest.mark.usefixtures("streams_are_not_sent")
def test_the_owner_is_authorized(api: ApiClient, alice_ids: Ids, endpoint: Endpoint) -> None:
    """Shows that path and body are right, so that the refusals below have the tested cause."""
    assert endpoint.call(api, alice_ids).status_code < 300


def change(keys: Any, **values: Any) -> None:
    keys.update(**values)


def deactivate_account(keys: Any) -> None:
    Account.objects.filter(keys__in=keys).update(is_active=False)


REFUSED: dict[str, tuple[Callable[[Any], Any], int, str]] = {
    "inactive": (partial(change, is_active=False), 403, "api_key_inactive"),
    "expired": (lambda keys: keys.update(expires_at=timezone.now() - timedelta(seconds=1)), 403, "api_key_inactive"),
    "of an inactive account": (deactivate_account, 403, "api_key_inactive"),
    "deleted": (lambda keys: keys.delete(), 401, "invalid_api_key"),
}


@each_endpoint
def test_requests_without_a_valid_key_are_refused(alice: Account, alice_ids: Ids, endpoint: Endpoint) -> None:
    for text in (None, "sk-" + "x" * 43):
        response = endpoint.call(ApiClient(text), alice_ids)
        assert (response.status_code, response.json()["code"]) == (401, "invalid_api_key"), text
        assert response["WWW-Authenticate"]
    for kind, (invalidate, status, code) in REFUSED.items():
        key, text = key_issue(account=alice)
        invalidate(ApiKey.objects.filter(pk=key.pk))
        response = endpoint.call(ApiClient(text), alice_ids)
        Account.objects.update(is_active=True)
        assert (response.status_code, response.json()["code"]) == (status, code), kind
    assert_untouched(alice, alice_ids)


@each_endpoint_with_ids
def test_rows_of_other_accounts_are_not_found(
    alice: Account, alice_ids: Ids, bob: Account, bobs_api: ApiClient, endpoint: Endpoint
) -> None:
    """Also where only one of the ids is another account's; the error equals that of an unknown id but for the id."""
    bob_ids = rows_of(bob)
    sentences = []
    for others in (alice_ids, UNKNOWN_IDS):
        for names in [endpoint.ids, *([name] for name in endpoint.ids)]:
            response = endpoint.call(bobs_api, {**bob_ids, **{name: others[name] for name in names}})
            assert (response.status_code, response.json()["code"]) == (404, "not_found"), names
            sentences.append(re.sub(r"(sess|img|job)_\w+", r"\1_…", response.json()["error"]))
    assert sentences[: len(sentences) // 2] == sentences[len(sentences) // 2 :]
    assert_untouched(alice, alice_ids)


@each_endpoint_with_ids
@pytest.mark.django_db(transaction=True)
def test_deleted_rows_are_not_found(endpoint: Endpoint) -> None:
    from forge.accounts import account_ensure

    carol = account_ensure(name="carol", credits=100)
    ids = rows_of(carol)
    services.session_delete(session=Session.objects.get(pk=ids["session_id"]))

    response = endpoint.call(ApiClient(key_issue(account=carol)[1]), ids)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("endpoint", [one for one in ALL if not one.ids], ids=str)
def test_responses_without_ids_contain_no_rows_of_others(
    alice_ids: Ids, bobs_api: ApiClient, endpoint: Endpoint
) -> None:
    text = endpoint.call(bobs_api, UNKNOWN_IDS).content.decode()

    assert [value for value in alice_ids.values() if value in text] == []


def assert_untouched(account: Account, ids: Ids) -> None:
    assert Session.objects.get(pk=ids["session_id"]).images.count() == 1
    assert Image.objects.filter(pk=ids["image_id"]).exists()
    assert [job.pk for job in Job.objects.filter(account=account)] == [ids["job_id"]]
    assert ledger.balance(account.pk) == 99


def test_an_api_key_opens_no_admin_page(db: None, api: ApiClient) -> None:
    """Only the login page is open."""
    addresses = {
        route: "/" + re.sub(r"<[^>]*>|\(.*\)", "1", route) for route, _ in routes() if route.startswith("admin/")
    }
    opened = {route for route, address in addresses.items() if api.get(address).status_code < 300}

    assert len(addresses) > 30
    assert opened == {"admin/login/"}
