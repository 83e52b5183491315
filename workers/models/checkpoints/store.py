"""The folder of checkpoints that were pulled: which is where, at which revision, and whether it is still whole."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from workers.models.base import ModelUnavailable
from workers.models.checkpoints import checkpoint

BLIP, BLIP_LARGE = "Salesforce/blip-image-captioning-base", "Salesforce/blip-image-captioning-large"
CLIP = "openai/clip-vit-base-patch32"
DEFAULTS = (BLIP, CLIP)
KNOWN = (*DEFAULTS, BLIP_LARGE)

SUMS = "SHA256SUMS"
# The hub's commit that the files are of.
REVISION = "REVISION"
PARTIAL = ".partial"


def folder_of(models: Path, name: str) -> Path:
    """`name` as the hub has it, OWNER/NAME, or the path of a folder with a checkpoint. Raises ModelUnavailable."""
    path = Path(name).expanduser()
    if not path.is_absolute() and (".." in path.parts or not path.parts):
        raise ModelUnavailable(f"{name!r} is neither a model's name nor an absolute path.")
    return models / path


def require(models: Path, name: str, kind: str) -> Path:
    """The folder, checked as checkpoint.require does. Raises ModelUnavailable with the command that mends it."""
    folder = folder_of(models, name)
    if Path(name).expanduser().is_absolute():
        checkpoint.require(folder, kind)
        return folder
    command = "bin/manage models pull" if name in DEFAULTS else f"bin/manage models pull {name}"
    if not folder.is_dir():
        raise ModelUnavailable(f"The weights of {name} are not on this machine; run `{command}`.")
    try:
        checkpoint.require(folder, kind)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{str(error).rstrip('.')}; `{command}` fetches what is missing.") from error
    return folder


def commit(folder: Path) -> str:
    """The hub's commit that was pulled; empty for a folder that was not."""
    path = folder / REVISION
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def revision(folder: Path) -> str:
    return commit(folder)[:12]


def names(models: Path) -> Iterator[str]:
    """Of all that is in the folder, sorted; half-pulled ones too."""
    for owner in sorted(path for path in models.glob("*") if path.is_dir()):
        for folder in sorted(path for path in owner.iterdir() if path.is_dir()):
            yield f"{owner.name}/{folder.name}"


def size_of(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_sums(folder: Path) -> dict[str, str]:
    """File name to SHA-256; empty where nothing was recorded. Raises ValueError for a file that is damaged itself."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    lines = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(len(line) != 2 or len(line[0]) != 64 for line in lines):
        raise ValueError(f"{path} is damaged")
    return {name: digest for digest, name in lines}


def write_sums(folder: Path, sums: dict[str, str], commit: str) -> None:
    """The sums last: with them the model counts as pulled."""
    for name, text in ((REVISION, f"{commit}\n"), (SUMS, "".join(f"{sums[n]}  {n}\n" for n in sorted(sums)))):
        draft = folder / f"{name}{PARTIAL}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / name)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong(folder: Path) -> list[str]:
    """A sentence for each file that is not as it was when it was pulled."""
    try:
        sums = read_sums(folder)
    except (OSError, ValueError) as error:
        return [f"{error}."]
    if not sums:
        left = [path.name for path in sorted(folder.glob(f"*{PARTIAL}"))]
        return [f"half of it is here ({', '.join(left)})." if left else f"no {SUMS}: it was not pulled."]
    return [complaint for name, digest in sums.items() if (complaint := _wrong(folder / name, digest))]


def _wrong(path: Path, digest: str) -> str:
    if not path.is_file():
        return f"{path.name} is missing."
    return "" if sha256(path) == digest else f"{path.name} is damaged."
