import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workers.images import solid
from workers.models import create
from workers.models.base import Caption, Captioner, Pixels, Tag, Tagger
from workers.models.scripted import ScriptedFailure
from workers.runtime.batcher import BatcherClosed
from workers.runtime.engine import Engine, EngineNotLoaded, EngineTimeout

WAIT_S = 10


class CountingCaptioner(Captioner):
    name = "counting"
    revision = "7"

    def __init__(self) -> None:
        self.loads = self.unloads = 0
        self.batches: list[Sequence[Pixels]] = []
        self.loaded_copies = self.max_loaded_copies = 0
        self.resume = threading.Event()
        self.resume.set()

    def load(self) -> None:
        self.loads += 1
        self.loaded_copies += 1
        self.max_loaded_copies = max(self.max_loaded_copies, self.loaded_copies)

    def unload(self) -> None:
        self.unloads += 1
        self.loaded_copies = 0

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        assert self.loaded_copies, "predict on unloaded models"
        assert self.resume.wait(WAIT_S)
        self.batches.append(batch)
        return [[Caption(f"{pixels.shape[1]} wide", 0.5)] for pixels in batch]


class CountingTagger(Tagger):
    name = "tagging"
    revision = "8"
    options = {"threshold": 0.5}

    def __init__(self) -> None:
        self.batches: list[Sequence[Pixels]] = []

    def load(self) -> None:
        pass

    def unload(self) -> None:
        pass

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        self.batches.append(batch)
        return [[Tag(f"{pixels.shape[0]} high", 0.5)] for pixels in batch]


@pytest.fixture
def models() -> tuple[CountingCaptioner, CountingTagger]:
    return CountingCaptioner(), CountingTagger()


@pytest.fixture
def engine(models: tuple[CountingCaptioner, CountingTagger]) -> Iterator[Engine]:
    engine = Engine(*models, batch_size=4)
    engine.load()
    yield engine
    models[0].resume.set()
    engine.close(WAIT_S)


Models = tuple[CountingCaptioner, CountingTagger]


def test_load_is_idempotent_and_warms_up(engine: Engine, models: Models) -> None:
    engine.load()
    assert models[0].loads == 1
    assert len(models[0].batches) == len(models[1].batches) == 1


def test_a_prediction_has_the_output_of_both_models(engine: Engine) -> None:
    prediction = engine.describe(solid("red", 40, 30), WAIT_S)
    assert prediction.captions == [Caption("40 wide", 0.5)]
    assert prediction.tags == [Tag("30 high", 0.5)]


def test_both_models_receive_the_same_batch(engine: Engine, models: Models) -> None:
    engine.describe(solid("red"), WAIT_S)
    assert models[0].batches[-1] is models[1].batches[-1]


def test_evidence_alone_runs_no_captioner(engine: Engine, models: Models) -> None:
    before = len(models[0].batches)
    prediction = engine.describe(solid("red"), WAIT_S, words=False)
    assert (prediction.captions, prediction.tags) == ([], [])
    assert len(models[0].batches) == len(models[1].batches) == before


def test_a_batch_may_have_images_with_and_without_words(engine: Engine, models: Models) -> None:
    models[0].resume.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(engine.describe, solid("red", 10, 10), WAIT_S)
        while not engine.batcher.batches:
            time.sleep(0.01)
        alone = pool.submit(engine.describe, solid("red", 20, 20), WAIT_S, words=False)
        both = pool.submit(engine.describe, solid("red", 30, 30), WAIT_S)
        while engine.batcher.pending < 2:
            time.sleep(0.01)
        models[0].resume.set()
        found = [one.result().captions for one in (first, alone, both)]
    assert found == [[Caption("10 wide", 0.5)], [], [Caption("30 wide", 0.5)]]
    assert [len(batch) for batch in models[0].batches[-2:]] == [1, 1]


def test_a_timeout_removes_the_image_from_the_queue(engine: Engine, models: Models) -> None:
    captioner, _ = models
    captioner.resume.clear()
    busy = threading.Thread(target=engine.describe, args=(solid("red", 11), WAIT_S))
    busy.start()
    while engine.batcher.batches == 0:
        threading.Event().wait(0.001)
    with pytest.raises(EngineTimeout):
        engine.describe(solid("red", 22), 0.01)
    captioner.resume.set()
    busy.join(WAIT_S)
    engine.describe(solid("red", 33), WAIT_S)
    assert [image.shape[1] for batch in captioner.batches[1:] for image in batch] == [11, 33]


