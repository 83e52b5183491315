"""A bound of the archives that a web process makes at once: each holds one file in memory for its client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from forge.errors import Unavailable
from forge.limits.open_streams import StreamSlot, acquire_stream_slot
from forge.limits.process_share import ProcessShare
from forge.models import Account

_process_share = ProcessShare(lambda: settings.FORGE_ARCHIVES_AT_ONCE)


@dataclass(frozen=True)
class ArchiveSlot:
    """A slot of the account's open streams and one of the process's archives."""

    stream: StreamSlot

    def release(self) -> None:
        _process_share.give_back(self.stream.account_id, self.stream.token)
        self.stream.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold both inside the `with` block and release them at its end."""
        try:
            with self.stream.held():
                yield
        finally:
            self.release()


@contextmanager
def acquire_archive_slot(account: Account) -> Iterator[ArchiveSlot]:
    """Acquire a slot for an archive; an account has half of the process's. Raises RateLimited and Unavailable.

    The slot is released if the block raises; otherwise `ArchiveSlot.held` or `ArchiveSlot.release` must follow.
    """
    with acquire_stream_slot(account) as stream:
        if not _process_share.take(account.pk, stream.token):
            raise Unavailable("This process makes as many archives as it can. Please try again.")
        slot = ArchiveSlot(stream)
        try:
            yield slot
        except BaseException:
            slot.release()
            raise
