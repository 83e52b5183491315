"""Replace a file by new bytes: written beside it, synchronized, renamed, so that one of the two is always whole."""

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from typing import IO, NamedTuple

from xmp.errors import FileNotReplaced
from xmp.moving import move_file, synchronize_folder


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
    remove_leftover(path)
    with _temporary_file(target) as (file, temporary):
        file.write(data)
        file.flush()
        _copy_mode(file.fileno(), found)
        _copy_attributes(file.fileno(), target if found else None)
        os.fsync(file.fileno())
        if expected is None:
            move_file(temporary, target)
        elif file_state(target) != expected:
            raise FileNotReplaced("The file was changed meanwhile and was left as it is.")
        else:
            os.replace(temporary, target)  # noqa: PTH105
    synchronize_folder(os.path.dirname(target))  # noqa: PTH120


def remove_leftover(path: str) -> None:
    """Remove the unfinished copy that a killed process left beside a file; one that is being written stays."""
    try:
        handle = os.open(_temporary(os.path.realpath(path)), os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return
    with os.fdopen(handle, "rb") as file, contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(_temporary(os.path.realpath(path)))  # noqa: PTH108


def _temporary(target: str) -> str:
    """Return a name that the next run finds again, of the same length for every target."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".forge-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.tmp")  # noqa: PTH118


@contextlib.contextmanager
def _temporary_file(target: str) -> Iterator[tuple[IO[bytes], str]]:
    """Yield an empty file, locked while it is open, and its name; it is removed where an error is raised."""
    temporary = _temporary(target)
    try:
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise FileNotReplaced("Another run is writing this file.") from error
    with os.fdopen(handle, "wb") as file:
        with contextlib.suppress(OSError):  # a network file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield file, temporary
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
            if isinstance(error, FileExistsError):
                raise FileNotReplaced("The file was made by another program meanwhile.") from error
            raise


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


def _copy_attributes(handle: int, source: str | None) -> None:
    """Copy extended attributes, as a desktop's tags and stars, where the system has them."""
    if source is None or not hasattr(os, "listxattr"):
        return
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            with contextlib.suppress(OSError):
                os.setxattr(handle, name, os.getxattr(source, name))
