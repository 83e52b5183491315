"""A small dataset in the format that training reads, with generated images."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLORS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (50, 60, 200)}
ROWS = 9


def caption(color: str, number: int) -> str:
    return f"A {color} ball number {number % 3} on the grass."


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captions")
    for name in ("coco-train", "coco-val", "flickr8k-train", "flickr8k-val", "grocery-train", "grocery-val"):
        write_part(folder, name)
    for name in ("fashion-train", "objects-train", "objects-val"):
        write_part(folder, name)
    for name in ("kinds-train", "openstax-train", "wikialt-train", "classes-train"):
        write_part(folder, name)
    coco = [f"A {color} cube beside a tree in the park number {n}" for n in range(40) for color in COLORS]
    flickr = [caption(list(COLORS)[n % 3], n) for n in range(ROWS)] * 6
    with gzip.open(folder / "text-only.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join([*coco, *flickr, "Two men on a boat"]) + "\n")
    return folder


@pytest.fixture(scope="session")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wild")
    for name in ("wild-train", "wild-dev"):
        write_part(folder, name)
    return folder


def described_row(image: str, color: str, number: int) -> dict[str, object]:
    """Return a row in the format of the described images; every third is a drawing, with people and text."""
    is_drawing = number % 3 == 0
    return {
        "image": image,
        "kind": "drawing" if is_drawing else "photo",
        "people": 5 if is_drawing else 0,
        "subject": [f"{color} balls", "ball"],
        "also": ["tree"],
        "scene": ["grass"],
        "text": "SALE" if is_drawing else "",
        "caption": caption(color, number),
        "description": 'It says "zebra" beside two dogs.',
        "licence": "MIT" if number else "none stated",
    }


def write_part(folder: Path, name: str) -> None:
    rows = []
    with tarfile.open(folder / f"{name}.tar", "w") as tar:
        for number in range(ROWS):
            color = list(COLORS)[number % 3]
            image = f"{name}-{number}.webp"
            row: dict[str, object] = {"image": image, "captions": [caption(color, number)] * 3}
            if name.startswith("objects"):
                row = {"image": image, "label": "goldfish", "wordnet": "n01443537"}
            if name.startswith(("kinds", "classes")):
                row = {"image": image, "label": "logo", "kind_guess": "logo", "licence": "MIT (LICENSE)"}
            if name.startswith("wild"):
                row = described_row(image, color, number)
            rows.append(json.dumps(row))
            file = noisy_image(COLORS[color], number)
            entry = tarfile.TarInfo(image)
            entry.size = len(file)
            tar.addfile(entry, io.BytesIO(file))
    (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def noisy_image(color: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 40, (64, 64, 3))
    file = io.BytesIO()
    Image.fromarray((np.array(color) * 0.8 + noise).clip(0, 255).astype(np.uint8)).save(file, "WEBP")
    return file.getvalue()
