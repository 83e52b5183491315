"""Archives and exported files where uploads are in a bucket."""

import io
import zipfile
from typing import Any

import pytest

from forge.jobs import services
from forge.models import Account, Image, Job, Session
from forge.sessions import services as session_services
from forge.sessions.archive import archive_entries, exported_entries
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from tests.forge.jobs.test_exports import SETTINGS, run
from tests.forge.storage.conftest import Bucket
from tests.images import jpeg

pytestmark = pytest.mark.django_db(transaction=True)


def names(entries: Any) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(b"".join(entries))) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_files_are_read_from_the_bucket_and_go_with_their_session(
    api: ApiClient, alice: Account, bucket: Bucket
) -> None:
    assert api.upload(*((f"photo{n}.jpg", jpeg(f"#{n:02x}6040")) for n in range(2))).status_code == 201
    session = Session.objects.get()
    job = services.job_submit(
        account=alice,
        session=session,
        references=job_factory.references(session),
        action=Job.Action.EXPORT,
        export_settings=dict(SETTINGS),
    )
    run(job)
    first, second = Image.objects.order_by("position")
    bucket.remove(f"uploads/{first.storage_key}")
    gone = next(key for key in bucket.keys if second.pk in key and ".full." in key)
    bucket.remove(gone)

    path = f"/jobs/{job.pk}/images/{second.pk}/variants"
    assert api.call("GET", f"{path}/480w").content == b"small"
    assert api.call("GET", f"{path}/full").json()["code"] == "not_found"
    assert names(archive_entries(session.images.all(), "embedded")) == ["photo1.jpg", "words.csv", "manifest.json"]
    assert names(exported_entries(job)) == ["photo0.webp", "photo0-480w.webp", "photo1-480w.webp", "manifest.json"]

    session_services.session_delete(session=session)
    assert bucket.keys == []
