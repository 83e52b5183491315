"""Options of `manage.py caption` that concern the files."""

import argparse
from dataclasses import dataclass

import xmp
from workers.cli.files.new_names import DEFAULT_PATTERN, PLACEHOLDERS, checked_pattern

UNDO_LIST = "image-forge-renames.jsonl"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """`rename` is a pattern, None for no renaming; `undo_list` the file that records each renaming."""

    write: bool = False
    sidecar: bool = False
    dry_run: bool = False
    only_empty: bool = False
    force: bool = False
    with_iim: bool = False
    with_exif: bool = False
    on_existing: str | None = None
    csv: str | None = None
    review: str | None = None
    skip_done: str | None = None
    rename: str | None = None
    undo_list: str = UNDO_LIST
    watch: str | None = None

    @property
    def is_used(self) -> bool:
        outputs = (self.write, self.sidecar, self.rename, self.csv, self.review)
        return any((*outputs, self.dry_run, self.only_empty, self.skip_done, self.watch))

    @property
    def policy(self) -> xmp.Policy:
        if self.on_existing is None:
            return xmp.DEFAULT_POLICY
        return dict.fromkeys(xmp.Field, xmp.OnExisting(self.on_existing))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _add_words(parser.add_argument_group("words in the files"))
    _add_runs(parser.add_argument_group("runs over folders"))
    names = parser.add_argument_group("names of the files")
    names.add_argument(
        "--rename",
        nargs="?",
        const=DEFAULT_PATTERN,
        type=checked_pattern,
        metavar="PATTERN",
        help=f"rename the files, with their sidecars; of {', '.join(PLACEHOLDERS)}; default: %(const)s",
    )
    names.add_argument(
        "--undo-list", default=UNDO_LIST, metavar="FILE", help="record of the old and new names; default: %(default)s"
    )
    names.add_argument("--undo", metavar="FILE", help="give the files of that list their old names back; no model runs")


def _add_words(words: "argparse._ArgumentGroup") -> None:
    words.add_argument("--show", action="store_true", help="print the words in the files, and run no model")
    words.add_argument("--write", action="store_true", help="into the files: XMP, and IPTC IIM where it exists")
    words.add_argument("--sidecar", action="store_true", help="into NAME.xmp beside each file")
    choices = list(xmp.OnExisting)
    text = "what a person wrote; default: keep texts, append keywords"
    words.add_argument("--on-existing", choices=choices, dest="on_existing", help=text)
    words.add_argument("--with-iim", action="store_true", help="write IPTC IIM also where there is none: JPEG, TIFF")
    words.add_argument("--with-exif", action="store_true", help="write EXIF ImageDescription and XPTitle: JPEG, TIFF")
    words.add_argument("--force", action="store_true", help="write also where a C2PA manifest breaks")
    words.add_argument("--only-empty", action="store_true", help="files without alt and description in them")


def _add_runs(runs: "argparse._ArgumentGroup") -> None:
    runs.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    runs.add_argument("--skip-done", metavar="STATE", help="file of what is done, by content: moved files count")
    runs.add_argument("--csv", metavar="FILE", help="append a row for each image")
    runs.add_argument("--review", metavar="FILE", help="append a row for each image that needs review")
    runs.add_argument("--jobs", type=_jobs, metavar="N", help="images at a time; default: 2 * FORGE_BATCH_SIZE")
    runs.add_argument(
        "--watch", metavar="DIR", help="go on with new images in a folder until Ctrl-C; with --skip-done all not done"
    )


def _jobs(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError(f"{number} is not from 1 to 256")
    return number
