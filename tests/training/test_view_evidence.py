"""The decoder's evidence in training: from heads that were not trained on the view's repository."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from training.datasets.captioned import Row
from training.datasets.described import EvidenceRow, caption_rows
from training.evidence_heads import TrainedHeads
from training.stages.features import FeatureStore
from training.stages.view_evidence import FOLDS, ViewEvidence, fold_of, predict_views
from workers.models.embedded.evidence_heads import EvidenceCalibrator, HeadCalibration
from workers.models.evidence import KINDS

NOUNS = ["dog", "rocket"]
CALIBRATOR = EvidenceCalibrator(NOUNS, [[], []], HeadCalibration(1.0, 1.0, (1.0, 0.0), (1.0, 0.0), (1.0, 0.0)))


def heads_for(noun: int) -> TrainedHeads:
    """Return heads that find this noun, and no other, in every image."""
    heads = TrainedHeads(len(NOUNS))
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.zero_()
        for layer in (heads.main, heads.present):
            layer.bias.copy_(torch.tensor([4.0 if number == noun else -8.0 for number in range(len(NOUNS))]))
    return heads


def store_of(folder: Path, names: list[str]) -> FeatureStore:
    return FeatureStore(folder, [Row(folder / name, name, "coco", "val", ("a dog",)) for name in names])


def test_each_view_gets_the_evidence_of_its_heads(tmp_path: Path) -> None:
    features = store_of(tmp_path, ["a.webp", "b.webp"])
    tokens = {"dog": [7], "rocket": [8, 9, 10]}
    found = predict_views(features, [heads_for(0), heads_for(1)], np.array([1, 0]), CALIBRATOR, tokens.__getitem__)
    # A noun's last two tokens, then empty slots.
    assert found.nouns[:, :3].tolist() == [[9, 10, 0], [7, 0, 0]]
    assert (found.noun_probabilities[:, 0] > 0.9).all()
    np.testing.assert_allclose(found.kinds.sum(1), 1.0, atol=1e-3)


def test_evidence_is_saved_and_loaded(tmp_path: Path) -> None:
    evidence = ViewEvidence.none(2)
    evidence.kinds[1, KINDS.index("map")] = 1.0
    evidence.nouns[0, 3] = 42
    evidence.save(tmp_path / "view-evidence.npz")
    loaded = ViewEvidence.load(tmp_path / "view-evidence.npz")
    assert loaded.kinds[1].argmax() == KINDS.index("map")
    assert loaded.nouns[0, 3] == 42


def test_a_repository_is_in_one_fold_and_both_folds_have_some() -> None:
    names = [f"owner/repository-{number}" for number in range(40)]
    folds = [fold_of(name) for name in names]
    assert folds == [fold_of(name) for name in names]
    assert set(folds) == set(range(FOLDS))


def described(kind: str, caption: str, licence: str = "MIT") -> EvidenceRow:
    fields: dict[str, Any] = {"path": Path("a.webp"), "subset": "described-0", "share": 1.0, "people": 0}
    return EvidenceRow(**fields, kind=kind, captions=(caption, "It is blue."), licence=licence)


def test_photographs_and_drawn_images_teach_the_decoder() -> None:
    rows = [described(kind, "A dog.") for kind in ("photo", "painting", "chart", "logo")]
    assert [row.subset for row in caption_rows(rows)] == ["photo", "drawn"]
    captioned = EvidenceRow(Path("c.webp"), "coco", 1.0, "photo", captions=("A cat.",))
    assert caption_rows([captioned]) == []


def test_images_without_a_permissive_licence_are_told_apart() -> None:
    (row,) = caption_rows([described("photo", "A dog.", "none stated")])
    assert row.subset == "photo-restricted"


def test_the_decoder_learns_no_quoted_text() -> None:
    (row,) = caption_rows([described("photo", 'A shop sign reading "Open all day" above a door.')])
    assert row.captions == ("A shop sign above a door.",)


def test_stages_before_the_evidence_read_empty_slots() -> None:
    from training.datasets.image_batches import ImageBatches

    batches = cast("ImageBatches", SimpleNamespace(evidence=ViewEvidence.none(1)))
    ids, probabilities = ImageBatches.nouns(batches, 0)
    assert not ids.any()
    assert not probabilities.any()
