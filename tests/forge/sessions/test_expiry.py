"""Expiry removes sessions with files and rows, never under a running job; the ledger stays."""

import itertools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from forge.credits import ledger
from forge.models import Account, CreditEntry, Image, ImageAnalysis, Job, JobEvent, Session
from forge.sessions import expiry
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]
LONG_AGO = timedelta(hours=1)


def expire(*sessions: Session, ago: timedelta = LONG_AGO) -> None:
    Session.objects.filter(pk__in=[s.pk for s in sessions]).update(expires_at=timezone.now() - ago)


def end_ago(job: Job, ago: timedelta = LONG_AGO) -> None:
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - ago)


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_an_expired_session_is_removed_with_files_and_rows_and_the_ledger_stays(
    alice: Account, api: ApiClient, make_session: MakeSession, media: Path
) -> None:
    gone, kept = make_session(alice, 3), make_session(alice, 1)
    job = job_factory.submit(alice, gone)
    job_factory.run(job)
    end_ago(job)
    balance, entries = ledger.balance(alice.pk), CreditEntry.objects.count()
    expire(gone)

    assert expiry.sessions_sweep() == 1

    assert [session.pk for session in Session.objects.all()] == [kept.pk]
    assert [path.parent.name for path in files(media)] == [kept.pk]
    assert not (media / "sessions" / gone.pk).exists()
    assert (Image.objects.count(), Job.objects.count()) == (1, 0)
    assert (ImageAnalysis.objects.count(), JobEvent.objects.count()) == (0, 0)
    assert (ledger.balance(alice.pk), CreditEntry.objects.count()) == (balance, entries)
    assert api.call("GET", f"/sessions/{gone.pk}").status_code == 404
    assert len(api.call("GET", "/credits/ledger").json()["data"]) == entries


def test_a_session_with_a_running_job_is_not_swept(alice: Account, make_session: MakeSession, media: Path) -> None:
    session = make_session(alice, 2)
    job = job_factory.submit(alice, session)
    first, second = job_factory.analyses(job)
    expire(session)
    assert expiry.sessions_sweep() == 0

    job_factory.succeed(job_factory.claim(first))
    assert expiry.sessions_sweep() == 0
    assert len(files(media)) == 2

    job_factory.succeed(job_factory.claim(second))
    assert expiry.sessions_sweep() == 0, "a client may still be reading the end of the stream"
    end_ago(job)
    assert expiry.sessions_sweep() == 1
    assert not files(media)


def test_a_session_within_the_grace_period_is_not_swept(alice: Account, make_session: MakeSession) -> None:
    expire(make_session(alice, 1), ago=timedelta(seconds=5))

    assert expiry.sessions_sweep() == 0


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)


def test_a_sweep_goes_on_until_nothing_is_left(alice: Account, make_session: MakeSession, small_batches: None) -> None:
    expire(*(make_session(alice, 1) for _ in range(7)))

    assert expiry.sessions_sweep() == 7
    assert not Session.objects.exists()


def test_sessions_that_cannot_be_removed_hold_up_no_others(
    alice: Account, make_session: MakeSession, small_batches: None, media: Path
) -> None:
    stuck, fine = [make_session(alice, 1) for _ in range(5)], make_session(alice, 1)
    expire(*stuck, ago=2 * LONG_AGO)
    expire(fine)
    for session in stuck:
        blocked = media / session.images.get().storage_key
        blocked.unlink()
        (blocked / "in-the-way").mkdir(parents=True)

    assert expiry.sessions_sweep() == 1
    assert {session.pk for session in Session.objects.all()} == {session.pk for session in stuck}


def test_large_sessions_are_removed_one_by_one(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "GROUP_IMAGES", 5)
    sizes = [1, 1, 6, 1, 5, 2]
    sessions = [job_factory.session_without_files(alice, size) for size in sizes]

    assert [len(group) for group in expiry._groups(sessions)] == [3, 2, 1]


def test_a_worker_that_stops_ends_its_sweep(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "GROUP", 1)
    expire(*(make_session(alice, 1) for _ in range(3)))
    checks = itertools.chain([False, False], itertools.repeat(True))

    assert expiry.sessions_sweep(lambda: next(checks)) == 2


def test_a_file_that_cannot_be_removed_keeps_only_its_own_session(
    alice: Account, make_session: MakeSession, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, fine = make_session(alice, 2), make_session(alice, 1)
    expire(stuck, fine)
    blocked = media / stuck.images.all()[0].storage_key
    blocked.unlink()
    (blocked / "in-the-way").mkdir(parents=True)

    assert expiry.sessions_sweep() == 1

    assert Session.objects.get().pk == stuck.pk
    assert "could not be removed" in caplog.text
    (blocked / "in-the-way").rmdir()
    assert expiry.sessions_sweep() == 1
    assert not Session.objects.exists()


def test_missing_files_do_not_keep_a_session(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    expire(session)
    for image in session.images.all():
        default_storage.delete(image.storage_key)

    assert expiry.sessions_sweep() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_sweeps_remove_each_session_once(alice: Account, make_session: MakeSession, media: Path) -> None:
    sessions = [make_session(alice, 2) for _ in range(12)]
    expire(*sessions)
    start = threading.Barrier(4)

    def sweep(_: int) -> int:
        start.wait(30)
        try:
            return expiry.sessions_sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        swept = list(pool.map(sweep, range(4)))

    assert sum(swept) == len(sessions)
    assert not Session.objects.exists()
    assert not files(media)


def set_age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_orphaned_files_are_removed_after_the_orphan_age(
    alice: Account, make_session: MakeSession, media: Path
) -> None:
    kept, lost, fresh = (make_session(alice, 2) for _ in range(3))
    for path in files(media):
        set_age(path, 0 if path.parent.name == fresh.pk else 2 * 3600)
    Session.objects.filter(pk__in=[lost.pk, fresh.pk]).delete()

    assert expiry.orphans_sweep() == 2
    assert {path.parent.name for path in files(media)} == {kept.pk, fresh.pk}
    assert not (media / "sessions" / lost.pk).exists()
    assert expiry.orphans_sweep() == 0


def test_an_empty_storage_has_no_orphans(media: Path, db: None) -> None:
    assert expiry.orphans_sweep() == 0
