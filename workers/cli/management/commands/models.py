"""List, pull and verify the checkpoints on this machine."""

import json
import re
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from workers.cli.model_checks import model_checks
from workers.models.base import ModelUnavailable
from workers.models.checkpoints import store
from workers.models.checkpoints.hub import Hub, HubError

_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class Command(BaseCommand):
    help = "Checkpoints: list them, fetch them (safetensors only, never pickles), check their hashes."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | pull | verify | check")
        actions.add_parser("list", help="installed checkpoints with size and revision, and those that can be pulled")
        pull = actions.add_parser(
            "pull", help="fetch NAME, or what the service uses (FORGE_CHECKPOINT, or FORGE_BLIP and FORGE_CLIP)"
        )
        pull.add_argument("name", nargs="?", metavar="NAME", help="on the hub: OWNER/NAME")
        pull.add_argument(
            "--revision", default="", help="a commit or branch; default: the commit pulled before, else main's of today"
        )
        actions.add_parser("verify", help="hash every pulled file; exit code 1 if one has changed")
        check = actions.add_parser("check", help="load the models as a worker does, try them, and name them")
        check.add_argument("--json", action="store_true", dest="as_json", help="JSON Lines")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        self.folder: Path = settings.FORGE_MODELS_DIR
        actions: dict[str, Callable[..., bool]] = {
            "list": self._list, "pull": self._pull, "verify": self._verify, "check": self._check,
        }  # fmt: skip
        try:
            succeeded = actions[action](
                **{key: options[key] for key in ("name", "revision", "as_json") if key in options}
            )
        except (HubError, ModelUnavailable, OSError) as error:
            self.stderr.write(str(error))
            succeeded = False
        if not succeeded:
            sys.exit(1)

    def _list(self) -> bool:
        installed = list(store.installed_names(self.folder))
        for name in installed:
            folder = store.folder_of(self.folder, name)
            state = store.revision(folder) if (folder / store.CHECKSUMS).is_file() else "not pulled, or incomplete"
            self.stdout.write(f"{name:45} {store.total_bytes(folder) / 1e6:8.0f} MB  {state}")
        for name in store.SUPPORTED:
            if name not in installed:
                self.stdout.write(f"{name:45}        -     bin/manage models pull {name}")
        return True

    def _pull(self, name: str | None, revision: str) -> bool:
        configured = [used for used in (settings.FORGE_BLIP, settings.FORGE_CLIP) if not Path(used).is_absolute()]
        if settings.FORGE_MODELS == "transformers":
            configured = [] if Path(settings.FORGE_CHECKPOINT).is_absolute() else [settings.FORGE_CHECKPOINT]
        for requested in [name] if name else configured:
            if not _NAME.fullmatch(requested):
                self.stderr.write(f"{requested!r} is no model's name; a name is OWNER/NAME.")
                return False
            self._download(requested, revision)
        return True

    def _download(self, name: str, revision: str) -> None:
        folder = store.folder_of(self.folder, name)
        # No commit is pinned in the code, where it could not be checked: the first pull resolves `main` and records its
        # commit, which later pulls use.
        revision = revision or store.commit(folder) or "main"
        with closing(Hub(settings.FORGE_HUB_URL, settings.FORGE_HUB_TOKEN)) as hub:
            listing = hub.listing(name, revision)
            folder.mkdir(parents=True, exist_ok=True)
            with self._progress_bar() as bar:
                task = bar.add_task(name, total=listing.size)

                def on_progress(count: int) -> None:
                    bar.advance(task, count)

                checksums = {file.name: hub.download(listing, file, folder, on_progress) for file in listing.files}
        store.write_checksums(folder, checksums, listing.commit)
        self.stdout.write(f"{name}: {listing.size / 1e6:.0f} MB at {listing.commit[:12]}, hashes checked.")

    def _check(self, as_json: bool) -> bool:
        name = settings.FORGE_MODELS
        options = settings.FORGE_MODEL_OPTIONS if name in {"auto", "blip-clip"} else {}
        succeeded = True
        for check in model_checks(name, options, settings.FORGE_WRITER_OPTIONS.get(name, {})):
            succeeded &= check.status != "fail"
            if as_json:
                self.stdout.write(json.dumps(asdict(check), ensure_ascii=False))
            else:
                stream = self.stdout if check.status == "ok" else self.stderr
                stream.write("\n  ".join(line for line in (check.sentence, check.remedy) if line))
        return succeeded

    def _progress_bar(self) -> Progress:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        shown = self.stderr.isatty() and console.is_interactive
        return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown)

    def _verify(self) -> bool:
        found = {name: store.verify(store.folder_of(self.folder, name)) for name in store.installed_names(self.folder)}
        if not found:
            self.stdout.write("There are no models here; `bin/manage models pull` fetches them.")
        for name, problems in found.items():
            if not problems:
                self.stdout.write(f"{name}: whole.")
            for problem in problems:
                self.stderr.write(f"{name}: {problem}")
        return not any(found.values())
