"""Image files below the paths of a command line."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath

from PIL import Image

from decoding import FILE_TYPES
from workers.cli.raw_preview import RAW_SUFFIXES

# .mpo and .dib are formats of their own to Pillow.
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in FILE_TYPES)

OnError = Callable[[str, str], None]


def find_images(paths: Iterable[str], on_error: OnError, *, with_raw: bool = False) -> Iterator[str]:
    """Yield named files, whatever their suffix, and those in folders with an image's suffix, or a raw one's, sorted.

    In folders hidden entries are skipped, and links to folders, which may form a cycle. Of pipes, sockets and devices
    only named ones are read. `on_error` gets path and sentence.
    """
    for path in paths:
        try:
            entries = _sorted_entries(path)
        except NotADirectoryError:
            yield path
        except OSError as error:
            on_error(path, os_error_message(error))
        else:
            empty = True
            for image in _walk(entries, SUFFIXES | RAW_SUFFIXES if with_raw else SUFFIXES, on_error):
                empty = False
                yield image
            if empty:
                on_error(path, "There are no images in this folder.")


def os_error_message(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "There is no such file or folder."
    return f"It cannot be read: {error.strerror or error}."


def _walk(stack: "list[os.DirEntry[str]]", suffixes: frozenset[str], on_error: OnError) -> Iterator[str]:
    while stack:
        entry = stack.pop()
        if entry.is_dir(follow_symlinks=False):
            try:
                stack += _sorted_entries(entry.path)
            except OSError as error:
                on_error(entry.path, os_error_message(error))
        elif PurePath(entry.name).suffix.lower() in suffixes:
            if _is_special(entry):
                on_error(entry.path, "It is not a regular file.")
            else:
                yield entry.path


def _is_special(entry: "os.DirEntry[str]") -> bool:
    """Return whether it is, or links to, a pipe, socket or device: to open one may wait forever."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False  # Reading it reports the error.
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _sorted_entries(folder: str) -> "list[os.DirEntry[str]]":
    """Return visible entries in reverse order, as a stack."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: entry.name, reverse=True)
