"""Django's ASGI handler with as few thread switches as a request needs."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler

# Of a burst's threads the others end with their requests.
_IDLE_THREADS = 16


class ThreadHandler(ASGIHandler):
    """Run all middleware and the view in one call in a thread, and use the thread for later requests.

    Django's own handler runs each middleware that could be asynchronous in the event loop, and calls its synchronous
    methods in the thread: twelve switches for a request, and a new thread for each.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: deque[ThreadPoolExecutor] = deque()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain: Any = sync_to_async(self._middleware_chain, thread_sensitive=True)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # The most recent one, so that few threads serve a process with few requests at once.
        executor = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=executor):
                await self.handle(scope, receive, send)
        finally:
            if len(self._idle) < _IDLE_THREADS:
                self._idle.append(executor)
            else:
                executor.shutdown(wait=False)
