"""Pub/sub channels: one per shard of jobs, subscribed while this process has a stream of a job in it.

With one channel for all jobs every web process would parse every event of the service.
"""

import asyncio
import zlib

from redis.asyncio.client import PubSub

# Part of the protocol between publishers and listeners, hence no setting.
SHARDS = 256
# Publishers of version 0.1 send to this channel, django-eventstream's. It is always subscribed: so web servers can be
# upgraded before workers without delay, and the connection never is without a subscription.
COMMON_CHANNEL = "events_channel"
# An empty message for each change of a key or an account.
KEYS_CHANNEL = "forge:keys"
_CONFIRMATION_S = 1.0


def channel_of(job_id: str) -> str:
    return f"forge:events:{zlib.crc32(job_id.encode()) % SHARDS}"


def is_cancelled() -> bool:
    """Return whether this task was cancelled.

    redis-py can replace a cancellation that coincides with a timeout by the timeout; the server would then never stop.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class ShardSubscriptions:
    """The channels that this process's streams need, and which of them Redis has confirmed.

    Belongs to one event loop. One task sends all commands (`send_changes`): a command that is cancelled together with
    its stream would close the connection.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, set[str]] = {}
        self._requested: set[str] = set()
        self._confirmed: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._changed = asyncio.Event()
        self._unsubscribes = False
        self._lost = False

    def add(self, job_id: str) -> None:
        self._jobs.setdefault(channel_of(job_id), set()).add(job_id)
        self._changed.set()

    def remove(self, job_id: str) -> None:
        """Forget a job without streams; its channel stays subscribed until `unsubscribe_idle`."""
        jobs = self._jobs.get(channel_of(job_id), set())
        jobs.discard(job_id)
        if not jobs:
            self._jobs.pop(channel_of(job_id), None)

    async def wait_confirmed(self, job_id: str) -> None:
        """Wait until the job's events are received, so that a read of the log after it misses none.

        Returns at once while Redis is unreachable, and after a second without response: `confirm` names the job later.
        """
        channel = channel_of(job_id)
        if self._lost or channel in self._confirmed:
            return
        confirmed = self._waiting.setdefault(channel, asyncio.get_running_loop().create_future())
        await asyncio.wait({confirmed}, timeout=_CONFIRMATION_S)

    def confirm(self, channel: str) -> set[str]:
        """Note Redis' confirmation; return the jobs whose earlier events may have been missed."""
        if channel in self._requested:
            self._confirmed.add(channel)
        if waiting := self._waiting.pop(channel, None):
            waiting.set_result(None)
        return set(self._jobs.get(channel, ()))

    def unsubscribe_idle(self) -> None:
        """Unsubscribe channels without streams; called rarely, since the next stream is often in the same ones."""
        self._unsubscribes = True
        self._changed.set()

    def connect(self) -> None:
        self._lost = False
        self._changed.set()

    def lose(self) -> None:
        """Note a lost connection: nothing is subscribed, and no stream waits for it."""
        self._lost = True
        self._requested.clear()
        self._confirmed.clear()
        for waiting in self._waiting.values():
            waiting.set_result(None)
        self._waiting.clear()

    async def send_changes(self, pubsub: PubSub) -> None:
        """Send SUBSCRIBE and UNSUBSCRIBE as streams come and go, many channels in one command, until cancelled."""
        while not is_cancelled():
            await self._changed.wait()
            self._changed.clear()
            if new := set(self._jobs) - self._requested:
                self._requested |= new
                await pubsub.subscribe(*new)
            if self._unsubscribes:
                self._unsubscribes = False
                if idle := self._requested - set(self._jobs):
                    self._requested -= idle
                    # Before Redis confirms: a stream that comes meanwhile must wait for its own SUBSCRIBE.
                    self._confirmed -= idle
                    await pubsub.unsubscribe(*idle)
