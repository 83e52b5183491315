"""Typed readers of environment variables for config/settings.py.

A wrong value raises SettingError. `import config` turns it into one line on stderr and exit code 1, so that manage.py,
Celery and uvicorn end alike.
"""

import contextlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

from config.redis_address import ACCEPTED as REDIS_URLS
from config.redis_address import parse_redis_url
from config.storage_address import ACCEPTED as STORAGE_URLS
from config.storage_address import parse_storage_url

_T = TypeVar("_T")
_env = Env()
_DATABASE_ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}
_MOST = 876_000  # of numbers with a fraction, which are seconds and hours: a century of hours
_FILES_OF_A_DATA_FOLDER = ("secret_key", "db.sqlite3", "stack.json")
CRASH_POINTS = ("between_commit_and_enqueue", "between_model_and_commit", "between_commit_and_publish")


class SettingError(ImproperlyConfigured):
    """One sentence that names the setting and the accepted values."""


def string(name: str, default: str) -> str:
    return _env.str(name, default)


def boolean(name: str, default: bool) -> bool:
    return _checked(name, "true or false", lambda: _env.bool(name, default))


def integer(name: str, default: int, *, least: int, most: int | None = None) -> int:
    valid = validate.Range(min=least, max=most)
    return _checked(name, f"a whole number {_bounds(least, most)}", lambda: _env.int(name, default, validate=valid))


def number(name: str, default: float, *, least: float) -> float:
    # Bounded: a date that is infinitely far ahead is an error at the first request.
    valid = validate.Range(min=least, max=_MOST)
    accepted = f"a number {_bounds(least, None)}, and at most {_MOST}"
    return _checked(name, accepted, lambda: _env.float(name, default, validate=valid))


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    accepted = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return _checked(name, accepted, lambda: _env.str(name, default, validate=validate.OneOf(choices)))


def strings(name: str) -> list[str]:
    """Return the values between commas."""
    values: list[str] = _env.list(name, [])
    return values


def json_object(name: str) -> dict[str, object]:
    value = _checked(name, "a JSON object", lambda: _env.json(name, {}))
    if not isinstance(value, dict):
        raise _error(name, "a JSON object")
    return value


def http_url(name: str, default: str) -> str:
    valid = validate.URL(require_tld=False)
    return _checked(name, "an address such as https://example.com", lambda: _env.str(name, default, validate=valid))


def origins(name: str) -> list[str]:
    values = strings(name)
    if any("://" not in value for value in values):
        raise _error(name, "origins with their scheme, such as https://example.com, with commas between")
    return values


def cors_origins(name: str) -> list[str]:
    """Return origins as browsers send them: lower-case, without a path."""
    values = [value.strip().lower().removesuffix("/") for value in strings(name)]
    if not all(re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/?#@*]+", value) for value in values):
        raise _error(name, "origins such as https://app.example.com, with commas between and without paths or *")
    return values


def log_level(name: str, default: int) -> int:
    accepted = "DEBUG, INFO, WARNING, ERROR, CRITICAL or a number"
    return _checked(name, accepted, lambda: _env.log_level(name, default))


def database_url(name: str, default: str) -> dict[str, Any]:
    """Return Django's settings for the database at this address."""
    try:
        database: dict[str, Any] = _env.dj_db_url(name, default)
    except EnvError:
        database = {}
    if database.get("ENGINE") not in _DATABASE_ENGINES:  # the value is not shown: it may hold a password
        raise SettingError(f"{name} must be postgresql://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH.")
    return database


def redis_url(name: str) -> str:
    """Return "" where it is not set."""
    url = string(name, "")
    try:
        parse_redis_url(url or "redis://")
    except ValueError as error:  # the value is not shown: it may hold a password
        raise SettingError(f"{name} must be {REDIS_URLS}.") from error
    return url


def storage_url(name: str) -> dict[str, Any]:
    """Return what parse_storage_url does; {} where it is not set."""
    url = string(name, "")
    try:
        return parse_storage_url(url) if url else {}
    except ValueError as error:  # the value is not shown: it may hold a password
        raise SettingError(f"{name} must be {STORAGE_URLS}.") from error


def crash_points(name: str, *, scripted: bool) -> dict[str, int]:
    """Return the hit at which the process kills itself, by crash point (fault injection, forge/crash_points.py)."""
    given = json_object(name)
    faults = {point: hit for point, hit in given.items() if isinstance(hit, int) and hit > 0}
    if faults != given:
        raise SettingError(f'{name} is invalid: it is like {{"{CRASH_POINTS[0]}": 3}}, with numbers of 1 or more.')
    if unknown := set(given) - set(CRASH_POINTS):
        raise SettingError(f"{name} has no point {min(unknown)!r}; accepted are {', '.join(CRASH_POINTS)}.")
    if faults and not scripted:  # a deliberate crash must not reach a service in use
        raise SettingError(f"{name} is accepted with FORGE_MODELS=scripted only.")
    return faults


def require_in_production(name: str, requirement: str, *, fulfilled: bool) -> None:
    if not fulfilled:
        raise SettingError(f"With FORGE_ENV=production {name} {requirement}.")


def private_folder(folder: Path) -> Path:
    """Let no other user of this machine into the data folder, unless it holds files that are not the service's."""
    with contextlib.suppress(OSError):  # it is not there yet, or another user's
        ours = not any(folder.iterdir()) or any((folder / name).exists() for name in _FILES_OF_A_DATA_FOLDER)
        mode = stat.S_IMODE(folder.stat().st_mode)
        if ours and mode & 0o077 and not mode & stat.S_ISVTX:
            folder.chmod(0o700)
    return folder


def installation_secret_key(folder: Path) -> str:
    """Return the secret key of this data folder, made at the first call."""
    path = folder / "secret_key"
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Written in full before it is linked: a process that starts at the same time never reads half a key.
            descriptor, draft = tempfile.mkstemp(dir=folder)
            os.write(descriptor, secrets.token_urlsafe(50).encode())
            os.close(descriptor)
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            Path(draft).unlink()
        return path.read_text()
    except OSError as error:
        raise _data_folder_error(folder, error) from error


def embedded_redis_url(folder: Path) -> str:
    """Return the address at which `bin/up` last started Valkey; the usual one where it never did."""
    try:
        return (folder / "redis.url").read_text().strip()
    except FileNotFoundError:
        return "redis://127.0.0.1:6379/0"
    except OSError as error:
        raise _data_folder_error(folder, error) from error


def _checked(name: str, accepted: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except EnvError as error:
        raise _error(name, accepted) from error


def _error(name: str, accepted: str) -> SettingError:
    return SettingError(f"{name} must be {accepted}, not {os.environ[name][:200]!r}.")


def _data_folder_error(folder: Path, error: OSError) -> SettingError:
    return SettingError(f"FORGE_DATA must be a folder that can be read and written, not {folder} ({error.strerror}).")


def _bounds(least: float, most: float | None) -> str:
    return f"of {least:g} or more" if most is None else f"from {least:g} to {most:g}"
