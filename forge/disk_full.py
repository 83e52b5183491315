"""Whether a full disk is behind an error."""

import errno

_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
# Of SQLite, of PostgreSQL and the operating system, and of Redis: they have no errno.
_FULL_TEXTS = ("database or disk is full", "no space left on device", "disk quota exceeded")
# SQLite's index of its write-ahead log could not grow; the text is "disk I/O error".
_FULL_SQLITE_ERRORS = {"SQLITE_IOERR_SHMSIZE"}


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether a full disk is the cause of the error, wherever it was noticed."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL_ERRNOS:
            return True
        if getattr(error, "sqlite_errorname", "") in _FULL_SQLITE_ERRORS:
            return True
        if any(text in str(error).lower() for text in _FULL_TEXTS):
            return True
        error = error.__cause__
    return False


def unusable_sentence(error: Exception) -> str:
    """Return the sentence of a command that the database has failed."""
    if is_disk_full(error):
        return "The disk that holds the database is full. Nothing was changed."
    return f"The database cannot be used ({error}). Is DATABASE_URL right, is it there, and is `migrate` run?"
