"""The captioned photographs: which sets there are, whose licence allows what, and one row an image."""

import csv
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.english.labels import LABELS_FILE

# Photographs for non-commercial research only, and captions that came with them.
NON_COMMERCIAL = frozenset(("flickr8k", "objects"))
SETS = ("coco", "flickr8k", "grocery", "fashion", "objects")
# Fashion comes without a validation part; its last rows become one.
FASHION_HELD_OUT = 300
# More of the same templates taught nothing in the trial run.
MOST_FASHION = 3_500


@dataclass(frozen=True, slots=True)
class Row:
    """`wordnet` is the class of a single-object photograph, empty elsewhere; `captions` may be empty there."""

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
    """Every archive of `source` that is not yet in `target`."""
    for archive in sorted(source.glob("*.tar")):
        folder = target / archive.stem
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            partial.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as tar:
                # By hand: Python 3.11 before 3.11.4, Debian's among them, has no filters for extractall().
                for member in filter(tarfile.TarInfo.isfile, tar):
                    content = tar.extractfile(member)
                    assert content is not None
                    (partial / Path(member.name).name).write_bytes(content.read())
            partial.rename(folder)


def read_rows(source: Path, images: Path, sets: Sequence[str] = SETS, most: int | None = None) -> list[Row]:
    """Training rows, then validation rows, of each set; `most` cuts each part, for quick runs."""
    rows: list[Row] = []
    for name in sets:
        for part, found in _parts(source, images, name):
            rows += found if most is None else found[:most]
            assert all(row.split == part for row in found)
    return rows


def _parts(source: Path, images: Path, name: str) -> Iterator[tuple[str, list[Row]]]:
    train = list(_read(source / f"{name}-train.jsonl", images / f"{name}-train", name, "train"))
    if name != "fashion":
        yield "train", train
        yield "val", list(_read(source / f"{name}-val.jsonl", images / f"{name}-val", name, "val"))
        return
    yield "train", train[:MOST_FASHION]
    yield "val", [Row(r.path, r.name, r.subset, "val", r.captions) for r in train[-FASHION_HELD_OUT:]]


def _read(file: Path, folder: Path, name: str, split: str) -> Iterator[Row]:
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        captions = tuple(caption.strip() for caption in row.get("captions", ()) if caption.strip())
        yield Row(folder / row["image"], row["image"], name, split, captions, row.get("wordnet", ""))


def label_numbers() -> dict[str, int]:
    """WordNet's id of each class to its number among the net's outputs."""
    with LABELS_FILE.open(encoding="utf-8", newline="") as file:
        return {row["wnid"]: int(row["index"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
