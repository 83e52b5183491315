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
    coco = [f"A {color} cube beside a tree in the park number {n}" for n in range(40) for color in COLORS]
    flickr = [caption(list(COLORS)[n % 3], n) for n in range(ROWS)] * 6
    with gzip.open(folder / "text-only.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join([*coco, *flickr, "Two men on a boat"]) + "\n")
    return folder


def write_part(folder: Path, name: str) -> None:
    rows = []
    with tarfile.open(folder / f"{name}.tar", "w") as tar:
        for number in range(ROWS):
            color = list(COLORS)[number % 3]
            image = f"{name}-{number}.webp"
            row: dict[str, object] = {"image": image, "captions": [caption(color, number)] * 3}
            if name.startswith("objects"):
                row = {"image": image, "label": "goldfish", "wordnet": "n01443537"}
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
