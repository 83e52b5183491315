"""Replace a file by new bytes: written beside it, synchronized, renamed, so that one of the two is always whole."""

import os
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from xmp.errors import FileNotReplaced


class FileState(NamedTuple):
    """What changes when another program writes the file."""

    device: int
    inode: int
    size: int
    modified_ns: int


def file_state(path: str) -> FileState:
    """Return the state of the file, that of a link's target. Raises OSError."""
    found = os.stat(path)  # noqa: PTH116 (names may hold bytes that are no text)
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def replace_file(path: str, data: bytes, expected: FileState | None) -> None:
    """Replace a file that is still in the `expected` state, or create one where it is None; mode and owner are kept.

    A symbolic link stays, and its target is replaced. Raises FileNotReplaced, and OSError of a full or read-only disk.
    """
    target = os.path.realpath(path)
    found = _replaceable(target, expected)
    folder = os.path.dirname(target)  # noqa: PTH120
    handle, temporary = tempfile.mkstemp(prefix=".forge-", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _copy_mode(file.fileno(), found)
            os.fsync(file.fileno())
        if expected is None:
            os.link(temporary, target)  # fails where another program made the file meanwhile
        elif file_state(target) != expected:
            raise FileNotReplaced("The file was changed meanwhile and was left as it is.")
        else:
            os.replace(temporary, target)  # noqa: PTH105
    except FileExistsError as error:
        raise FileNotReplaced("The file was made by another program meanwhile.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    _synchronize(folder)


def _replaceable(target: str, expected: FileState | None) -> os.stat_result | None:
    if expected is None:
        return None
    found = os.stat(target)  # noqa: PTH116
    if not stat.S_ISREG(found.st_mode):
        raise FileNotReplaced("It is not a regular file.")
    if not found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
        raise FileNotReplaced("The file is read-only.")
    if found.st_nlink > 1:
        raise FileNotReplaced("The file has other names (hard links), which would keep the old content.")
    return found


def _copy_mode(handle: int, found: os.stat_result | None) -> None:
    if found is None:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(handle, 0o666 & ~mask)
        return
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
        os.fchown(handle, found.st_uid, found.st_gid)
    os.fchmod(handle, stat.S_IMODE(found.st_mode))


def _synchronize(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
