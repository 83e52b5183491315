"""Python, disk space, folder permissions and file handles of this machine."""

import os
import re
import resource
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.conf import settings

from forge.limits.file_handles import connection_capacity, raise_soft_limit
from forge.operations.doctor.finding import Finding, fail, ok, warn

PYTHON = (3, 11)
LEAST_FREE_BYTES = 500 * 10**6
FEW_FREE_BYTES = 5 * 10**9
LEAST_CONNECTIONS = 256
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;#]+)", re.MULTILINE)


def findings() -> Iterator[Finding]:
    yield _python()
    yield _packages()
    yield _disk("data folder", settings.FORGE_DATA)
    yield _disk("temporary folder", Path(tempfile.gettempdir()))
    yield _permissions(settings.FORGE_DATA)
    yield _file_handles()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != PYTHON:
        return fail("python", f"This is Python {version}; 3.11 is required.", "Remove the environment; run bin/setup.")
    return ok("python", f"Python {version}.")


def _packages() -> Finding:
    pins = dict(_PIN.findall((settings.BASE_DIR / "requirements.txt").read_text()))
    wrong = [f"{name} {found or 'is missing'}, pinned {pin}" for name, pin, found in _differing(pins)]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return fail("packages", f"Not as requirements.txt pins them: {'; '.join(wrong[:3])}{more}.", "Run bin/setup.")
    return ok("packages", f"{len(pins)} packages are those of requirements.txt.")


def _differing(pins: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, pin in pins.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = ""
        if found.partition("+")[0] != pin.partition("+")[0]:  # a local version names the build, such as +cpu
            yield name, pin, found


def _disk(what: str, folder: Path) -> Finding:
    check = "disk"
    try:
        free = shutil.disk_usage(_existing(folder)).free
        inodes = os.statvfs(_existing(folder))
    except OSError as error:
        return fail(check, f"The {what} {folder} cannot be read ({error.strerror}).", "Set FORGE_DATA or TMPDIR.")
    free_space = f"The {what} {folder} has {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return fail(check, f"{free_space}: uploads will be 503.", "Free space, or move it to a larger disk.")
    if inodes.f_files and not inodes.f_favail:
        return fail(check, f"The file system of the {what} {folder} has no inodes left.", "Remove small files there.")
    if free < FEW_FREE_BYTES:
        return warn(check, f"{free_space}.", "Free space, or lower FORGE_SESSION_HOURS.")
    return ok(check, f"{free_space}.")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _permissions(folder: Path) -> Finding:
    check = "permissions"
    if not folder.is_dir():
        return warn(check, f"The data folder {folder} is not there yet.", "bin/up or the first command makes it.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail(check, f"This user cannot write the data folder {folder}.", _chown(folder))
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return warn(
            check,
            f"The data folder {folder} belongs to user {status.st_uid}, and this is user {os.geteuid()}.",
            "Run commands as the user of the service, or files appear that it cannot read.",
        )
    private = [folder, folder / "secret_key", folder / "db.sqlite3", folder / "media"]
    open_paths = [path for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_paths:
        names = ", ".join(map(str, open_paths))
        return fail(check, f"Other users of this machine may read {names}.", f"chmod -R go= {folder}")
    return ok(check, f"The data folder {folder} is this user's alone.")


def _chown(folder: Path) -> str:
    return f"chown -R {os.geteuid()} {folder}, or run this as the user of the service."


def _file_handles() -> Finding:
    raise_soft_limit()  # as a web process does at its start
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    capacity = connection_capacity()
    sentence = f"{limit} file handles (ulimit -n) allow {capacity} connections a web process"
    remedy = "Raise LimitNOFILE of the unit, or `ulimit -n`, to 65536."
    if capacity < min(LEAST_CONNECTIONS, settings.FORGE_CONNECTIONS):
        return fail("file handles", f"{sentence}.", remedy)
    if capacity < settings.FORGE_CONNECTIONS:
        return warn("file handles", f"{sentence}; FORGE_CONNECTIONS is {settings.FORGE_CONNECTIONS}.", remedy)
    return ok("file handles", f"{sentence}.")
