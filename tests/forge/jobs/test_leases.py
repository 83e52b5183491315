"""What becomes of images whose worker or message was lost, beyond the sweep itself (test_services.py)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from config import settings as configuration
from forge import crash_points, redis_client
from forge.jobs import dispatch, leases, services
from forge.models import Account, ImageAnalysis, Session
from tests.forge import job_factory
from workers import lifecycle

MakeSession = Callable[..., Session]
ROOT = django_settings.BASE_DIR


def test_an_image_that_a_dead_worker_held_is_claimed_only_as_a_suspect(
    alice: Account, make_session: MakeSession
) -> None:
    fresh, held = job_factory.analyses(job_factory.submit(alice, make_session(alice, 2)))
    job_factory.claim(held, "dead-worker")
    ImageAnalysis.objects.filter(pk=held.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    leases.analyses_sweep()

    assert services.suspect_is_next()
    assert _claimed(suspect=False) == fresh.pk
    assert _claimed(suspect=False) is None
    assert _claimed(suspect=True) == held.pk
    assert not services.suspect_is_next()


def _claimed(*, suspect: bool) -> int | None:
    claim = services.analysis_claim_next(holder="worker-2", suspect=suspect)
    return claim.analysis_id if claim else None


def test_a_worker_that_must_end_gives_back_what_it_holds_and_no_death_is_counted(
    alice: Account, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    mine, other = job_factory.analyses(job)
    claimed = job_factory.claim(mine, "ending")
    job_factory.claim(other, "worker-2")

    assert leases.analyses_release(holder="ending") == 1

    assert dispatch.broker_queue_length() == 1
    assert not services.suspect_is_next()
    assert not job_factory.succeed(claimed), "its claim is void"
    assert job_factory.succeed(job_factory.claim(mine, "worker-2"))
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "progress", "result"]


def test_as_many_images_are_sent_again_as_the_busy_broker_has_lost_tasks(
    alice: Account, make_session: MakeSession, settings: Any
) -> None:
    analyses = job_factory.analyses(job_factory.submit(alice, make_session(alice, 3)))
    old = timezone.now() - timedelta(seconds=2 * settings.FORGE_RESEND_S + 1)
    ImageAnalysis.objects.filter(pk__in=[analysis.pk for analysis in analyses]).update(sent_at=old)
    dispatch.send(3)
    assert leases.analyses_sweep() == 0
    redis_client._shared_client().lpop(django_settings.CELERY_TASK_DEFAULT_QUEUE)

    assert leases.analyses_sweep() == 1
    assert dispatch.broker_queue_length() == 3
    assert leases.analyses_sweep() == 0


def test_a_worker_that_the_database_kept_waiting_lets_the_others_renew_their_leases_first(
    alice: Account, make_session: MakeSession, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis, "waits-too")
    ImageAnalysis.objects.filter(pk=analysis.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(lifecycle, "_swept_at", time.monotonic() - settings.FORGE_LEASE_S - 1)

    lifecycle._sweep()
    assert job_factory.succeed(claimed), "its lease ran out, and nobody took it for dead"


def test_a_worker_that_sweeps_in_time_takes_a_lease_that_ran_out_for_a_death(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis, "dead-worker")
    ImageAnalysis.objects.filter(pk=analysis.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(lifecycle, "_swept_at", time.monotonic() - 1)

    lifecycle._sweep()
    assert not job_factory.succeed(claimed)


def test_the_settings_know_each_fault_point() -> None:
    assert get_args(crash_points.CrashPoint) == configuration._FAULT_POINTS


@pytest.mark.parametrize(
    ("given", "models", "complaint"),
    [
        ({"nowhere": 1}, "scripted", "no point 'nowhere'"),
        ({"between_commit_and_enqueue": 0}, "scripted", "it is like"),
        ({"between_commit_and_enqueue": 1}, "embedded", "FORGE_MODELS=scripted only"),
    ],
)
def test_fault_points_are_refused_beside_real_models_and_where_misspelt(
    given: dict[str, int], models: str, complaint: str
) -> None:
    answer = _python("import config.settings", FORGE_FAULTS=json.dumps(given), FORGE_MODELS=models)

    assert answer.returncode == 1
    assert complaint in answer.stderr


def test_a_process_dies_at_the_passing_that_the_setting_names() -> None:
    code = """
import django
django.setup()
from forge import crash_points
for number in range(1, 5):
    crash_points.crash_point("between_model_and_commit")
    crash_points.crash_point("between_commit_and_enqueue")
    print(number, flush=True)
"""

    answer = _python(code, FORGE_FAULTS=json.dumps({"between_commit_and_enqueue": 3}), FORGE_MODELS="scripted")

    assert answer.stdout.split() == ["1", "2"]
    assert answer.returncode == -signal.SIGKILL


def _python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
