"""One training run: the stages, with what each reads from and writes to the work folder."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from training.caption_model import CaptionModel, decoder_config
from training.datasets.captioned import Row
from training.datasets.image_batches import ImageBatches
from training.datasets.tokenized import VOCABULARY_SIZE, Vocabulary, build_vocabulary, normalize_caption, read_sentences
from training.evidence_run import EvidenceRun, EvidenceSources
from training.scoring.caption_metrics import caption_scores, nats_per_token, predict_captions, without_concepts
from training.stages import calibrate, evaluate, export
from training.stages.detector import WORDS_FILE, top_word_precision, train_detector
from training.stages.features import FeatureStore, extract_features
from training.stages.images import DESCRIBED, train_on_images
from training.stages.self_critical import interpolate_weights, train_self_critical
from training.stages.text import concept_ablation, train_on_text
from training.stages.view_evidence import ViewEvidence
from workers.models.embedded.vision.visual_features import WordDetector


@dataclass(frozen=True, slots=True)
class Scale:
    """Steps of each stage, and images in a progress report."""

    text: int
    detector: int
    images: int
    reward: int
    described: int
    scored: int

    @staticmethod
    def for_variant(variant: str) -> "Scale":
        # The commercial variant has a quarter of the scenes: more steps would overfit.
        return Scale(850, 600, 3600, 200, 1700, 1000) if variant == "full" else Scale(450, 600, 420, 0, 600, 1000)

    @staticmethod
    def quick() -> "Scale":
        return Scale(2, 2, 2, 1, 2, 4)


@dataclass
class TrainingRun:
    """Public methods are the stages, by their command-line names."""

    data: Path
    work: Path
    variant: str
    excluded: frozenset[str]
    captioned: list[Row]
    scale: Scale
    threads: int
    sources: EvidenceSources
    device: str
    is_quick: bool
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.work / self.variant
        self.folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def rows(self) -> list[Row]:
        """The captioned photographs, then the images described by eye."""
        return [*self.captioned, *self._evidence_run.caption_rows()]

    @cached_property
    def _evidence_run(self) -> EvidenceRun:
        features = self.work / "evidence"
        return EvidenceRun(self.sources, features, self.folder, self.variant, self.threads, self.device, self.is_quick)

    @cached_property
    def _features(self) -> FeatureStore:
        return FeatureStore(self.work / "features", self.rows)

    @cached_property
    def _sentences(self) -> list[str]:
        return read_sentences(self.data, self.rows, commercial=bool(self.excluded))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        allowed = [row for row in self.rows if row.split == "val" or row.subset not in self.excluded]
        return build_vocabulary(self.folder / "tokenizer.json", self._sentences, allowed)

    @cached_property
    def _batches(self) -> ImageBatches:
        return ImageBatches(self._features, self._vocabulary, self.folder)

    def features(self) -> None:
        extract_features(self._features, self.threads)

    def text(self) -> None:
        if not self._is_done("text"):
            model, steps = CaptionModel(decoder_config(VOCABULARY_SIZE)), self.scale.text
            self._save("text", train_on_text(model, self._sentences, self._vocabulary, self.folder, steps))
        scenes = [row for row in self.rows if row.split == "val" and row.is_scene]
        held_out = [normalize_caption(row.captions[0]) for row in scenes][:600]
        with_concepts, without = concept_ablation(self._caption_model("text"), held_out, self._vocabulary)
        print(f"nats a token of held-out sentences: {with_concepts:.3f} with concepts, {without:.3f} without")

    def detector(self) -> None:
        if not self._is_done("detector"):
            steps = self.scale.detector
            self._save("detector", train_detector(self._features, self._vocabulary, self.folder, steps, self.excluded))
        words = np.load(self.folder / WORDS_FILE, mmap_mode="r")
        print("precision of the top five words:", top_word_precision(words, self._features, self._vocabulary))

    def evidence(self) -> None:
        self._evidence_run.run()

    def pictures(self) -> None:
        if not self._is_done("pictures"):
            model, steps = self._caption_model("text"), self.scale.images
            self._save("pictures", train_on_images(model, self._batches, self.folder, steps, self.excluded))
        self._report("pictures")

    def reward(self) -> None:
        if not self._is_done("reward"):
            model, steps = self._caption_model("pictures"), self.scale.reward
            trained = train_self_critical(model, self._batches, self.folder, steps, self.excluded)
            self._save("reward", interpolate_weights(self._caption_model("pictures"), trained))
        self._report("reward")

    def described(self) -> None:
        if not self._is_done("described"):
            model, steps = self._caption_model("reward"), self.scale.described
            batches = self._batches_with_evidence
            self._save("described", train_on_images(model, batches, self.folder, steps, self.excluded, DESCRIBED))
        self._report("described")

    @property
    def _batches_with_evidence(self) -> ImageBatches:
        path = self.folder / "view-evidence.npz"
        if not path.exists():
            tokenizer = self._vocabulary.tokenizer
            self._evidence_run.predict_views(self._features, lambda noun: tokenizer.encode(noun).ids).save(path)
        self._batches.evidence = ViewEvidence.load(path)
        return self._batches

    def calibrate(self) -> None:
        calibrate.write(self._caption_model("described"), self._batches_with_evidence, self.folder / "calibration.json")

    def export(self) -> None:
        export.write(self.folder, self._detector(), self._caption_model("described"), self._vocabulary, self.variant)

    def evaluate(self) -> None:
        """Print the figures of README and model card, from the exported files by the inference code."""
        evaluate.write(self.folder / "export", self.rows, self.threads, self.folder / "answers.jsonl")

    def _report(self, stage: str) -> None:
        """Print progress figures; those that are published come from `evaluate`."""
        model = self._caption_model(stage)
        for subset in ("flickr8k", "coco"):
            views = self._features.first_views(subset, "val")[: self.scale.scored]
            captions = [text for text, _ in predict_captions(model, self._batches, views)]
            nats = (
                nats_per_token(model, self._batches, views[:400]),
                nats_per_token(model, self._batches, views[:400], without_concepts),
            )
            print(stage, subset, "nats with and without concepts: {:.3f} {:.3f}".format(*nats))
            print("   ", *captions[:3], sep="\n    ", flush=True)
            # A quick run skips the scorer, which is not among the product's requirements.
            if self.scale.scored >= 100:
                references = [self._batches.references(self._features.views[view].row) for view in views.tolist()]
                print(caption_scores(captions, references))

    def _is_done(self, stage: str) -> bool:
        return (self.folder / f"{stage}-done.pt").exists()

    def _save(self, stage: str, module: torch.nn.Module) -> None:
        torch.save(module.state_dict(), self.folder / f"{stage}-done.pt")

    def _detector(self) -> WordDetector:
        detector = WordDetector()
        detector.load_state_dict(torch.load(self.folder / "detector-done.pt", weights_only=True))
        return detector.eval()

    def _caption_model(self, stage: str) -> CaptionModel:
        model = CaptionModel(decoder_config(VOCABULARY_SIZE))
        model.load_state_dict(torch.load(self.folder / f"{stage}-done.pt", weights_only=True))
        return model.eval()
