"""Every endpoint, found by walking the URLs, against everybody who may not use it.

A new endpoint is tested here from its first day. Where its address names something new, or its body is not empty, the
test fails until the tables below say what that is.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.parsers import MultiPartParser

from forge.accounts import key_issue
from forge.api.views import analyze, streams
from forge.credits import ledger
from forge.models import Account, ApiKey, Image, Job, Session
from forge.sessions import services, validation
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from tests.images import jpeg

PREFIX = "image-forge-api/v1/"
# What answers without a key, and why.
OPEN = {
    f"{PREFIX}openapi.json": "the description of the API",
    f"{PREFIX}docs/": "the same as a page",
    "healthz": "asked by machines",
    "readyz": "asked by machines",
    "metrics": "asked by machines",
    "": "the studio, a page that asks for a key itself",
}
# What has keys of its own: Django's admin, which redirects to its login, and files that are everybody's.
ELSEWHERE = ("admin", "static/")
METHODS = ("get", "post", "put", "patch", "delete")

Ids = dict[str, str]


def image_reference(ids: Ids) -> dict[str, Any]:
    return {"id": ids["image_id"], "uploadPath": f"/sessions/{ids['session_id']}/{ids['image_id']}.jpg"}


# The body of a request that its own account may make, by the route's name; other routes take none, or files.
BODIES: dict[str, Callable[[Ids], Any]] = {
    "analyze": lambda ids: {"images": [image_reference(ids)]},
    "analyze-single": lambda ids: {"image": image_reference(ids)},
    "check": lambda _: {"action": "analyze", "imageCount": 1},
}
# What an address may name: rows of an account.
NAMED = {"session_id": "sess_unknown", "image_id": "img_unknown", "job_id": "job_unknown"}


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
        """The names in its address, those that only its body has last."""
        in_path = [part.partition(":")[2] for part in self.route.replace(">", "<").split("<")[1::2]]
        return in_path + (["image_id"] if self.name in ("analyze", "analyze-single") else [])

    def call(self, client: ApiClient, ids: Ids) -> Any:
        path = "/" + self.route
        for name, value in ids.items():
            path = path.replace(f"<id:{name}>", value)
        assert "<" not in path, f"{self}: say in NAMED what its address names"
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
        if route in OPEN or route.startswith(ELSEWHERE):
            continue
        view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
        if view is None:  # a function: no telling which methods it takes
            yield from (Endpoint(route, pattern.name or route, m.upper(), False) for m in METHODS)
            continue
        takes_files = MultiPartParser in getattr(view, "parser_classes", [])
        yield from (Endpoint(route, pattern.name or route, m.upper(), takes_files) for m in METHODS if hasattr(view, m))


ALL = list(endpoints())
NAMING = [endpoint for endpoint in ALL if endpoint.ids]
each_endpoint = pytest.mark.parametrize("endpoint", ALL, ids=str)
each_that_names_something = pytest.mark.parametrize("endpoint", NAMING, ids=str)


def rows_of(account: Account) -> Ids:
    """A session with an image, and a job that has ended."""
    files = [SimpleUploadedFile("photo.jpg", jpeg())]
    session = services.session_create(account=account, images=validation.images_check(files))
    job = job_factory.submit(account, session)
    job_factory.run(job)
    return {"session_id": session.pk, "image_id": session.images.get().pk, "job_id": job.pk}


@pytest.fixture
def alices(alice: Account) -> Ids:
    return rows_of(alice)


def test_the_walk_finds_the_api() -> None:
    assert {"GET sessions", "POST sessions/upload", "GET jobs/<id:job_id>/events"} <= {str(one) for one in ALL}
    assert {name for endpoint in ALL for name in endpoint.ids} <= set(NAMED), "say in NAMED what the address names"


@pytest.fixture
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending is the ASGI layer's; who may ask is decided before."""

    def end(request: Any, responder: Any, slot: Any) -> None:
        if hasattr(responder, "response"):
            responder.response.close()

    for view in (analyze, streams):
        monkeypatch.setattr(view, "hand_off", end)


@each_endpoint
@pytest.mark.usefixtures("streams_end_at_once")
def test_its_own_account_is_let_in(api: ApiClient, alices: Ids, endpoint: Endpoint) -> None:
    """Else a refusal of the others would show nothing: the address could be wrong, or the body."""
    assert endpoint.call(api, alices).status_code < 300


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
def test_without_a_good_key_nobody_is_let_in(alice: Account, alices: Ids, endpoint: Endpoint) -> None:
    for text in (None, "sk-" + "x" * 43):
        answer = endpoint.call(ApiClient(text), alices)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key"), text
        assert answer["WWW-Authenticate"]
    for kind, (spoil, status, code) in REFUSED.items():
        key, text = key_issue(account=alice)
        spoil(ApiKey.objects.filter(pk=key.pk))
        answer = endpoint.call(ApiClient(text), alices)
        Account.objects.update(is_active=True)
        assert (answer.status_code, answer.json()["code"]) == (status, code), kind
    assert_untouched(alice, alices)


@each_that_names_something
def test_what_is_anothers_is_not_there(
    alice: Account, alices: Ids, bob: Account, bobs_api: ApiClient, endpoint: Endpoint
) -> None:
    """Nor is it where only one of the ids is another's, and not a word tells it from what never was."""
    bobs = rows_of(bob)
    told = []
    for foreign in (alices, NAMED):
        for names in [endpoint.ids, *([name] for name in endpoint.ids)]:
            answer = endpoint.call(bobs_api, {**bobs, **{name: foreign[name] for name in names}})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), names
            told.append(answer.json()["error"])
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    assert_untouched(alice, alices)


@each_that_names_something
@pytest.mark.django_db(transaction=True)
def test_what_was_deleted_is_not_there(endpoint: Endpoint) -> None:
    from forge.accounts import account_ensure

    carol = account_ensure(name="carol", credits=100)
    ids = rows_of(carol)
    services.session_delete(session=Session.objects.get(pk=ids["session_id"]))

    answer = endpoint.call(ApiClient(key_issue(account=carol)[1]), ids)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("endpoint", [one for one in ALL if not one.ids], ids=str)
def test_what_names_nothing_tells_nothing_of_others(alices: Ids, bobs_api: ApiClient, endpoint: Endpoint) -> None:
    text = endpoint.call(bobs_api, NAMED).content.decode()

    assert [value for value in alices.values() if value in text] == []


def assert_untouched(account: Account, ids: Ids) -> None:
    assert Session.objects.get(pk=ids["session_id"]).images.count() == 1
    assert Image.objects.filter(pk=ids["image_id"]).exists()
    assert [job.pk for job in Job.objects.filter(account=account)] == [ids["job_id"]]
    assert ledger.balance(account.pk) == 99


def test_operators_pages_are_for_operators(db: None, api: ApiClient) -> None:
    """A key of the API opens none of them; only the login answers."""
    addresses = {
        route: "/" + re.sub(r"<[^>]*>|\(.*\)", "1", route) for route, _ in routes() if route.startswith("admin/")
    }
    opened = {route for route, address in addresses.items() if api.get(address).status_code < 300}

    assert len(addresses) > 30
    assert opened == {"admin/login/"}
