from pathlib import Path

import pytest
from pytest_django import Settings

from forge.accounts import key_issue
from forge.credits import ledger
from forge.models import Account, CreditEntry, Job, JobEvent, Session
from tests.forge.admin.pages import HOSTILE, analysed, encoded_image, session_of
from tests.forge.limits.conftest import without_redis  # noqa: F401  (a fixture)


@pytest.fixture(autouse=True)
def admin_media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return tmp_path / "media"


@pytest.fixture
def admin_alice() -> Account:
    account = Account.objects.create(name="admin-alice")
    ledger.grant(account_id=account.pk, amount=100, note="<script>note</script>")
    account.refresh_from_db()
    return account


@pytest.fixture
def admin_session(admin_alice: Account) -> Session:
    return session_of(admin_alice, [(HOSTILE, encoded_image()), ("second.jpg", encoded_image(file_format="JPEG"))])


@pytest.fixture
def admin_job(admin_session: Session) -> Job:
    return analysed(admin_session)


@pytest.fixture
def admin_rows(admin_job: Job) -> dict[str, object]:
    """One row of each model, by model name."""
    key, _ = key_issue(account=admin_job.account, label="<script>label</script>")
    return {
        "account": admin_job.account_id,
        "apikey": key.pk,
        "session": admin_job.session_id,
        "job": admin_job.pk,
        "imageanalysis": admin_job.analyses.earliest("position").pk,
        "jobevent": JobEvent.objects.filter(job=admin_job, type="result").get().pk,
        "creditentry": CreditEntry.objects.filter(job_id=admin_job.pk, kind="refund").get().pk,
    }
