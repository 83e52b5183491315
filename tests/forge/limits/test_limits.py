"""What one account may do in a time and at one time, and what is told to one that does more."""

import asyncio
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forge.accounts import account_ensure, key_issue
from forge.api.asgi.handoff import HandoffMiddleware, SlotResponder
from forge.api.asgi.types import Message, Receive, Send
from forge.credits import ledger
from forge.limits import counters, open_streams, rates
from forge.limits.rates import _SlidingWindow
from forge.models import Account, Job, Session
from tests import images
from tests.forge import job_factory
from tests.forge.api.test_handoff import Call, body_for
from tests.forge.conftest import ApiClient

BALANCE = "/credits/balance"


def limit(account: Account, **limits: int | None) -> None:
    Account.objects.filter(pk=account.pk).update(**limits)


@pytest.fixture
def without_redis(settings: Any) -> Iterator[None]:
    """Nobody listens there."""

    def forget() -> None:
        counters.redis.cache_clear()
        rates._storage.cache_clear()
        open_streams._script.cache_clear()
        counters._retry_at = 0.0

    url, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    forget()
    yield
    settings.REDIS_URL = url
    forget()


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_more_requests_than_the_limit_are_told_when_to_come_back(alice: Account, api: ApiClient) -> None:
    limit(alice, requests_per_minute=3)

    answers = [api.call("GET", BALANCE) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    told = answers[3].json()
    assert (told["code"], told["limit"]) == ("rate_limited", 3)
    assert told["requestId"] == answers[3].headers["X-Request-Id"]
    assert 60 <= int(answers[3].headers["Retry-After"]) <= 120


def test_every_answer_tells_what_is_left(alice: Account, api: ApiClient) -> None:
    limit(alice, requests_per_minute=3)

    answers = [api.call("GET", path) for path in (BALANCE, "/sessions/nowhere", "/sessions?limit=0", BALANCE)]

    assert [answer.status_code for answer in answers] == [200, 404, 400, 429]
    assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["3"] * 4
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert all(0 < int(answer.headers["RateLimit-Reset"]) <= 120 for answer in answers)


def test_each_account_has_a_count_of_its_own_and_all_its_keys_share_it(
    alice: Account, api: ApiClient, bobs_api: ApiClient
) -> None:
    limit(alice, requests_per_minute=1)
    other_key = ApiClient(key_issue(account=alice)[1])

    assert api.call("GET", BALANCE).status_code == 200
    assert other_key.call("GET", BALANCE).status_code == 429
    assert bobs_api.call("GET", BALANCE).status_code == 200


def test_the_settings_hold_where_the_account_says_nothing(alice: Account, api: ApiClient, settings: Any) -> None:
    settings.FORGE_REQUESTS_PER_MINUTE = 1
    assert [api.call("GET", BALANCE).status_code for _ in range(2)] == [200, 429]

    limit(alice, requests_per_minute=0)
    answers = [api.call("GET", BALANCE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert "RateLimit-Limit" not in answers[0].headers


def test_who_has_no_key_is_refused_and_not_counted(alice: Account, settings: Any) -> None:
    settings.FORGE_REQUESTS_PER_MINUTE = 1

    answers = [ApiClient("sk-nobody").call("GET", BALANCE) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [401, 401]


def test_without_redis_reading_goes_on_uncounted(alice: Account, api: ApiClient, without_redis: None) -> None:
    limit(alice, requests_per_minute=1)

    answers = [api.call("GET", BALANCE) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "RateLimit-Limit" not in answers[0].headers


@given(
    limit=st.integers(1, 50),
    cost=st.integers(1, 50),
    earlier=st.integers(0, 50),
    later=st.integers(0, 50),
    age=st.floats(0, 60, exclude_max=True, allow_subnormal=False),
)
def test_who_waits_as_told_is_served_and_who_waits_less_is_not(
    limit: int, cost: int, earlier: int, later: int, age: float
) -> None:
    now = _SlidingWindow(60.0, earlier, 60.0 - age, later, 120.0 - age)
    assume(cost <= limit < now.weight + cost)

    wait = now.seconds_until(limit - cost)

    assert at(now, wait + 0.001).weight + cost <= limit
    assert at(now, wait - 0.001).weight + cost > limit


def at(window: _SlidingWindow, seconds: float) -> _SlidingWindow:
    """The same window later: as the library shifts it when its time is over."""
    later_left = window.later_left - seconds
    if later_left <= window.width:
        return _SlidingWindow(window.width, window.later, max(0.0, later_left), 0, 2 * window.width)
    return _SlidingWindow(
        window.width, window.earlier, max(0.0, window.earlier_left - seconds), window.later, later_left
    )


# --- Bytes ------------------------------------------------------------------------------------------------------------


def test_bytes_of_a_day_are_counted_whether_the_files_are_kept_or_not(alice: Account, api: ApiClient) -> None:
    picture = images.jpeg() + bytes(4000)
    limit(alice, bytes_per_day=12_000)

    answers = [api.upload(("a.jpg", file)) for file in (picture, b"text" * 1000, picture)]

    assert [answer.status_code for answer in answers] == [201, 415, 429]
    told = answers[2].json()
    assert (told["code"], told["limit"]) == ("rate_limited", 12_000)
    assert int(answers[2].headers["Retry-After"]) > 3600
    assert answers[2].headers["RateLimit-Limit"] == "12000"
    assert Session.objects.count() == 1


def test_a_day_s_bytes_bound_adding_to_a_session_too(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 1)
    limit(alice, bytes_per_day=100)

    answer = api.upload(("a.jpg", images.jpeg()), path=f"/sessions/{session.pk}/images")

    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert session.images.count() == 1


# --- Streams ----------------------------------------------------------------------------------------------------------


class Streams:
    """alice's, of whom one stream may be open."""

    def __init__(self, make_session: Callable[..., Session]) -> None:
        self.account = account_ensure(name="alice", credits=100)
        limit(self.account, open_streams=1)
        self.key = key_issue(account=self.account)[1]
        self.session = make_session(self.account, 1)
        self.body = body_for(self.session)

    async def analyze(self, **headers: str) -> Call:
        call = Call("POST", f"/sessions/{self.session.pk}/analyze", self.key, self.body, headers)
        await call.start()
        return call

    async def follow(self, job_id: str) -> Call:
        call = Call("GET", f"/jobs/{job_id}/events", self.key)
        await call.start()
        return call

    async def followed(self, job_id: str) -> Call:
        """Once there is a seat again."""
        deadline = time.monotonic() + 20
        while (call := await self.follow(job_id)).status == 429:
            assert time.monotonic() < deadline, "the seat is not free"
            await call.finish()
        return call

    def open(self) -> int:
        return int(counters.redis().zcard(f"forge:streams:{self.account.pk}"))


@pytest.fixture
def streams(transactional_db: None, make_session: Callable[..., Session]) -> Streams:
    return Streams(make_session)


def test_one_stream_too_many_is_refused_until_another_has_ended(streams: Streams) -> None:
    job = job_factory.submit(streams.account, streams.session)

    async def run() -> Call:
        first = await streams.follow(job.pk)
        refused = await streams.follow(job.pk)
        assert refused.status == 429
        assert '"rate_limited"' in await refused.finish()
        assert int(refused.headers["retry-after"]) > 0
        await first.leave()
        return await streams.followed(job.pk)

    async def run_and_leave() -> int:
        call = await run()
        await call.leave()
        return call.status

    assert asyncio.run(run_and_leave()) == 200


def test_a_stream_that_is_refused_starts_no_job(streams: Streams) -> None:
    async def run() -> tuple[int, int]:
        job = await asyncio.to_thread(job_factory.submit, streams.account, streams.session)
        first = await streams.follow(job.pk)
        refused = await streams.analyze()
        await refused.finish()
        await first.leave()
        return first.status, refused.status

    assert asyncio.run(run()) == (200, 429)
    assert Job.objects.count() == 1
    assert ledger.balance(streams.account.pk) == 99


def test_a_job_that_is_refused_takes_no_seat(streams: Streams) -> None:
    job_factory.submit(streams.account, streams.session)

    async def run() -> int:
        call = await streams.analyze()
        await call.finish()
        return call.status

    assert asyncio.run(run()) == 409
    deadline = time.monotonic() + 20
    while streams.open():
        assert time.monotonic() < deadline, "the seat is not free"


def test_an_answer_that_is_no_stream_takes_no_seat(streams: Streams) -> None:
    async def run() -> list[int]:
        first = await streams.analyze(accept="application/json")
        await first.finish()
        return [first.status, streams.open()]

    assert asyncio.run(run()) == [202, 0]
    assert Job.objects.count() == 1


def test_without_redis_a_stream_opens_uncounted(streams: Streams, request: pytest.FixtureRequest) -> None:
    job = job_factory.submit(streams.account, streams.session)
    request.getfixturevalue("without_redis")

    async def run() -> list[int]:
        calls = [await streams.follow(job.pk) for _ in range(2)]
        for call in calls:
            await call.leave()
        return [call.status for call in calls]

    assert asyncio.run(run()) == [200, 200]


def test_a_client_that_leaves_before_its_stream_begins_leaves_its_seat(streams: Streams) -> None:
    async def never(start: Message, send: Send) -> None:
        raise AssertionError("nobody is there to be answered")

    async def abandoned(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The view's thread ends after its client has gone, and Django sends nothing any more."""
        with open_streams.acquire_stream_slot(streams.account) as slot:
            assert slot is not None
            scope["forge.responder"] = SlotResponder(never, slot)

    async def run() -> None:
        middleware = HandoffMiddleware(abandoned)
        await middleware({"type": "http"}, never, never)  # type: ignore[arg-type]

    asyncio.run(run())
    deadline = time.monotonic() + 20
    while streams.open():
        assert time.monotonic() < deadline, "the seat is not free"
