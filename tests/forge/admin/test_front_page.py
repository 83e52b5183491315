"""The admin's first page: what it shows, and how many queries it makes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from forge import redis_client
from forge.admin.front_page.images import Throughput, failed_jobs, outcomes, throughput
from forge.admin.front_page.queue import Waiting, duration, queue_state, stuck_reason
from forge.admin.ledger.by_day import DAYS, credits_by_day
from forge.admin.ledger.chart import chart_of, round_up
from forge.clock import database_now
from forge.credits import ledger
from forge.jobs import services
from forge.models import Account, CreditEntry, ImageAnalysis, Job, Session
from forge.operations import live_workers, readiness
from forge.operations.live_workers import Worker
from tests.forge.admin.pages import analysed, encoded_image, session_of, submitted, text_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WORKER = Worker("one", NOW, queues=("images",))

pytestmark = pytest.mark.django_db


def front_page() -> str:
    return reverse("admin:index")


def waiting(seconds: float, queue: str = "images") -> list[Waiting]:
    return [Waiting(queue, 12, NOW - timedelta(seconds=seconds))]


def midnight() -> datetime:
    return database_now().replace(hour=0, minute=0, second=0, microsecond=0)


def test_it_shows_outcomes_reasons_workers_and_credits(admin_client: Client, admin_job: Job) -> None:
    readiness.worker_alive("host:abc")
    live_workers.worker_describe("host:abc", model="blip 1.2", device="NVIDIA H200")

    text = text_of(admin_client, front_page())

    for shown in ("unreadable_image", "The image is damaged", "host:abc", "blip 1.2", "NVIDIA H200", "Not stuck"):
        assert shown in text
    assert admin_job.pk[:12] in text
    assert '<td class="forge-number forge-nowrap">1 of 2</td>' in text
    assert "failure=unreadable_image&amp;ended=today" in text
    assert "style=" not in text
    assert "<style" not in text


def test_it_is_empty_without_rows_and_says_that_redis_is_away(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    with monkeypatch.context() as patch:
        patch.setattr(redis_client, "_shared_client", lambda: away)
        text = text_of(admin_client, front_page())

    assert "No image has ended today." in text
    assert "Redis does not answer" in text


def test_a_user_without_permissions_sees_no_figures(client: Client) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_job"))
    client.force_login(user)

    assert "Images a minute" not in text_of(client, front_page())


def test_throughput_counts_images_that_ended(admin_job: Job) -> None:
    ended = ImageAnalysis.objects.filter(job=admin_job)
    now = database_now()
    ended.update(finished_at=now - timedelta(minutes=1))
    assert throughput(now).recent == pytest.approx(2 / 5)
    ended.update(finished_at=now - timedelta(minutes=30))
    assert throughput(now).recent == 0
    assert throughput(now).hour == pytest.approx(2 / 60)
    ended.update(status="cancelled")
    assert throughput(now) == Throughput(0, 0, None)


def test_outcomes_are_those_since_midnight(admin_job: Job) -> None:
    found = [(one.label, one.status, one.number) for one in outcomes(midnight())]
    assert found == [("succeeded", "succeeded", 1), ("unreadable_image", "failed", 1)]

    ImageAnalysis.objects.filter(job=admin_job).update(finished_at=midnight() - timedelta(seconds=1))
    assert outcomes(midnight()) == []


def test_a_cancelled_job_is_no_failed_job(admin_session: Session) -> None:
    job = submitted(admin_session)
    services.job_cancel(job=job)

    assert failed_jobs(midnight()) == []
    assert [(one.label, one.number) for one in outcomes(midnight())] == [("cancelled", 2)]


@pytest.mark.parametrize(
    ("images", "workers", "last_ended_s", "reason"),
    [
        ([], [WORKER], None, ""),
        ([], None, None, "Redis does not answer"),
        (waiting(1), None, None, "Redis does not answer"),
        (waiting(1), [], None, "no worker is alive"),
        (waiting(1, "gpu"), [WORKER], None, "queue gpu, which no live worker serves"),
        (waiting(1, "gpu"), [Worker("of an earlier version", NOW)], None, ""),
        (waiting(5), [WORKER], None, ""),
        (waiting(3000), [WORKER], 5, ""),
        (waiting(3000), [WORKER], 600, "no image has ended since 11:50:00 UTC"),
        (waiting(3000), [WORKER], None, "no image has ended for an hour or more"),
    ],
)
def test_the_queue_is_stuck_where_images_wait_and_none_is_taken(
    images: list[Waiting], workers: list[Worker] | None, last_ended_s: float | None, reason: str
) -> None:
    last_ended = None if last_ended_s is None else NOW - timedelta(seconds=last_ended_s)

    sentence = stuck_reason(NOW, images, workers, last_ended)

    assert reason in sentence
    assert bool(sentence) == bool(reason)


def test_the_queue_counts_images_and_dates_the_oldest(admin_session: Session) -> None:
    job = submitted(admin_session)
    ImageAnalysis.objects.filter(job=job, position=0).update(queue="gpu")

    state = queue_state(database_now(), Throughput(2, 1, None))

    assert [(one.queue, one.number, one.oldest) for one in state.waiting] == [
        ("gpu", 1, job.created_at), ("images", 1, job.created_at),
    ]  # fmt: skip
    assert (state.number, state.oldest, state.is_stuck) == (2, job.created_at, True)
    assert "no worker is alive" in state.sentence


def test_live_workers_are_those_with_a_fresh_heartbeat(settings: Settings) -> None:
    settings.FORGE_QUEUES = ["gpu", "images"]
    readiness.worker_alive("two")
    readiness.worker_alive("one")
    live_workers.worker_describe("one", model="m", device="d")
    live_workers.worker_describe("gone", model="m", device="d")

    one, two = live_workers.live_workers()

    assert (one.name, one.model, one.device, one.queues) == ("one", "m", "d", ("gpu", "images"))
    assert (two.name, two.model, two.queues) == ("two", "", ())
    assert abs(datetime.now(UTC) - one.last_heartbeat) < timedelta(minutes=1)


def test_credits_are_summed_by_day_of_utc(admin_alice: Account) -> None:
    other = Account.objects.create(name="other")
    today = midnight()
    for account, back, seconds, kind, amount in (
        (admin_alice, 1, 0, "charge", -3), (admin_alice, 1, 86_399, "refund", 1), (other, 1, 5, "charge", -10),
        (admin_alice, DAYS, 0, "charge", -7), (admin_alice, DAYS - 1, 0, "charge", -2),
    ):  # fmt: skip
        at = today - timedelta(days=back, seconds=-seconds)
        CreditEntry.objects.create(account=account, amount=amount, kind=kind, created_at=at)

    days, all_days = credits_by_day(today, account_id=admin_alice.pk), credits_by_day(today)

    assert len(days) == DAYS
    assert (days[-2].charged, days[-2].refunded, days[-2].change) == (3, 1, -2)
    assert (days[0].charged, days[-1].granted) == (2, 100)
    assert all_days[-2].charged == 13
    assert days[-2].day == (today - timedelta(days=1)).date()


def test_the_bars_are_proportional_to_the_credits(admin_alice: Account) -> None:
    CreditEntry.objects.create(account=admin_alice, amount=-50, kind="charge", created_at=midnight())
    CreditEntry.objects.create(account=admin_alice, amount=25, kind="refund", created_at=midnight())

    chart = chart_of(credits_by_day(midnight()))

    assert (chart.top, chart.bars[-1].charged_height, chart.bars[-1].refunded_height) == (50, 100, 50)
    assert [round_up(value) for value in (0, 1, 3, 11, 50, 51)] == [1, 1, 5, 20, 50, 100]


def test_a_duration_has_its_two_largest_units() -> None:
    seconds = (0, 59, 61, 3600, 90_061, -5)
    found = [duration(timedelta(seconds=value)) for value in seconds]
    assert found == ["0 s", "59 s", "1 min 1 s", "1 h", "1 d 1 h", "0 s"]


def test_it_makes_as_many_queries_for_thirty_jobs_as_for_three(admin_client: Client) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            account = Account.objects.create(name=f"account-{Account.objects.count()}")
            ledger.grant(account_id=account.pk, amount=2)
            analysed(session_of(account, [("one.png", encoded_image(size=(8, 8)))]))
            submitted(session_of(account, [("one.png", encoded_image(size=(8, 8)))]))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(admin_client, front_page())
        return len(captured)

    add(3)
    few = queries()
    add(27)
    assert queries() == few
    assert few <= 20
