"""The figures of README and model card: exported files, the product's own code, validation photographs."""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.datasets.captioned import Row, label_numbers
from training.datasets.tokenized import clean
from training.progress import progress
from training.scoring.caption_metrics import scores
from training.scoring.caption_support import RIGHT, supported
from training.stages.calibrate import table
from workers.english.labels import read_labels
from workers.english.nouns import Lexicon
from workers.models.embedded.inference import Sight
from workers.models.embedded.policy.caption_policy import SURE

MOST = {"flickr8k": 500, "coco": 202, "grocery": 100, "fashion": 100, "objects": 100}


@dataclass(frozen=True, slots=True)
class Answer:
    """`sentence` is the decoder's own, `caption` what is told in the end, "" for nothing; `label` is a number."""

    name: str
    subset: str
    sentence: str
    confidence: float
    caption: str
    caption_confidence: float
    tags: list[tuple[str, float]]
    label: int
    probability: float


def write(export: Path, rows: Sequence[Row], workers: int, path: Path) -> None:
    """Answers as JSON lines in `path`; prints scores and reliability."""
    chosen = [row for subset, most in MOST.items() for row in _val(rows, subset)[:most]]
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(export,)) as pool:
        found = progress(pool.map(_answer, chosen, chunksize=8), total=len(chosen), label="evaluating")
        answers = [Answer(row.name, row.subset, *told) for row, told in zip(chosen, found, strict=True)]
    path.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in answers), encoding="utf-8")
    _print_scores(chosen, answers)
    _print_objects(chosen, answers)
    _print_reliability(chosen, answers)


def _val(rows: Sequence[Row], subset: str) -> list[Row]:
    return [row for row in rows if row.subset == subset and row.split == "val"]


_sight: list[Sight] = []


def _start(export: Path) -> None:
    _sight.append(Sight(threads=1, folder=export))


def _answer(row: Row) -> tuple[str, float, str, float, list[tuple[str, float]], int, float]:
    sight = _sight[0]
    seen = sight.see([np.asarray(Image.open(row.path).convert("RGB"))])[0]
    captions, tags = sight.teller.captions(seen), sight.teller.tags(seen)
    text, sure = (captions[0].text, captions[0].confidence) if captions else ("", 0.0)
    label = int(seen.labels.argmax())
    told = [(tag.text, tag.confidence) for tag in tags]
    return seen.sentence, seen.confidence, text, sure, told, label, float(seen.labels[label])


def _print_scores(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
    for subset in ("flickr8k", "coco", "grocery", "fashion"):
        pairs = [(answer, row.captions) for answer, row in zip(answers, rows, strict=True) if row.subset == subset]
        if pairs:
            true = [[clean(caption) for caption in captions] for _, captions in pairs]
            print(subset, len(pairs), "decoder:", scores([answer.sentence for answer, _ in pairs], true))
            print(
                subset,
                len(pairs),
                "told:   ",
                scores([answer.caption or "picture" for answer, _ in pairs], true),
                flush=True,
            )


def _print_objects(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
    """Of the labels that are sure and right, how many are told; and how often sure is right."""
    numbers = label_numbers()
    labels = read_labels()
    lexicon = Lexicon(labels)
    sure = right = told = 0
    for row, answer in zip(rows, answers, strict=True):
        if row.wordnet and answer.probability > SURE:
            sure += 1
            if numbers[row.wordnet] == answer.label:
                right += 1
                label = labels[answer.label]
                said = {mention.noun.text for mention in lexicon.read(answer.caption).mentions}
                told += bool(said & lexicon.words_of(label).synonyms) or label.name in {text for text, _ in answer.tags}
    print(f"single objects: {sure} sure, {right} of them right, {told} of these told in caption or tags", flush=True)


def _print_reliability(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
    """Every other picture, those that the curve was not fitted on."""
    pairs = [(a, [clean(c) for c in row.captions]) for a, row in zip(answers, rows, strict=True) if row.captions][1::2]
    told = [(a.caption_confidence, supported(a.caption, true) >= RIGHT) for a, true in pairs if a.caption]
    print(f"captions, told for {len(told)} of {len(pairs)}:")
    print(table(*(np.array(column, dtype=np.float64) for column in zip(*told, strict=True))))
    tags = [(sure, supported(text, true) > 0.5) for a, true in pairs for text, sure in a.tags]
    print("tags:")
    print(table(*(np.array(column, dtype=np.float64) for column in zip(*tags, strict=True))), flush=True)
