"""`python -m training.datasets.published FOLDER`: download the published images that were described for this project.

The manifest has the descriptions, which are our own, and where each image is: repository, path, commit, the SHA-256 of
the published file, and the license. The images are not ours to copy; what a repository no longer holds is left out.
FOLDER gets rows.jsonl and img/, for `python -m training --described FOLDER`; a second run continues the first.
"""

import argparse
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from PIL import Image, ImageOps

from training.progress import progress

MANIFEST = Path(__file__).with_name("published_images.jsonl.gz")
BASE = "https://raw.githubusercontent.com"
# What the described copies have.
LONGER_SIDE, QUALITY = 640, 90
CONNECTIONS = 4
TIMEOUT_S = 30.0
HAVE, GONE, CHANGED, UNREACHABLE = "have", "gone", "changed", "unreachable"

Entry = dict[str, Any]


def read_manifest(path: Path = MANIFEST) -> list[Entry]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_manifest(folders: Sequence[Path], path: Path = MANIFEST) -> int:
    """Write the rows of all folders, and return their number. The same rows give the same bytes."""
    lines = [line for folder in folders for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return len(lines)


def address(entry: Entry, base: str = BASE) -> str:
    return f"{base}/{quote(entry['repo'])}/{entry['commit']}/{quote(entry['path'])}"


def download(entries: Sequence[Entry], folder: Path, base: str = BASE) -> Counter[str]:
    """Fill `folder`, and return how many images are there, gone, changed and unreachable."""
    (folder / "img").mkdir(parents=True, exist_ok=True)
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client, ThreadPoolExecutor(CONNECTIONS) as pool:
        fetch = partial(_fetch, client, folder / "img", base)
        results = list(progress(pool.map(fetch, entries), total=len(entries), label="images"))
    there = [entry for entry, result in zip(entries, results, strict=True) if result == HAVE]
    partial_file = folder / "rows.partial"
    partial_file.write_text("".join(_lines(there)), encoding="utf-8")
    partial_file.replace(folder / "rows.jsonl")
    return Counter(results)


def reduce(content: bytes) -> bytes:
    """Return the image as it was described: upright, on white, 640 pixels on the longer side, as WebP.

    Raises OSError where the content is no image.
    """
    image: Image.Image = Image.open(io.BytesIO(content))
    image.load()
    if image.mode in {"RGBA", "LA", "P", "PA"}:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = ImageOps.exif_transpose(image).convert("RGB")
    image.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()


def _fetch(client: httpx.Client, images: Path, base: str, entry: Entry) -> str:
    target = images / Path(entry["image"]).name
    if target.exists():
        return HAVE
    try:
        response = client.get(address(entry, base))
    except httpx.HTTPError:
        return UNREACHABLE
    if response.status_code in {404, 410, 451}:
        return GONE
    if not response.is_success:
        return UNREACHABLE
    if hashlib.sha256(response.content).hexdigest() != entry["sha256"]:
        return CHANGED
    partial_file = target.with_suffix(".partial")
    partial_file.write_bytes(reduce(response.content))
    partial_file.replace(target)
    return HAVE


def _lines(entries: Sequence[Entry]) -> Iterator[str]:
    return (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.datasets.published", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets rows.jsonl and img/, 80 MB")
    parser.add_argument("--base", default=BASE, help=f"address before OWNER/NAME/COMMIT/PATH; default: {BASE}")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="default: the one beside this module")
    options = parser.parse_args()
    counts = download(read_manifest(options.manifest), options.folder, options.base.rstrip("/"))
    print(", ".join(f"{counts[name]} {name}" for name in (HAVE, GONE, CHANGED, UNREACHABLE)))


if __name__ == "__main__":
    main()
