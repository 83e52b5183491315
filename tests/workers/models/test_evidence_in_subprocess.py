"""Evidence through the engine and the model process."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.workers.blip_checkpoints import save_blip
from tests.workers.clip_checkpoints import save_clip
from tests.workers.images import solid
from workers.models import create
from workers.models.base import Captioner, Pixels, Tagger
from workers.models.checkpoints import store
from workers.models.clip.tagger import ClipTagger
from workers.models.evidence import KINDS, PEOPLE, Evidence
from workers.models.subprocess import create_in_subprocess
from workers.runtime.engine import Engine


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_blip(folder / store.BLIP)
    save_clip(folder / store.CLIP)
    return folder


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    rng = np.random.default_rng(5)
    return [*(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(3)), solid("white")]


def evidence_by_engine(models: tuple[Captioner, Tagger], images: Sequence[Pixels]) -> list[Evidence]:
    engine = Engine(*models, batch_size=len(images))
    engine.load()
    try:
        return [engine.describe(image, 60).evidence for image in images]
    finally:
        engine.close(60)


def test_clip_s_evidence_from_the_model_process_equals_that_of_this_process(
    checkpoints: Path, images: list[Pixels]
) -> None:
    options: dict[str, object] = {"folder": checkpoints, "precision": "fp32", "threads": 1}
    models = create("blip-clip", **options)
    assert isinstance(models[1], ClipTagger)
    local = evidence_by_engine(models, images)
    captioner, tagger = create_in_subprocess(60, "blip-clip", **options)
    captioner.load()
    assert tagger.evidence(images) == local
    assert evidence_by_engine((captioner, tagger), images) == local
    assert all((len(found.kinds), len(found.people)) == (len(KINDS), len(PEOPLE)) for found in local)
    assert local[-1].kinds[KINDS.index("pattern")] == 1.0


def test_a_tagger_without_heads_has_empty_evidence_in_both_processes(images: list[Pixels]) -> None:
    for models in (create("scripted"), create_in_subprocess(60, "scripted")):
        assert evidence_by_engine(models, images) == [Evidence()] * len(images)
