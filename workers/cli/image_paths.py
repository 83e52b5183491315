"""Which files the paths of a command line mean."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath

from PIL import Image

from decoding import FORMATS

SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS)

Complain = Callable[[str, str], None]


def pictures(paths: Iterable[str], complain: Complain) -> Iterator[str]:
    """A named file whatever it is called; of a folder all files below it with a picture's suffix, sorted.

    Inside a folder hidden files and folders are left out, and links to folders are not followed: they may lead in a
    circle. `complain` is told the path and a sentence.
    """
    for path in paths:
        try:
            children = _children(path)
        except NotADirectoryError:
            yield path
        except OSError as error:
            complain(path, reason(error))
        else:
            empty = True
            for picture in _below(children, complain):
                empty = False
                yield picture
            if empty:
                complain(path, "There are no pictures in this folder.")


def reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "There is no such file or folder."
    return f"It cannot be read: {error.strerror or error}."


def _below(waiting: "list[os.DirEntry[str]]", complain: Complain) -> Iterator[str]:
    while waiting:
        entry = waiting.pop()
        if entry.is_dir(follow_symlinks=False):
            try:
                waiting += _children(entry.path)
            except OSError as error:
                complain(entry.path, reason(error))
        elif PurePath(entry.name).suffix.lower() in SUFFIXES:
            yield entry.path


def _children(folder: str) -> "list[os.DirEntry[str]]":
    """Last first, to be taken from the end."""
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(shown, key=lambda entry: entry.name, reverse=True)
