"""The checkpoints on this machine: which are here, fetching them, and whether they are whole."""

import re
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from workers.models.base import ModelUnavailable
from workers.models.checkpoints import store
from workers.models.checkpoints.hub import Hub, HubError

_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class Command(BaseCommand):
    help = "Checkpoints of BLIP and CLIP: list them, fetch them (safetensors only, never pickles), check their hashes."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | pull | verify")
        actions.add_parser("list", help="what is here, with size and revision, and what could be")
        pull = actions.add_parser("pull", help="fetch NAME, or the two that the service uses (FORGE_BLIP, FORGE_CLIP)")
        pull.add_argument("name", nargs="?", metavar="NAME", help="as the hub has it: OWNER/NAME")
        pull.add_argument(
            "--revision", default="", help="a commit or branch; default: the commit pulled before, else main's of today"
        )
        actions.add_parser("verify", help="hash every file that was pulled; exit code 1 if one is not as it was")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        self.folder: Path = settings.FORGE_MODELS_DIR
        actions: dict[str, Callable[..., bool]] = {"list": self._list, "pull": self._pull, "verify": self._verify}
        try:
            well = actions[action](**{key: options[key] for key in ("name", "revision") if key in options})
        except (HubError, ModelUnavailable, OSError) as error:
            self.stderr.write(str(error))
            well = False
        if not well:
            sys.exit(1)

    def _list(self) -> bool:
        here = list(store.names(self.folder))
        for name in here:
            folder = store.folder_of(self.folder, name)
            state = store.revision(folder) if (folder / store.SUMS).is_file() else "not pulled, or not to the end"
            self.stdout.write(f"{name:45} {store.size_of(folder) / 1e6:8.0f} MB  {state}")
        for name in store.KNOWN:
            if name not in here:
                self.stdout.write(f"{name:45}        -     bin/manage models pull {name}")
        return True

    def _pull(self, name: str | None, revision: str) -> bool:
        used = [wanted for wanted in (settings.FORGE_BLIP, settings.FORGE_CLIP) if not Path(wanted).is_absolute()]
        for wanted in [name] if name else used:
            if not _NAME.fullmatch(wanted):
                self.stderr.write(f"{wanted!r} is no model's name; a name is OWNER/NAME.")
                return False
            self._fetch(wanted, revision)
        return True

    def _fetch(self, name: str, revision: str) -> None:
        folder = store.folder_of(self.folder, name)
        # No commit is written down in the code, where nobody could check it: the first pull takes the one that `main`
        # is at and records it, and from then on the model is pinned to it.
        wanted = revision or store.commit(folder) or "main"
        with closing(Hub(settings.FORGE_HUB_URL)) as hub:
            listing = hub.listing(name, wanted)
            folder.mkdir(parents=True, exist_ok=True)
            with self._bar() as bar:
                task = bar.add_task(name, total=listing.size)

                def advance(count: int) -> None:
                    bar.advance(task, count)

                sums = {file.name: hub.fetch(listing, file, folder, advance) for file in listing.files}
        store.write_sums(folder, sums, listing.commit)
        self.stdout.write(f"{name}: {listing.size / 1e6:.0f} MB at {listing.commit[:12]}, hashes checked.")

    def _bar(self) -> Progress:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        shown = self.stderr.isatty() and console.is_interactive
        return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown)

    def _verify(self) -> bool:
        found = {name: store.wrong(store.folder_of(self.folder, name)) for name in store.names(self.folder)}
        if not found:
            self.stdout.write("There are no models here; `bin/manage models pull` fetches them.")
        for name, complaints in found.items():
            if not complaints:
                self.stdout.write(f"{name}: whole.")
            for complaint in complaints:
                self.stderr.write(f"{name}: {complaint}")
        return not any(found.values())
