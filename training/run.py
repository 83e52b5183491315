"""One training run: what each stage reads and writes in the work folder."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from training.caption_model import Speaker, decoder_config
from training.datasets.captioned import Row
from training.datasets.image_batches import Pictures
from training.datasets.tokenized import VOCABULARY, Vocabulary, clean, make_vocabulary, read_sentences
from training.scoring.caption_metrics import captions, deaf, likelihood, scores
from training.stages import calibrate, evaluate, export
from training.stages.detector import WORDS, precision, train_detector
from training.stages.features import Features, extract
from training.stages.images import train_pictures
from training.stages.self_critical import blended, train_reward
from training.stages.text import hearing, train_text
from workers.models.embedded.vision.visual_features import Detector


@dataclass(frozen=True, slots=True)
class Scale:
    """Steps of each stage."""

    text: int
    detector: int
    pictures: int
    reward: int
    scored: int

    @staticmethod
    def of(variant: str) -> "Scale":
        # A quarter of the scenes: more steps would only learn them by heart.
        return Scale(850, 600, 3600, 200, 1000) if variant == "full" else Scale(450, 600, 420, 0, 1000)

    @staticmethod
    def quick() -> "Scale":
        return Scale(2, 2, 2, 1, 4)


@dataclass
class Run:
    source: Path
    work: Path
    variant: str
    without: frozenset[str]
    rows: list[Row]
    scale: Scale
    threads: int
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.work / self.variant
        self.folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def seen(self) -> Features:
        return Features(self.work / "features", self.rows)

    @cached_property
    def sentences(self) -> list[str]:
        return read_sentences(self.source, self.rows, commercial=bool(self.without))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        allowed = [row for row in self.rows if row.split == "val" or row.subset not in self.without]
        return make_vocabulary(self.folder / "tokenizer.json", self.sentences, allowed)

    @cached_property
    def shown(self) -> Pictures:
        return Pictures(self.seen, self.vocabulary, self.folder)

    def features(self) -> None:
        extract(self.seen, self.threads)

    def text(self) -> None:
        if not self._has("text"):
            speaker = Speaker(decoder_config(VOCABULARY))
            self._keep("text", train_text(speaker, self.sentences, self.vocabulary, self.folder, self.scale.text))
        unseen = [clean(row.captions[0]) for row in self.rows if row.split == "val" and row.is_scene][:600]
        heard, unheard = hearing(self._speaker("text"), unseen, self.vocabulary)
        print(f"nats a token of unseen sentences: {heard:.3f} with concepts, {unheard:.3f} without")

    def detector(self) -> None:
        if not self._has("detector"):
            steps = self.scale.detector
            self._keep("detector", train_detector(self.seen, self.vocabulary, self.folder, steps, self.without))
        words = np.load(self.folder / WORDS, mmap_mode="r")
        print("precision of the five surest words:", precision(words, self.seen, self.vocabulary))

    def pictures(self) -> None:
        if not self._has("pictures"):
            speaker, steps = self._speaker("text"), self.scale.pictures
            self._keep("pictures", train_pictures(speaker, self.shown, self.folder, steps, self.without))
        self._report("pictures")

    def reward(self) -> None:
        if not self._has("reward"):
            speaker, steps = self._speaker("pictures"), self.scale.reward
            rewarded = train_reward(speaker, self.shown, self.folder, steps, self.without)
            self._keep("reward", blended(self._speaker("pictures"), rewarded))
        self._report("reward")

    def calibrate(self) -> None:
        calibrate.write(self._speaker("reward"), self.shown, self.folder / "calibration.json")

    def export(self) -> None:
        export.write(self.folder, self._detector(), self._speaker("reward"), self.vocabulary, self.variant)

    def evaluate(self) -> None:
        """What README and the model card say, by the product's own code, from the exported files."""
        evaluate.write(self.folder / "export", self.rows, self.threads, self.folder / "answers.jsonl")

    def _report(self, stage: str) -> None:
        """Where training stands; the figures that are told elsewhere are those of `evaluate`."""
        speaker = self._speaker(stage)
        for subset in ("flickr8k", "coco"):
            views = self.seen.first_views(subset, "val")[: self.scale.scored]
            told = captions(speaker, self.shown, views)
            nats = likelihood(speaker, self.shown, views[:400]), likelihood(speaker, self.shown, views[:400], deaf)
            print(stage, subset, "nats with and without concepts: {:.3f} {:.3f}".format(*nats))
            print("   ", *told[:3], sep="\n    ", flush=True)
            # A quick run does without the scorer, which is not among the product's requirements.
            if self.scale.scored >= 100:
                print(scores(told, [self.shown.references(self.seen.views[view].row) for view in views.tolist()]))

    def _has(self, stage: str) -> bool:
        return (self.folder / f"{stage}-done.pt").exists()

    def _keep(self, stage: str, module: torch.nn.Module) -> None:
        torch.save(module.state_dict(), self.folder / f"{stage}-done.pt")

    def _detector(self) -> Detector:
        detector = Detector()
        detector.load_state_dict(torch.load(self.folder / "detector-done.pt", weights_only=True))
        return detector.eval()

    def _speaker(self, stage: str) -> Speaker:
        speaker = Speaker(decoder_config(VOCABULARY))
        speaker.load_state_dict(torch.load(self.folder / f"{stage}-done.pt", weights_only=True))
        return speaker.eval()
