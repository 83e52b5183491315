"""Fault injection by the setting FORGE_FAULTS."""

import json
import os
import signal
import subprocess
import sys
from typing import get_args

import pytest
from django.conf import settings

from config import env
from forge import crash_points


def test_the_settings_accept_each_crash_point() -> None:
    assert get_args(crash_points.CrashPoint) == env.CRASH_POINTS


@pytest.mark.parametrize(
    ("given", "models", "complaint"),
    [
        ({"nowhere": 1}, "scripted", "no point 'nowhere'"),
        ({"between_commit_and_enqueue": 0}, "scripted", "it is like"),
        ({"between_commit_and_enqueue": 1}, "embedded", "FORGE_MODELS=scripted only"),
    ],
)
def test_the_settings_refuse_misspelt_crash_points_and_real_models(
    given: dict[str, int], models: str, complaint: str
) -> None:
    finished = _python("import config.settings", FORGE_FAULTS=json.dumps(given), FORGE_MODELS=models)

    assert finished.returncode == 1
    assert complaint in finished.stderr


def test_a_process_is_killed_at_the_hit_that_the_setting_names() -> None:
    code = """
import django
django.setup()
from forge import crash_points
for number in range(1, 5):
    crash_points.crash_point("between_model_and_commit")
    crash_points.crash_point("between_commit_and_enqueue")
    print(number, flush=True)
"""

    finished = _python(code, FORGE_FAULTS=json.dumps({"between_commit_and_enqueue": 3}), FORGE_MODELS="scripted")

    assert finished.stdout.split() == ["1", "2"]
    assert finished.returncode == -signal.SIGKILL


def _python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
