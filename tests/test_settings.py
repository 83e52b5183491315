"""A wrong setting ends every entry point with one sentence that names it and the accepted values."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import env

ROOT = Path(__file__).parent.parent
WRONG = [
    ("FORGE_ENV", "prod", "local or production"),
    ("DEBUG", "maybe", "true or false"),
    ("FORGE_HSTS_SECONDS", "-1", "a whole number of 1 or more"),
    ("CSRF_TRUSTED_ORIGINS", "forge.example.com", "https://"),
    ("FORGE_BATCH_SIZE", "many", "a whole number from 1 to 256"),
    ("FORGE_BATCH_SIZE", "0", "a whole number from 1 to 256"),
    ("FORGE_WORKER_METRICS_PORT", "70000", "a whole number from 0 to 65535"),
    ("FORGE_LEASE_S", "nan", "a number of 1 or more"),
    ("FORGE_SESSION_HOURS", "inf", "a number of 0 or more, and at most 876000"),
    ("FORGE_CORS_ORIGINS", "app.example.com", "https://app.example.com"),
    ("FORGE_CORS_ORIGINS", "*", "https://app.example.com"),
    ("FORGE_VISION_URL", "localhost", "an address such as http://localhost:11434/v1"),
    ("FORGE_VISION_URL", "http://me:hidden@localhost/v1", "without a password"),
    ("FORGE_VISION_KEY", "two words", "printable ASCII without spaces"),
    ("FORGE_MODELS", "gpt", "auto, blip-clip, embedded, scripted, transformers or vision-server"),
    ("FORGE_OCR", "on", "auto or off"),
    ("FORGE_PRECISION", "fp8", "auto, fp32, bf16 or int8"),
    ("FORGE_SCRIPT", "[1]", "a JSON object"),
    ("FORGE_SCRIPT", "{", "a JSON object"),
    ("FORGE_FAULTS", '{"nowhere": 1}', "between_commit_and_enqueue"),
    ("FORGE_HUB_URL", "hub", "https://"),
    ("FORGE_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING"),
    ("FORGE_DATA", "/dev/null/data", "a folder that can be read and written"),
    ("DATABASE_URL", "nonsense", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DATABASE_URL", "mysql://localhost/forge", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DATABASE_URL", "postgresql://localhost:port/forge", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("REDIS_URL", "http://localhost", "redis://"),
    ("REDIS_URL", "redis://localhost:port/0", "redis://"),
    ("REDIS_URL", "redis://localhost/queue", "redis://"),
]
CHECK = ["manage.py", "check"]
MIGRATE = ["manage.py", "migrate"]
IMPORT_ASGI = ["-c", "import config.asgi"]
WORKER = ["-m", "celery", "-A", "config", "worker"]
WEB = ["-m", "uvicorn", "config.asgi:application", "--loop", "uvloop", "--port", "0"]


def run(arguments: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", [CHECK, IMPORT_ASGI], ids=["manage.py check", "import config.asgi"])
@pytest.mark.parametrize(("setting", "value", "accepted"), WRONG, ids=lambda text: text if len(text) < 20 else "")
def test_a_wrong_value_is_one_sentence_with_the_setting_and_the_accepted_values(
    command: list[str], setting: str, value: str, accepted: str
) -> None:
    done = run(command, **{setting: value})

    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"{setting} ")
    assert accepted in sentence


@pytest.mark.parametrize("command", [CHECK, WORKER, WEB], ids=["manage.py", "celery", "uvicorn"])
@pytest.mark.parametrize(
    ("setting", "value"), [("FORGE_BATCH_SIZE", "many"), ("DATABASE_URL", "nonsense"), ("FORGE_ENV", "production")]
)
def test_every_entry_point_ends_alike(command: list[str], setting: str, value: str) -> None:
    done = run(command, **{setting: value})

    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert setting in sentence


@pytest.mark.parametrize("setting", ["DATABASE_URL", "REDIS_URL"])
def test_a_wrong_address_is_not_shown_since_it_may_hold_a_password(setting: str) -> None:
    done = run(IMPORT_ASGI, **{setting: "ftp://user:s3cret@localhost/0"})

    assert done.returncode == 1
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("command", [MIGRATE, ["manage.py", "createsuperuser", "--no-input"]], ids=" ".join)
def test_a_database_that_cannot_be_opened_is_one_sentence(command: list[str]) -> None:
    done = run(command, DATABASE_URL="sqlite:////dev/null/db.sqlite3")

    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used (unable to open database file). Is DATABASE_URL right")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "mode", "after"),
    [([], 0o755, 0o700), (["secret_key"], 0o755, 0o700), (["photo.jpg"], 0o755, 0o755), ([], 0o1777, 0o1777)],
    ids=["empty", "a data folder", "another folder", "a folder for all users"],
)
def test_the_data_folder_is_private(tmp_path: Path, content: list[str], mode: int, after: int) -> None:
    for name in content:
        (tmp_path / name).touch()
    tmp_path.chmod(mode)

    assert env.private_folder(tmp_path) == tmp_path

    assert stat.S_IMODE(tmp_path.stat().st_mode) == after
