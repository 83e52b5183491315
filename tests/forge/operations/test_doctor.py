"""`doctor` on broken set-ups: each fault is named by its own check, with a remedy."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from redis import Redis

from forge.operations import doctor, readiness
from forge.operations.doctor import clocks, database, machine, redis_server, service
from forge.stack.ports import free_port


def failed(findings: Iterator[doctor.Finding]) -> dict[str, str]:
    """Return the sentences of what is not ok, by check and status; each has a remedy."""
    wrong = [finding for finding in findings if finding.status != "ok"]
    assert all(finding.remedy for finding in wrong)
    return {f"{finding.status} {finding.check}": finding.sentence for finding in wrong}


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(django_settings.REDIS_URL)
    names = ("maxmemory", "maxmemory-policy", "appendonly", "save")
    before = {name: client.config_get(name)[name] or "" for name in names}
    client.config_set("appendonly", "yes")
    yield client
    for name, value in before.items():
        client.config_set(name, value)


def run(
    data: Path, *arguments: str, environment: dict[str, str] | None = None, file_handles: int = 0
) -> "subprocess.CompletedProcess[str]":
    # Of a database in the data folder, also in a run of the tests on PostgreSQL.
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    env |= {"FORGE_DATA": str(data), **(environment or {})}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (file_handles, file_handles))

    return subprocess.run(
        [sys.executable, "manage.py", "doctor", *arguments],
        cwd=django_settings.BASE_DIR, env=env, capture_output=True, text=True, check=False,
        preexec_fn=limit if file_handles else None,
    )  # fmt: skip


# --- Machine ----------------------------------------------------------------------------------------------------------


def test_another_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PYTHON", (3, 99))

    assert "3.11 is required" in failed(machine.findings())["fail python"]


def test_a_package_of_another_version_is_named(tmp_path: Path, settings: Any) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text("Django==1.0  # old\nno-such-package[extra]==2.0\nredis==8.1.0\n")

    sentence = failed(machine.findings())["fail packages"]

    assert "Django 5" in sentence
    assert "pinned 1.0" in sentence
    assert "no-such-package is missing" in sentence
    assert "redis" not in sentence


def test_a_full_disk_is_named_with_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", 2**62)

    assert "GB free: uploads will be 503" in failed(machine.findings())["fail disk"]


def test_a_data_folder_that_others_may_read_is_named(tmp_path: Path, settings: Any) -> None:
    settings.FORGE_DATA = tmp_path
    tmp_path.chmod(0o700)
    assert "fail permissions" not in failed(machine.findings())
    (tmp_path / "secret_key").touch()
    (tmp_path / "secret_key").chmod(0o644)

    assert str(tmp_path / "secret_key") in failed(machine.findings())["fail permissions"]


def test_a_clock_that_differs_is_named() -> None:
    slight, large, same = (clocks.clock_finding("clock", "The database's clock", skew) for skew in (60, -3600, 0.5))

    assert (slight.status, slight.sentence) == ("warn", "The database's clock is 60.0 s ahead of this machine's.")
    assert (large.status, large.sentence) == ("fail", "The database's clock is 3600.0 s behind this machine's.")
    assert same.status == "ok"
    assert clocks.clock_read("clock", "It", time.time).status == "ok"


# --- Parts ------------------------------------------------------------------------------------------------------------


def test_a_sound_database_and_redis_have_no_findings(db: None, redis: Redis) -> None:
    assert failed(database.findings()) == {}
    assert failed(redis_server.findings()) == {}


def test_a_missing_migration_is_named(db: None) -> None:
    MigrationRecorder(connection).record_unapplied("forge", "0003_session_expiry")

    assert "forge.0003_session_expiry" in failed(database.findings())["fail migrations"]


def test_a_database_of_a_newer_version_is_named(db: None) -> None:
    MigrationRecorder(connection).record_applied("forge", "9999_later")

    assert "newer version (forge.9999_later)" in failed(database.findings())["fail migrations"]


def test_an_eviction_policy_that_loses_tasks_is_named(db: None, redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    assert "while maxmemory is 0" in failed(redis_server.findings())["warn redis eviction"]
    redis.config_set("maxmemory", 2**30)

    assert "maxmemory-policy is allkeys-lru" in failed(redis_server.findings())["fail redis eviction"]


def test_redis_without_persistence_is_named(db: None, redis: Redis) -> None:
    redis.config_set("appendonly", "no")
    redis.config_set("save", "")
    assert "Neither append-only file nor snapshots" in failed(redis_server.findings())["warn redis persistence"]
    redis.config_set("save", "3600 1")

    assert failed(redis_server.findings()) == {}


def test_missing_workers_and_storage_are_named(db: None, tmp_path: Path, settings: Any) -> None:
    assert "no worker answers" in failed(service.findings())["fail worker"].lower()
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"
    readiness.worker_alive("one")
    readiness._cache.clear()

    assert list(failed(service.findings())) == ["fail storage"]


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "check", "words"),
    [
        ({"DATABASE_URL": "postgresql://forge:hunter2@127.0.0.1:{port}/forge"}, "database", "127.0.0.1:{port}/forge"),
        ({"REDIS_URL": "redis://:hunter2@127.0.0.1:{port}/0"}, "redis", "127.0.0.1:{port}"),
        ({"FORGE_MODELS": "blip-clip"}, "models", "`bin/manage models pull`"),
        (
            {
                "FORGE_MODELS": "vision-server",
                "FORGE_VISION_URL": "http://127.0.0.1:{port}/v1",
                "FORGE_VISION_MODEL": "tiny-vision",
                "FORGE_VISION_KEY": "hunter2",
            },
            "models",
            "http://127.0.0.1:{port}/v1: no connection",
        ),
        (
            {"FORGE_MODELS": "transformers", "FORGE_CHECKPOINT": "alice/small-vlm"},
            "models",
            "`bin/manage models pull alice/small-vlm`",
        ),
    ],
    ids=["database", "redis", "models", "vision server", "checkpoint"],
)
def test_the_command_names_a_part_that_is_missing_and_exits_with_1(
    tmp_path: Path, environment: dict[str, str], check: str, words: str
) -> None:
    port = str(free_port())
    given = {name: value.format(port=port) for name, value in environment.items()}

    completed = run(tmp_path, "--json", environment=given)

    assert completed.returncode == 1, completed.stderr
    findings = [json.loads(line) for line in completed.stdout.splitlines()]
    found = {finding["check"]: finding for finding in findings if finding["status"] == "fail"}
    assert words.format(port=port) in found[check]["sentence"]
    assert found[check]["remedy"]
    assert "hunter2" not in completed.stdout + completed.stderr


def test_the_command_prints_a_line_and_a_remedy_for_each_fault(tmp_path: Path) -> None:
    completed = run(tmp_path, file_handles=300)

    lines = completed.stdout.splitlines()
    assert completed.returncode == 1, completed.stderr
    assert any(line.startswith("fail  file handles: 300 file handles (ulimit -n) allow 16 ") for line in lines)
    assert "      bin/up or bin/manage migrate makes it." in lines
    assert any(line.startswith("ok    python: Python 3.11.") for line in lines)
    assert not (tmp_path / "db.sqlite3").exists()


def test_a_key_without_an_address_is_a_usage_error(tmp_path: Path) -> None:
    assert run(tmp_path, "--key", "sk-x").returncode == 2


def test_every_check_runs_where_all_is_well(db: None, redis: Redis, make_ready: Callable[[], None]) -> None:
    make_ready()

    checks = [finding.check for finding in doctor.findings()]

    assert {"python", "packages", "disk", "permissions", "file handles", "models", "database", "migrations"} < {*checks}
    assert {"redis", "redis eviction", "redis persistence", "redis clock", "storage", "worker"} < {*checks}


@pytest.fixture
def make_ready() -> Callable[[], None]:
    return lambda: readiness.worker_alive("one")
