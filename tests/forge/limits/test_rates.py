"""Rate limits: requests per minute and upload bytes per day."""

from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from forge.accounts import key_issue
from forge.limits.rates import _SlidingWindow
from forge.models import Account, Session
from tests import images
from tests.forge.conftest import ApiClient
from tests.forge.limits.conftest import set_limits

BALANCE = "/credits/balance"


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_requests_over_the_limit_return_429_with_retry_after(alice: Account, api: ApiClient) -> None:
    set_limits(alice, requests_per_minute=3)

    responses = [api.call("GET", BALANCE) for _ in range(4)]

    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    body = responses[3].json()
    assert (body["code"], body["limit"]) == ("rate_limited", 3)
    assert body["requestId"] == responses[3].headers["X-Request-Id"]
    assert 60 <= int(responses[3].headers["Retry-After"]) <= 120


def test_every_response_has_rate_limit_headers(alice: Account, api: ApiClient) -> None:
    set_limits(alice, requests_per_minute=3)

    responses = [api.call("GET", path) for path in (BALANCE, "/sessions/nowhere", "/sessions?limit=0", BALANCE)]

    assert [response.status_code for response in responses] == [200, 404, 400, 429]
    assert [response.headers["RateLimit-Limit"] for response in responses] == ["3"] * 4
    assert [response.headers["RateLimit-Remaining"] for response in responses] == ["2", "1", "0", "0"]
    assert all(0 < int(response.headers["RateLimit-Reset"]) <= 120 for response in responses)


def test_requests_are_counted_per_account_over_all_its_keys(
    alice: Account, api: ApiClient, bobs_api: ApiClient
) -> None:
    set_limits(alice, requests_per_minute=1)
    other_key = ApiClient(key_issue(account=alice)[1])

    assert api.call("GET", BALANCE).status_code == 200
    assert other_key.call("GET", BALANCE).status_code == 429
    assert bobs_api.call("GET", BALANCE).status_code == 200


def test_the_settings_apply_to_accounts_without_their_own_limit(alice: Account, api: ApiClient, settings: Any) -> None:
    settings.FORGE_REQUESTS_PER_MINUTE = 1
    assert [api.call("GET", BALANCE).status_code for _ in range(2)] == [200, 429]

    set_limits(alice, requests_per_minute=0)
    responses = [api.call("GET", BALANCE) for _ in range(3)]
    assert [response.status_code for response in responses] == [200] * 3
    assert "RateLimit-Limit" not in responses[0].headers


def test_requests_without_a_valid_key_are_not_counted(alice: Account, settings: Any) -> None:
    settings.FORGE_REQUESTS_PER_MINUTE = 1

    responses = [ApiClient("sk-nobody").call("GET", BALANCE) for _ in range(2)]

    assert [response.status_code for response in responses] == [401, 401]


def test_without_redis_requests_are_not_counted(alice: Account, api: ApiClient, without_redis: None) -> None:
    set_limits(alice, requests_per_minute=1)

    responses = [api.call("GET", BALANCE) for _ in range(3)]

    assert [response.status_code for response in responses] == [200] * 3
    assert "RateLimit-Limit" not in responses[0].headers


@given(
    limit=st.integers(1, 50),
    cost=st.integers(1, 50),
    earlier=st.integers(0, 50),
    later=st.integers(0, 50),
    age=st.floats(0, 60, exclude_max=True, allow_subnormal=False),
)
def test_the_wait_is_exactly_as_long_as_needed(limit: int, cost: int, earlier: int, later: int, age: float) -> None:
    now = _SlidingWindow(60.0, earlier, 60.0 - age, later, 120.0 - age)
    assume(cost <= limit < now.weight + cost)

    wait = now.seconds_until(limit - cost)

    assert window_after(now, wait + 0.001).weight + cost <= limit
    assert window_after(now, wait - 0.001).weight + cost > limit


def window_after(window: _SlidingWindow, seconds: float) -> _SlidingWindow:
    """Return the window some seconds later, shifted at its end as the library does."""
    later_left = window.later_left - seconds
    if later_left <= window.width:
        return _SlidingWindow(window.width, window.later, max(0.0, later_left), 0, 2 * window.width)
    return _SlidingWindow(
        window.width, window.earlier, max(0.0, window.earlier_left - seconds), window.later, later_left
    )


# --- Bytes ------------------------------------------------------------------------------------------------------------


def test_bytes_of_refused_files_are_counted_too(alice: Account, api: ApiClient) -> None:
    image = images.jpeg() + bytes(4000)
    set_limits(alice, bytes_per_day=12_000)

    responses = [api.upload(("a.jpg", file)) for file in (image, b"text" * 1000, image)]

    assert [response.status_code for response in responses] == [201, 415, 429]
    body = responses[2].json()
    assert (body["code"], body["limit"]) == ("rate_limited", 12_000)
    assert int(responses[2].headers["Retry-After"]) > 3600
    assert responses[2].headers["RateLimit-Limit"] == "12000"
    assert Session.objects.count() == 1


def test_adding_images_to_a_session_is_counted_too(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 1)
    set_limits(alice, bytes_per_day=100)

    response = api.upload(("a.jpg", images.jpeg()), path=f"/sessions/{session.pk}/images")

    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert session.images.count() == 1
