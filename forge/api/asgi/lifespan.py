"""ASGI lifespan: a web server whose database, Redis or storage cannot be used ends at its start."""

import logging
from typing import Any

from asgiref.sync import sync_to_async

from forge.api.asgi.types import App, Receive, Send
from forge.operations.start import start_problem

logger = logging.getLogger(__name__)


class LifespanMiddleware:
    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await self.app(scope, receive, send)
        while (message := await receive())["type"] == "lifespan.startup":
            problem = await sync_to_async(start_problem)()
            if problem:
                logger.error("The web server cannot start. %s", problem)
                await send({"type": "lifespan.startup.failed", "message": ""})
                return None
            await send({"type": "lifespan.startup.complete"})
        await send({"type": f"{message['type']}.complete"})
        return None
