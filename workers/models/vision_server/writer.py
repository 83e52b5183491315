"""The writer on a vision server: bounded requests, retries inside a deadline, one repair of an unusable answer."""

import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from workers.models.base import ModelUnavailable, Pixels
from workers.models.options import Options
from workers.models.prompting import template
from workers.models.prompting.image_size import MAX_SIDE, MIN_SIDE
from workers.models.prompting.repair import Completion, Messages, written_or_repaired
from workers.models.vision_server import client
from workers.models.vision_server.jpeg import encode
from workers.models.writer import Writer, WriterFailed, WriterTimeout, WriterUnavailable, Written

logger = logging.getLogger(__name__)

MAX_TOKENS = 1_500
# Of a connection that is refused: a restarting server is back later than that, and the image can wait in the queue.
CONNECT_ATTEMPTS = 3
# Of a request that the server fails on: llama.cpp answers 500 to some outputs of a model, each time the same.
BROKEN_ATTEMPTS = 3
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.25, 8.0
# A wrong key or model is not put right within a heartbeat.
_REFUSED_S = 30.0
_LONGEST_PAUSE_S = 60.0


class VisionWriter(Writer):
    """Writes through a chat completion. `concurrency` requests at a time; `timeout_s` for one image in all."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        concurrency: int = 4,
        timeout_s: float = 60.0,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url, self._model, self._timeout_s, self._sleep = url, model, timeout_s, sleep
        self._client = client.ChatClient(url, key, connections=concurrency)
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._problem = ""
        self._no_probe_before = 0.0
        # Servers without support for schemas refuse the parameter; it is left out from then on.
        self._sends_schema = True

    @property
    def name(self) -> str:
        return self._model

    @property
    def revision(self) -> str:
        """That of the template: a server does not name its weights."""
        return f"template-{template.REVISION}"

    @property
    def options(self) -> Mapping[str, object]:
        return {"maxSide": MAX_SIDE, "schema": self._sends_schema}

    def load(self) -> None:
        """Probe the server. One that is away is waited for; a key that it refuses raises ModelUnavailable."""
        try:
            self._client.probe()
        except client.Refused as error:
            raise ModelUnavailable(f"FORGE_VISION_URL: the vision server responds, but {error}.") from error
        except client.RequestError as error:
            self._set_problem(error)
            logger.warning("FORGE_VISION_URL: %s", self.problem)

    def unload(self) -> None:
        self._client.close()

    @property
    def problem(self) -> str:
        return self._problem

    def probe(self) -> None:
        if not self._problem or time.monotonic() < self._no_probe_before:
            return
        try:
            self._client.probe()
        except client.RequestError as error:
            self._set_problem(error)
        else:
            self._clear_problem()

    def write(self, pixels: Pixels, options: Options) -> Written:
        jpeg = encode(pixels, MAX_SIDE)  # before the slot, which is the server's time
        with self._slots:
            return self._write(jpeg, pixels, options, time.monotonic() + self._timeout_s)

    def _write(self, jpeg: bytes, pixels: Pixels, options: Options, deadline: float) -> Written:
        side = MAX_SIDE
        while True:
            first = template.messages(jpeg, options)
            complete = partial(self._completion, options=options, deadline=deadline)
            try:
                return written_or_repaired(complete, first, options, model=self._model)
            except client.TooLarge as error:
                if side <= MIN_SIDE:
                    raise WriterFailed(f"The vision server takes no image: {error}.") from error
                side = max(MIN_SIDE, side // 2)
                jpeg = encode(pixels, side)

    def _completion(self, messages: Messages, options: Options, deadline: float) -> Completion:
        """Request a completion, again after errors that may pass, until the deadline."""
        refused_connections = failures = 0
        for attempt in itertools.count():
            try:
                completion = self._client.complete(self._body(messages, options), deadline)
            except client.NotAccepted as error:
                if not self._sends_schema:
                    raise WriterFailed(f"The vision server: {error}.") from error
                logger.warning("%s: %s; it is sent without a JSON schema from now on.", self._model, error)
                self._sends_schema = False
                continue
            except client.Refused as error:
                self._set_problem(error)
                raise WriterUnavailable(self.problem) from error
            except client.Slow as error:
                self._raise_slow(error)
            except (client.Away, client.Busy, client.Broken) as error:
                refused_connections += isinstance(error, client.Away)
                failures += isinstance(error, client.Broken)
                wait = max(error.retry_after, _backoff_s(attempt))
                is_given_up = refused_connections >= CONNECT_ATTEMPTS or failures >= BROKEN_ATTEMPTS
                if is_given_up or time.monotonic() + wait >= deadline:
                    self._raise_exhausted(error)
                self._sleep(wait)
                continue
            self._clear_problem()
            return completion
        raise AssertionError("the loop ends by return or raise")

    def _body(self, messages: Messages, options: Options) -> dict[str, Any]:
        body = {"model": self._model, "messages": messages, "max_tokens": MAX_TOKENS, "temperature": 0}
        return {**body, "response_format": template.response_format(options)} if self._sends_schema else body

    def _raise_slow(self, error: client.Slow) -> NoReturn:
        """Raise WriterTimeout if the server responds otherwise; a hanging one is as one that is away."""
        try:
            self._client.probe()
        except client.RequestError as probed:
            self._set_problem(probed)
            raise WriterUnavailable(self.problem, interrupted=True) from error
        raise WriterTimeout(f"The vision server: {error}.") from error

    def _raise_exhausted(self, error: client.Away | client.Busy | client.Broken) -> NoReturn:
        if isinstance(error, client.Broken):
            raise WriterFailed(f"The vision server: {error}.") from error
        self._set_problem(error)
        raise WriterUnavailable(self.problem, interrupted=error.interrupted) from error

    def _set_problem(self, error: client.RequestError) -> None:
        wait = _REFUSED_S if isinstance(error, client.Refused) else error.retry_after
        with self._lock:
            if not self._problem:
                logger.warning("The vision server %s: %s. Images wait.", self._url, error)
            # Without the address: /readyz and a result's provenance show it to callers.
            self._problem = f"the vision server (FORGE_VISION_URL) does not serve {self._model}: {error}"
            self._no_probe_before = time.monotonic() + min(wait, _LONGEST_PAUSE_S)

    def _clear_problem(self) -> None:
        with self._lock:
            if self._problem:
                logger.info("The vision server %s responds again.", self._url)
            self._problem = ""


def _backoff_s(attempt: int) -> float:
    """Return exponential backoff with full jitter in its upper half, in seconds."""
    longest = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(attempt, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
