"""Load the models of a family as a worker does, and try them."""

import resource
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workers.models import create, create_writer
from workers.models.base import ModelUnavailable
from workers.models.check import Check, fail, ok, warn
from workers.models.options import Options
from workers.models.writer import NoUsableAnswer, WriterFailed, WriterTimeout

_IMAGE = np.full((256, 384, 3), (220, 20, 30), np.uint8)


def model_checks(family: str, model_options: Mapping[str, Any], writer_options: Mapping[str, Any]) -> Iterator[Check]:
    """Yield what loads and answers, until a check fails. `writer_options`: of workers.models.create_writer."""
    remedy = "The sentence above has the command; or set FORGE_MODELS=embedded."
    try:
        captioner, tagger = create(family, **model_options)
        captioner.load()
        tagger.load()
        named = [f"{model.name} {model.revision}".strip() for model in (captioner, tagger)]
        yield ok(f"FORGE_MODELS={family} loads: captions by {named[0]}, tags by {named[1]}.")
        if family == "vision-server":
            from workers.models.vision_server.check import checks

            yield from checks(writer_options)
        if family == "transformers":
            yield from _checkpoint_checks(writer_options)
    except (ModelUnavailable, ValueError, OSError) as error:
        yield fail(str(error), remedy)


def _checkpoint_checks(options: Mapping[str, Any]) -> Iterator[Check]:
    """Load the checkpoint and write the words of one image. Raises ModelUnavailable and ValueError."""
    timeout_s = options["timeout_s"]
    slower = "Raise FORGE_CHECKPOINT_TIMEOUT_S or FORGE_MODEL_THREADS, take a smaller checkpoint, or use a GPU."
    writer = create_writer("transformers", options)
    started = time.monotonic()
    writer.load()
    loaded = time.monotonic()
    yield ok(f"{writer.name} {writer.revision} loads in {loaded - started:.1f} s on {writer.device}.")
    try:
        alt = writer.write(_IMAGE, Options()).alt
    except WriterTimeout as error:
        yield fail(f"An image takes longer than {timeout_s:g} s: {error}.", slower)
        return
    except (WriterFailed, NoUsableAnswer) as error:
        yield fail(str(error), "Take another checkpoint, one that follows instructions and fits into the memory.")
        return
    seconds, memory = time.monotonic() - loaded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    answered = (
        f'It wrote about a red image in {seconds:.1f} s: "{alt[:120]}". This process took {memory:.1f} GB at most'
    )
    is_slow = seconds > timeout_s / 2
    yield warn(f"{answered}; FORGE_CHECKPOINT_TIMEOUT_S is {timeout_s:g}.", slower) if is_slow else ok(f"{answered}.")
