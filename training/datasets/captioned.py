"""The captioned photographs: the datasets, their licenses, and one row per image."""

import csv
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.english.labels import LABELS_FILE

# Photographs for non-commercial research only, and the captions that came with them.
RESTRICTED = "-restricted"
NON_COMMERCIAL = frozenset(("flickr8k", "objects", f"photo{RESTRICTED}", f"drawn{RESTRICTED}"))
SETS = ("coco", "flickr8k", "grocery", "fashion", "objects")
# Of images described by eye, for the decoder: training.datasets.described.caption_rows().
DESCRIBED_SETS = ("photo", f"photo{RESTRICTED}", "drawn", f"drawn{RESTRICTED}")
# Fashion has no validation part; its last rows become one.
FASHION_HELD_OUT = 300
# More rows of the same templates brought nothing in the trial run.
MAX_FASHION = 3_500


@dataclass(frozen=True, slots=True)
class Row:
    """`wordnet`: the class of a single-object photograph, empty elsewhere; `captions` may be empty there."""

    path: Path
    name: str
    subset: str
    split: str
    captions: tuple[str, ...] = field(default=())
    wordnet: str = ""

    @property
    def is_scene(self) -> bool:
        return self.subset in {"coco", "flickr8k"}


def unpack(source: Path, target: Path) -> None:
    """Unpack every archive of `source` that is not yet in `target`."""
    for archive in sorted(source.glob("*.tar")):
        folder = target / archive.stem
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            partial.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as tar:
                # Not extractall(): Python 3.11 before 3.11.4, Debian's among them, has no filters for it.
                for member in filter(tarfile.TarInfo.isfile, tar):
                    content = tar.extractfile(member)
                    assert content is not None
                    (partial / Path(member.name).name).write_bytes(content.read())
            partial.rename(folder)


def read_rows(source: Path, images: Path, sets: Sequence[str] = SETS, limit: int | None = None) -> list[Row]:
    """Return training rows, then validation rows, of each set, at most `limit` of each part."""
    rows: list[Row] = []
    for name in sets:
        for split, part in _parts(source, images, name):
            rows += part if limit is None else part[:limit]
            assert all(row.split == split for row in part)
    return rows


def _parts(source: Path, images: Path, name: str) -> Iterator[tuple[str, list[Row]]]:
    train = list(_read(source / f"{name}-train.jsonl", images / f"{name}-train", name, "train"))
    if name != "fashion":
        yield "train", train
        yield "val", list(_read(source / f"{name}-val.jsonl", images / f"{name}-val", name, "val"))
        return
    yield "train", train[:MAX_FASHION]
    yield "val", [Row(r.path, r.name, r.subset, "val", r.captions) for r in train[-FASHION_HELD_OUT:]]


def _read(file: Path, folder: Path, name: str, split: str) -> Iterator[Row]:
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        captions = tuple(caption.strip() for caption in row.get("captions", ()) if caption.strip())
        yield Row(folder / row["image"], row["image"], name, split, captions, row.get("wordnet", ""))


def label_numbers() -> dict[str, int]:
    """Return the backbone's class number of each WordNet id."""
    with LABELS_FILE.open(encoding="utf-8", newline="") as file:
        return {row["wnid"]: int(row["index"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
