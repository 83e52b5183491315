"""Vectors of the vocabulary, computed once for each checkpoint and kept on disk."""

import contextlib
import hashlib
import logging
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
# What numpy raises on files that are no archive, cut short, or changed: each member of the archive has a CRC.
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def kept(
    prompts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], *, folder: Path | None, made_by: str
) -> Vectors:
    """(m, d), from the cache `folder` or made and put there; without a folder, made each time.

    `made_by` names the checkpoint and its precision: its vectors mean nothing to another. A file that cannot be read
    is made again, one that cannot be written costs a warning, and of two processes that write at once either is right.
    """
    if folder is None:
        return embed(prompts)
    key = hashlib.sha256("\n".join([made_by, *prompts]).encode()).hexdigest()[:24]
    path = folder / f"texts-{key}.npz"
    vectors = _read(path, len(prompts))
    if vectors is None:
        vectors = embed(prompts)
        _write(path, vectors)
    return vectors


def _read(path: Path, count: int) -> Vectors | None:
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            vectors: Vectors = archive["vectors"]
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        logger.warning("%s is damaged and made again: %s", path, error)
        return None
    usable = vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == count and np.isfinite(vectors).all()
    return vectors if usable else None


def _write(path: Path, vectors: Vectors) -> None:
    """Whole before it has its name, so that nobody reads half a file."""
    draft: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            draft = Path(file.name)
            np.savez(file, vectors=vectors)
        draft.replace(path)
    except OSError as error:
        logger.warning("The vectors of the vocabulary are not kept in %s: %s", path.parent, error)
        if draft is not None:
            with contextlib.suppress(OSError):
                draft.unlink()
