"""The folder of pulled checkpoints."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from workers.models.base import ModelUnavailable
from workers.models.checkpoints import checkpoint

BLIP, BLIP_LARGE = "Salesforce/blip-image-captioning-base", "Salesforce/blip-image-captioning-large"
CLIP = "openai/clip-vit-base-patch32"
DEFAULTS = (BLIP, CLIP)
SUPPORTED = (*DEFAULTS, BLIP_LARGE)

CHECKSUMS = "SHA256SUMS"
REVISION = "REVISION"
PARTIAL_SUFFIX = ".partial"


def folder_of(models: Path, name: str) -> Path:
    """Return the folder of OWNER/NAME on the hub, or of an absolute path. Raises ModelUnavailable."""
    path = Path(name).expanduser()
    if not path.is_absolute() and (".." in path.parts or not path.parts):
        raise ModelUnavailable(f"{name!r} is neither a model's name nor an absolute path.")
    return models / path


def require(models: Path, name: str, model_type: str | None) -> Path:
    """Return the checked folder, None: of any type. Raises ModelUnavailable with the command that fetches it."""
    folder = folder_of(models, name)
    if Path(name).expanduser().is_absolute():
        checkpoint.require(folder, model_type)
        return folder
    command = "bin/manage models pull" if name in DEFAULTS else f"bin/manage models pull {name}"
    if not folder.is_dir():
        raise ModelUnavailable(f"The weights of {name} are not on this machine; run `{command}`.")
    try:
        checkpoint.require(folder, model_type)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{str(error).rstrip('.')}; `{command}` fetches what is missing.") from error
    return folder


def commit(folder: Path) -> str:
    """Return the hub's commit, empty for a folder that was not pulled."""
    path = folder / REVISION
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def revision(folder: Path) -> str:
    return commit(folder)[:12]


def installed_names(models: Path) -> Iterator[str]:
    """Yield all names in order, incomplete checkpoints included."""
    for owner in sorted(path for path in models.glob("*") if path.is_dir()):
        for folder in sorted(path for path in owner.iterdir() if path.is_dir()):
            yield f"{owner.name}/{folder.name}"


def total_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_checksums(folder: Path) -> dict[str, str]:
    """Return SHA-256 by file name. Raises ValueError for a damaged checksum file."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    lines = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(len(line) != 2 or len(line[0]) != 64 for line in lines):
        raise ValueError(f"{path} is damaged")
    return {name: digest for digest, name in lines}


def write_checksums(folder: Path, checksums: dict[str, str], commit: str) -> None:
    """Write the checksums last: they mark the pull as complete."""
    lines = "".join(f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    for name, text in ((REVISION, f"{commit}\n"), (CHECKSUMS, lines)):
        partial = folder / f"{name}{PARTIAL_SUFFIX}"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path) -> list[str]:
    """Return a sentence per damaged file."""
    try:
        checksums = read_checksums(folder)
    except (OSError, ValueError) as error:
        return [f"{error}."]
    if not checksums:
        partial = [path.name for path in sorted(folder.glob(f"*{PARTIAL_SUFFIX}"))]
        return [f"the pull is incomplete ({', '.join(partial)})." if partial else f"no {CHECKSUMS}: it was not pulled."]
    return [problem for name, digest in checksums.items() if (problem := _verify_file(folder / name, digest))]


def _verify_file(path: Path, digest: str) -> str:
    if not path.is_file():
        return f"{path.name} is missing."
    return "" if sha256(path) == digest else f"{path.name} is damaged."