class SlowCaptioner(CountingCaptioner):
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        time.sleep(0.7)
        return super().predict(batch)


def test_an_image_does_not_time_out_while_earlier_batches_finish() -> None:
    engine = Engine(SlowCaptioner(), CountingTagger(), batch_size=1)
    engine.load()
    with ThreadPoolExecutor(4) as pool:
        # The last one waits 2.8 seconds, but never two without a finished batch.
        predictions = list(pool.map(lambda width: engine.describe(solid("red", width), 2.0), (11, 22, 33, 44)))
    engine.close(WAIT_S)
    assert [prediction.captions[0].text for prediction in predictions] == ["11 wide", "22 wide", "33 wide", "44 wide"]


def test_a_failing_image_fails_alone() -> None:
    engine = Engine(*create("scripted", fail_color="#ff0000"), batch_size=4)
    engine.load()
    with pytest.raises(ScriptedFailure):
        engine.describe(solid("red"), WAIT_S)
    assert engine.describe(solid("blue"), WAIT_S).captions
    engine.close(WAIT_S)


def test_close_unloads_and_rejects_new_images(engine: Engine, models: Models) -> None:
    engine.close(WAIT_S)
    assert models[0].unloads == 1
    with pytest.raises(BatcherClosed):
        engine.describe(solid("red"), WAIT_S)


def test_describe_before_load_raises(models: Models) -> None:
    with pytest.raises(EngineNotLoaded):
        Engine(*models, batch_size=1).describe(solid("red"), WAIT_S)


def test_provenance_has_name_revision_and_options_of_each_model(engine: Engine) -> None:
    assert engine.provenance == {
        "captioner": {"name": "counting", "revision": "7", "options": {}},
        "tagger": {"name": "tagging", "revision": "8", "options": {"threshold": 0.5}},
    }


def test_idle_models_are_unloaded_and_loaded_again_for_the_next_image(engine: Engine, models: Models) -> None:
    assert not engine.unload_if_idle(3600)
    assert engine.unload_if_idle(0)
    assert (models[0].unloads, engine.loaded) == (1, False)
    assert not engine.unload_if_idle(0), "there is nothing left to unload"

    assert engine.describe(solid("red", 40), WAIT_S).captions == [Caption("40 wide", 0.5)]

    assert (models[0].loads, engine.loaded) == (2, True)


def test_running_models_are_not_unloaded(engine: Engine, models: Models) -> None:
    captioner, _ = models
    captioner.resume.clear()
    busy = threading.Thread(target=engine.describe, args=(solid("red", 11), WAIT_S))
    busy.start()
    while engine.batcher.batches == 0:
        threading.Event().wait(0.001)

    assert not engine.unload_if_idle(0)

    captioner.resume.set()
    busy.join(WAIT_S)
    assert captioner.unloads == 0


def test_concurrent_threads_share_one_set_of_models(models: Models) -> None:
    """While they load, describe and unload in any order."""
    captioner, _ = models
    engine = Engine(*models, batch_size=4)
    start = threading.Barrier(16)
    described: list[str] = []

    def work(width: int) -> None:
        start.wait(WAIT_S)
        engine.load()
        for _ in range(10):
            described.append(engine.describe(solid("red", width), WAIT_S).captions[0].text)
            engine.unload_if_idle(0)

    threads = [threading.Thread(target=work, args=(width,)) for width in range(10, 26)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    engine.close(WAIT_S)

    assert sorted(described) == sorted(f"{width} wide" for width in range(10, 26) for _ in range(10))
    assert captioner.max_loaded_copies == 1


def test_close_while_the_models_are_unloaded(engine: Engine, models: Models) -> None:
    assert engine.unload_if_idle(0)
    engine.close(WAIT_S)
    with pytest.raises(BatcherClosed):
        engine.describe(solid("red"), WAIT_S)


def test_provenance_remains_after_the_models_are_unloaded(engine: Engine) -> None:
    before, device = engine.provenance, engine.device
    assert engine.unload_if_idle(0)
    assert engine.provenance == before != {}
    assert engine.device == device != ""
