"""The same engine behind BentoML: `bentoml serve benchmarks._bentoml:Service`, its longest wait in WAIT_MS."""

import base64
import os
import threading

import bentoml

from benchmarks._engine import BATCH, Words


@bentoml.service(workers=1, traffic={"timeout": 600})
class Service:
    def __init__(self) -> None:
        self.words = Words()
        # BentoML answers two batches at once, each in a thread; the models are for one thread, as in every other way.
        self.alone = threading.Lock()

    @bentoml.api(  # type: ignore[untyped-decorator]  # it is not there where types are checked
        batchable=True, max_batch_size=BATCH, max_latency_ms=int(os.environ["WAIT_MS"])
    )
    def describe(self, pictures: list[str]) -> list[dict[str, object]]:
        with self.alone:
            return self.words([base64.b64decode(picture) for picture in pictures])
