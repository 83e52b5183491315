"""Publish events of the jobs in the database as workers do: each line `RATE SECONDS shards|common` on stdin is one run.

`common`: on the one channel of version 0.1. Prints how many were published.
"""

import itertools
import json
import sys
import time

import django


def main() -> None:
    django.setup()
    # They read the settings.
    from forge.models import Job
    from forge.relay import publish, publisher, shards

    job_ids = list(Job.objects.order_by("pk").values_list("pk", flat=True))
    channels = {"shards": shards.channel_of, "common": lambda _job_id: shards.COMMON_CHANNEL}
    words = {"title": "A Red Kettle", "alt": "A red kettle", "description": "A red kettle. " * 25}
    numbers = {job_id: itertools.count(1) for job_id in job_ids}
    print("ready", flush=True)
    for line in sys.stdin:
        rate, seconds, channel = line.split()
        publisher.channel_of = channels[channel]  # type: ignore[attr-defined]
        started, published = time.monotonic(), 0
        for job_id in itertools.islice(itertools.cycle(job_ids), int(float(rate) * float(seconds))):
            time.sleep(max(0.0, started + published / float(rate) - time.monotonic()))
            data = {"jobId": job_id, "imageId": "img_1", "metadata": words, "sentNs": time.monotonic_ns()}
            text = json.dumps(data, separators=(",", ":"))
            publish(job_id=job_id, seq=next(numbers[job_id]), type="result", data=text)
            published += 1
        print(published, flush=True)


if __name__ == "__main__":
    main()
