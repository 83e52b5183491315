"""Rename files with their sidecars, recorded in an undo list before it happens."""

import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import xmp
from workers.cli.files.new_names import split_name

_SIDECAR_SUFFIXES = (".xmp", ".XMP")


class Move(NamedTuple):
    """Absolute paths."""

    source: str
    target: str


def moves_of(old: str, new: str) -> list[Move]:
    """Return the moves of a file and its sidecars: NAME.jpg.xmp, and NAME.xmp where no other file has that stem."""
    if old == new:
        return []
    pairs = [(old, new)]
    pairs += [(f"{old}{suffix}", f"{new}{suffix}") for suffix in _SIDECAR_SUFFIXES]
    folder, stem, _ = split_name(old)
    shared = os.path.join(folder, stem)  # noqa: PTH118
    of_others = (f"{shared}{suffix}" for suffix in _SIDECAR_SUFFIXES)
    found = [path for path in of_others if os.path.lexists(path)]
    if found and not _others_with_stem(folder, stem, {old, *found}):
        renamed = os.path.join(folder, split_name(new)[1])  # noqa: PTH118
        pairs += [(path, renamed + split_name(path)[2]) for path in found]
    existing = [pair for pair in pairs if os.path.lexists(pair[0])]
    return [Move(os.path.abspath(source), os.path.abspath(target)) for source, target in existing]  # noqa: PTH100


def _others_with_stem(folder: str, stem: str, known: set[str]) -> bool:
    with os.scandir(folder or ".") as entries:
        names = [entry.name for entry in entries if split_name(entry.name)[1] == stem]
    return any(os.path.join(folder, name) not in known for name in names)  # noqa: PTH118


def open_exclusively(path: str) -> IO[bytes]:
    """Open a file to read and append; no other run may use it meanwhile. Raises ValueError, and OSError."""
    while True:
        file = open(path, "a+b", buffering=0)  # noqa: PTH123, SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise ValueError(f"Another run uses {path}.") from error
        except OSError:
            pass  # a network file system without locks
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another run removed it, empty, before it was locked here


class UndoList:
    """A file with a line of JSON for each renamed image, written before it is renamed; it is made with the first line.

    What a killed run left of its last line is completed when the list is opened, and dropped where nothing was done.
    """

    def __init__(self, path: str) -> None:
        """Open the list where there is one. Raises ValueError, and OSError, also where it could not be made."""
        self.path = path
        self._file: IO[bytes] | None = None
        if os.path.lexists(path):
            self._opened()
        else:
            _require_writable(os.path.dirname(path) or ".")  # noqa: PTH120

    def close(self) -> None:
        """Close the list, and remove it where nothing was renamed."""
        if self._file is None:
            return
        found = os.fstat(self._file.fileno())
        if stat.S_ISREG(found.st_mode) and not found.st_size:
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108
        self._file.close()

    def apply(self, moves: list[Move]) -> None:
        """Do all moves or none: those before one that fails are taken back. Raises OSError."""
        try:
            file, done = self._opened(), list[Move]()
        except ValueError as error:
            raise BlockingIOError(errno.EWOULDBLOCK, str(error).rstrip(".")) from error
        start = file.seek(0, os.SEEK_END)
        file.write(_line(moves))
        os.fsync(file.fileno())
        try:
            for move in moves:
                xmp.move_file(move.source, move.target)
                done.append(move)
        except OSError:
            for move in reversed(done):
                xmp.move_file(move.target, move.source)
            file.truncate(start)
            raise

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            file = open_exclusively(self.path)
            try:
                _settle(file)
                xmp.synchronize_folder(os.path.dirname(self.path))  # noqa: PTH120
            except BaseException:
                file.close()
                raise
            self._file = file
        return self._file


def _settle(file: IO[bytes]) -> None:
    """Remove a line that was cut; complete the moves of the last one, or remove it."""
    start, end, last = 0, 0, list[Move]()
    file.seek(0)
    for line in file:
        if not line.endswith(b"\n"):
            break
        last, start = _moves_in(line), end
        end += len(line)
    if last and not _happened(last[0]):
        end = start
    elif last:
        for move in last[1:]:
            if not _happened(move):
                with contextlib.suppress(OSError):
                    xmp.move_file(move.source, move.target)
    file.truncate(end)


def _require_writable(folder: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def undo(path: str, report: Callable[[str, str], None]) -> int:
    """Give images their old names back, the last one first, and return how many; the list keeps those that failed.

    Raises OSError, and ValueError for a file that is no such list.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        lines = [_moves_in(line) for line in file if line.endswith(b"\n")]
    failed, count = list[list[Move]](), 0
    for moves in reversed(lines):
        renamed = [move for move in reversed(moves) if _happened(move) or os.path.lexists(move.target)]
        try:
            for move in renamed:
                xmp.move_file(move.target, move.source)
            count += bool(renamed)
        except OSError as error:
            failed.append(moves)
            report(moves[0].target, f"It cannot be renamed to {moves[0].source}: {error.strerror}.")
    if failed:
        left = b"".join(_line(moves) for moves in reversed(failed))
        xmp.replace_file(path, left, xmp.file_state(path))
    else:
        Path(path).unlink()
    return count


def _line(moves: list[Move]) -> bytes:
    return json.dumps({"moves": moves}).encode() + b"\n"


def _moves_in(line: bytes) -> list[Move]:
    try:
        return [Move(str(source), str(target)) for source, target in json.loads(line)["moves"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("It is no list of renamed files.") from error


def _happened(move: Move) -> bool:
    """Return whether the file has its new name; of two names of one file, which a killed run left, it keeps that."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(move.source), os.lstat(move.target)):
            os.unlink(move.source)  # noqa: PTH108
    return os.path.lexists(move.target) and not os.path.lexists(move.source)
