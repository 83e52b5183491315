"""A crafted cursor is 400, never 500: cursors are signed, each for its kind of list."""

import base64

import pytest
from django.core.signing import Signer

from forge.credits import ledger
from forge.models import Account
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

QUERIES = [
    "p=9999-12-31T23:59:59-14:00",
    "p=0001-01-01T00:00:00+14:00",
    "p=\x00",
    "p=9223372036854775808",
    "p=-9223372036854775809",
    "p=\u00b2",
    "p=nan",
    "p=" + "1" * 5000,
    "o=99999999999999999999",
    "o=-1",
    "r=1&p=2026-02-30",
    "r=1&p=1e400",
    "[]",
    "null",
    "\ud7ff",
]
CRAFTED = [
    "",
    "x",
    "%00",
    "%ff",
    "%F0%9F%98%80",
    ".",
    "a.b",
    "A" * 3000,
    *(base64.urlsafe_b64encode(query.encode()).decode() for query in QUERIES),
    Signer(sep=".").sign_object([0, False, "x"]),
    Signer(sep=".", key="another", salt="cursor.SessionPagination").sign_object([0, False, "x"]),
]


@pytest.fixture
def addresses(alice: Account) -> list[str]:
    session = job_factory.session_without_files(alice, 3)
    job_factory.session_without_files(alice, 1)
    ledger.grant(account_id=alice.pk, amount=1)
    return ["/sessions", "/credits/ledger", f"/sessions/{session.pk}"]


def test_crafted_cursors_are_invalid(api: ApiClient, addresses: list[str]) -> None:
    statuses = {
        (address, cursor[:40]): api.call("GET", f"{address}?cursor={cursor}").status_code
        for address in addresses
        for cursor in CRAFTED
    }

    assert {request: status for request, status in statuses.items() if status != 400} == {}


def test_a_cursor_is_valid_for_its_own_kind_of_list(api: ApiClient, addresses: list[str]) -> None:
    cursors = [api.call("GET", f"{address}?limit=1").json()["nextCursor"] for address in addresses]

    statuses = [
        [api.call("GET", f"{address}?cursor={cursor}").status_code for cursor in cursors] for address in addresses
    ]

    assert statuses == [[200, 400, 400], [400, 200, 400], [400, 400, 200]]


def test_a_changed_cursor_is_invalid(api: ApiClient, addresses: list[str]) -> None:
    cursor = api.call("GET", f"{addresses[0]}?limit=1").json()["nextCursor"]

    for place in range(0, len(cursor), 7):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert api.call("GET", f"{addresses[0]}?cursor={changed}").status_code == 400, changed


@pytest.mark.parametrize("path", ["sessions/a%00b", "jobs/%00", "sessions/x/images/%00", "jobs/%00/events"])
def test_a_null_character_in_an_id_is_not_found(api: ApiClient, path: str) -> None:
    assert api.call("GET", f"/{path}").status_code == 404
