"""Processor milliseconds of an image by part of a worker, in this process, printed as JSON: `IMAGES`.

The same calls as workers/tasks.py, with the scripted model; the database is that of DATABASE_URL. The time of its
server and of Redis is not in it.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import django

_T = TypeVar("_T")
_spent: defaultdict[str, float] = defaultdict(float)
_of_parts_inside = [0.0]


def timed(part: str, call: Callable[[], _T]) -> _T:
    """Call and count the time of `call` to the part, without that of parts inside."""
    _of_parts_inside.append(0.0)
    before = time.process_time()
    result = call()
    spent = 1000 * (time.process_time() - before)
    _spent[part] += spent - _of_parts_inside.pop()
    _of_parts_inside[-1] += spent
    return result


def main() -> None:
    django.setup()
    # They read the settings.
    from django.conf import settings

    from decoding import Limits
    from forge import relay
    from forge.accounts import account_ensure
    from forge.database import retry_until_available
    from forge.jobs import services
    from tests.forge import job_factory
    from tests.images import noisy_jpeg
    from workers import models
    from workers.imaging.decoding import decode
    from workers.models.base import Pixels
    from workers.pipeline import compose_metadata
    from workers.runtime.engine import Prediction

    images, data, limits = int(sys.argv[1]), noisy_jpeg((400, 300)), Limits.of(settings)
    account = account_ensure(name="parts", credits=1_000_000)
    captioner, tagger = models.create("scripted")
    captioner.load()
    tagger.load()

    publish = relay.publish
    relay.publish = lambda **event: timed("publish", partial(publish, **event))

    def predict(pixels: Pixels) -> Prediction:
        return Prediction(captioner.predict([pixels])[0], tagger.predict([pixels])[0])

    for number in range(images + 5):
        if number == 5:  # the first ones fill caches
            _spent.clear()
        job_factory.submit(account, job_factory.session_without_files(account, 1))
        claim = timed("claim", partial(retry_until_available, partial(job_factory.claim_next, "bench")))
        assert claim is not None
        image = timed("decode", partial(decode, data, limits=limits))
        prediction = timed("scripted model", partial(predict, image.pixels))
        composed = timed("compose", partial(compose_metadata, image, prediction))
        succeed = partial(
            services.analysis_succeed,
            claim=claim,
            metadata=composed.as_metadata(),
            assessment=job_factory.ASSESSMENT,
            filenames=composed.filename_candidates,
        )
        timed("record", partial(retry_until_available, succeed))
    print(json.dumps({part: spent / images for part, spent in _spent.items()}))


if __name__ == "__main__":
    main()
