"""The figures of README and model card: the exported files on validation images, by the inference code."""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.datasets.captioned import Row, label_numbers
from training.datasets.tokenized import normalize_caption
from training.progress import progress
from training.scoring.caption_metrics import caption_scores
from training.scoring.caption_support import MIN_SUPPORT, caption_support
from training.stages.calibrate import reliability_table
from workers.english.labels import read_labels
from workers.english.nouns import Lexicon
from workers.models.embedded.inference import EmbeddedInference
from workers.models.embedded.label_tags import CONFIDENT_LABEL

LIMITS = {"flickr8k": 500, "coco": 202, "grocery": 100, "fashion": 100, "objects": 100}


@dataclass(frozen=True, slots=True)
class EvaluatedImage:
    """`caption`: the decoder's best sentence; `label`: a number. Field names are JSON keys."""

    name: str
    subset: str
    caption: str
    confidence: float
    tags: list[tuple[str, float]]
    label: int
    probability: float


def write(export: Path, rows: Sequence[Row], processes: int, path: Path) -> None:
    """Write the results as JSON lines to `path`; print scores and reliability tables."""
    rows = [row for subset, limit in LIMITS.items() for row in _validation_rows(rows, subset)[:limit]]
    with ProcessPoolExecutor(processes, initializer=_start, initargs=(export,)) as pool:
        images = list(progress(pool.map(_evaluate, rows, chunksize=8), total=len(rows), label="evaluating"))
    path.write_text("".join(json.dumps(asdict(image)) + "\n" for image in images), encoding="utf-8")
    _print_scores(rows, images)
    _print_objects(rows, images)
    _print_reliability(rows, images)


def _validation_rows(rows: Sequence[Row], subset: str) -> list[Row]:
    return [row for row in rows if row.subset == subset and row.split == "val"]


_inference: list[EmbeddedInference] = []


def _start(export: Path) -> None:
    _inference.append(EmbeddedInference(threads=1, folder=export))


def _evaluate(row: Row) -> EvaluatedImage:
    inference = _inference[0]
    prediction = inference.predict([np.asarray(Image.open(row.path).convert("RGB"))])[0]
    captions, tags = prediction.captions, inference.tags(prediction)
    caption, confidence = (captions[0].text, captions[0].confidence) if captions else ("", 0.0)
    label = int(prediction.labels.argmax())
    return EvaluatedImage(
        name=row.name,
        subset=row.subset,
        caption=caption,
        confidence=confidence,
        tags=[(tag.text, tag.confidence) for tag in tags],
        label=label,
        probability=float(prediction.labels[label]),
    )


def _print_scores(rows: Sequence[Row], images: Sequence[EvaluatedImage]) -> None:
    for subset in ("flickr8k", "coco", "grocery", "fashion"):
        pairs = [(image, row.captions) for image, row in zip(images, rows, strict=True) if row.subset == subset]
        if pairs:
            references = [[normalize_caption(caption) for caption in captions] for _, captions in pairs]
            captions = [image.caption or "image" for image, _ in pairs]
            print(subset, len(pairs), caption_scores(captions, references), flush=True)


def _print_objects(rows: Sequence[Row], images: Sequence[EvaluatedImage]) -> None:
    numbers = label_numbers()
    labels = read_labels()
    lexicon = Lexicon(labels)
    confident = right = in_result = 0
    for row, image in zip(rows, images, strict=True):
        if row.wordnet and image.probability > CONFIDENT_LABEL:
            confident += 1
            if numbers[row.wordnet] == image.label:
                right += 1
                label = labels[image.label]
                nouns = {mention.noun.text for mention in lexicon.read(image.caption).mentions}
                in_caption = bool(nouns & lexicon.words_of(label).synonyms)
                in_result += in_caption or label.name in {text for text, _ in image.tags}
    print(f"single objects: {confident} confident, {right} right, {in_result} of these in caption or tags", flush=True)


def _print_reliability(rows: Sequence[Row], images: Sequence[EvaluatedImage]) -> None:
    """Print tables for every other image, those that the curve was not fitted on."""
    pairs = [
        (image, [normalize_caption(caption) for caption in row.captions])
        for image, row in zip(images, rows, strict=True)
        if row.captions
    ][1::2]
    captions = [
        (image.confidence, caption_support(image.caption, references) >= MIN_SUPPORT)
        for image, references in pairs
        if image.caption
    ]
    print(f"captions, of {len(captions)} of {len(pairs)} images:")
    print(reliability_table(*(np.array(column, dtype=np.float64) for column in zip(*captions, strict=True))))
    tags = [
        (confidence, caption_support(text, references) > 0.5)
        for image, references in pairs
        for text, confidence in image.tags
    ]
    print("tags:")
    print(reliability_table(*(np.array(column, dtype=np.float64) for column in zip(*tags, strict=True))), flush=True)
