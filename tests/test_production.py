"""FORGE_ENV=production requires secure settings; local requires none."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parent.parent
GOOD = {
    "FORGE_ENV": "production",
    "SECRET_KEY": "kB7vQ2nX9sL4tR8wZ1yC6mD3fG5hJ0pA-uE_iO.aSdFqWeRtYuIoP",
    "ALLOWED_HOSTS": "forge.example.com",
}


@pytest.fixture
def settings_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that evaluates config/settings.py in an environment."""

    def read(**environment: str) -> dict[str, Any]:
        for name in ("FORGE_ENV", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "config" / "settings.py"))

    return read


def run(command: list[str], tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "ALLOWED_HOSTS", "DEBUG")}
    env = {**kept, "FORGE_DATA": str(tmp_path), **environment}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_djangos_deployment_check_finds_nothing(tmp_path: Path) -> None:
    done = run(["check", "--deploy", "--fail-level", "WARNING"], tmp_path, **GOOD)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    assert not (tmp_path / "secret_key").exists()


def test_it_refuses_to_start_and_names_the_setting(tmp_path: Path) -> None:
    done = run(["check"], tmp_path, FORGE_ENV="production", ALLOWED_HOSTS="forge.example.com")

    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(
        "With FORGE_ENV=production SECRET_KEY must be 50 random characters or more."
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "forge.example.com,*"),
        ("DEBUG", "true"),
    ],
)
def test_each_insecure_setting_is_named(settings_with: Any, setting: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^With FORGE_ENV=production {setting} must "):
        settings_with(**{**GOOD, setting: value})


def test_an_unknown_environment_is_refused(settings_with: Any) -> None:
    with pytest.raises(Exception, match=r"FORGE_ENV.*production"):
        settings_with(FORGE_ENV="prod")


def test_production_is_strict_and_local_is_not(settings_with: Any) -> None:
    production = settings_with(**GOOD)
    local = settings_with()

    for name in ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS"):
        assert production[name], name
        assert not local[name], name
    assert not production["DEBUG"]
    assert local["SECRET_KEY"]
    assert set(local["ALLOWED_HOSTS"]) == {"localhost", "127.0.0.1", "[::1]"}
