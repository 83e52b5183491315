"""Helpers that read a job's stream."""

import asyncio
import re
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from forge import relay
from forge.models import Account, Job

T = TypeVar("T")


def ids(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]


async def read(account: Account, job: Job, after: int = 0) -> str:
    async with asyncio.timeout(20):
        return "".join([chunk.decode() async for chunk in relay.stream(account=account, job_id=job.pk, after=after)])


async def in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)
