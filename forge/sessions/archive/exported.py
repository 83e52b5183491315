"""The entries of an export's archive."""

import json
from collections.abc import Generator

from django.core.files.storage import default_storage
from django.db import close_old_connections

from forge.models import ImageAnalysis, Job
from forge.sessions.archive.entry_names import EntryNames
from forge.sessions.archive.zip_stream import ZipStream
from forge.sessions.stored_images import variant_key

MANIFEST = "manifest.json"
_PAGE = 50  # images


def exported_entries(job: Job) -> Generator[bytearray, None, None]:
    """Yield the bytes of the ZIP, a file at a time; what failed or is gone is in the manifest.

    Raises what the storage and the database raise: the ZIP is then cut off, and no reader takes it for complete.
    """
    names, stream, problems, files = EntryNames(MANIFEST), ZipStream(), list[dict[str, str]](), 0
    for start in range(0, job.total, _PAGE):
        for analysis in _page(job, start):
            if analysis.status != ImageAnalysis.Status.SUCCEEDED:
                problem = analysis.error or "The image is not exported yet."
                problems.append({"imageId": analysis.image_id, "problem": problem})
            for variant in analysis.variants or ():
                stem, _, suffix = variant["filename"].rpartition(".")
                name = names.take(stem, suffix)
                try:
                    with default_storage.open(variant_key(analysis.image.storage_key, job.pk, variant)) as file:
                        data = file.read()
                except FileNotFoundError:
                    problems.append({"imageId": analysis.image_id, "file": name, "problem": "The file is gone."})
                    continue
                files += 1
                yield stream.add(name, data, analysis.finished_at or job.created_at)
    manifest = {"jobId": job.pk, "images": job.total, "files": files, "problems": problems}
    content = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    yield stream.add(MANIFEST, content, job.created_at, compress=True) + stream.end()


def _page(job: Job, start: int) -> list[ImageAnalysis]:
    close_old_connections()
    rows = job.analyses.select_related("image").defer("provenance", "metadata", "image__metadata").order_by("position")
    page = list(rows[start : start + _PAGE])
    close_old_connections()
    return page
