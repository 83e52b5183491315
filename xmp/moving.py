"""Rename a file without ever overwriting another one."""

import ctypes
import errno
import os
from functools import cache
from typing import Any

_CURRENT_FOLDER, _NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
_WITHOUT_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def move_file(source: str, target: str) -> None:
    """Rename a file or link. Raises FileExistsError where the target exists, and other errors of the system.

    One atomic step where the system has renameat2; else a second name, and then the first one is removed.
    """
    if not _rename_exclusively(source, target):
        link_and_unlink(source, target)


def link_and_unlink(source: str, target: str) -> None:
    """Rename in two steps: a process that is killed between them leaves both names, of one file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        # FAT has no links; there another program could make the target between these two lines.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        os.rename(source, target)  # noqa: PTH104
    else:
        os.unlink(source)  # noqa: PTH108


def synchronize_folder(folder: str) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename_exclusively(source: str, target: str) -> bool:
    """Rename by one system call; False where the system or the file system has none."""
    rename = _renameat2()
    if rename is None:
        return False
    if not rename(_CURRENT_FOLDER, os.fsencode(source), _CURRENT_FOLDER, os.fsencode(target), _NO_REPLACE):
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), target)


@cache
def _renameat2() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
