"""The same engine behind BentoML: `bentoml serve benchmarks._bentoml:CaptionService`; WAIT_MS is its longest wait."""

import base64
import os
import threading

import bentoml

from benchmarks._engine import BATCH, BatchPipeline


@bentoml.service(workers=1, traffic={"timeout": 600})
class CaptionService:
    def __init__(self) -> None:
        self.pipeline = BatchPipeline()
        # BentoML runs two batches at once, each in a thread; the models are for one thread, as in the other servers.
        self.lock = threading.Lock()

    @bentoml.api(  # type: ignore[untyped-decorator]  # not installed where types are checked
        batchable=True, max_batch_size=BATCH, max_latency_ms=int(os.environ["WAIT_MS"])
    )
    def describe(self, images: list[str]) -> list[dict[str, object]]:
        with self.lock:
            return self.pipeline([base64.b64decode(image) for image in images])
