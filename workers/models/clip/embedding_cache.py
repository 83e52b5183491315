"""An on-disk cache of text embeddings."""

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

Embeddings = NDArray[np.float32]
# Of a file that is no archive, truncated, or changed: each member has a CRC.
_READ_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def cached_embeddings(
    prompts: Sequence[str], embed: Callable[[Sequence[str]], Embeddings], *, folder: Path | None, encoder_key: str
) -> Embeddings:
    """Return (m, d) from the cache in `folder`, if any, or compute and store it.

    `encoder_key` names checkpoint and precision. A damaged file is replaced, a write error logged; concurrent writers
    are safe.
    """
    if folder is None:
        return embed(prompts)
    key = hashlib.sha256("\n".join([encoder_key, *prompts]).encode()).hexdigest()[:24]
    path = folder / f"texts-{key}.npz"
    embeddings = _read(path, len(prompts))
    if embeddings is None:
        embeddings = embed(prompts)
        _write(path, embeddings)
    return embeddings


def _read(path: Path, count: int) -> Embeddings | None:
    try:
        # numpy would leave a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            found: Embeddings = archive["vectors"]
    except FileNotFoundError:
        return None
    except _READ_ERRORS as error:
        logger.warning("%s is damaged and is computed again: %s", path, error)
        return None
    usable = found.dtype == np.float32 and found.ndim == 2 and len(found) == count and np.isfinite(found).all()
    return found if usable else None


def _write(path: Path, embeddings: Embeddings) -> None:
    """Write atomically, by a rename."""
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            partial = Path(file.name)
            np.savez(file, vectors=embeddings)
        partial.replace(path)
    except OSError as error:
        logger.warning("The embeddings of the vocabulary are not kept in %s: %s", path.parent, error)
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink()
