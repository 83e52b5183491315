"""A filled database of an earlier version, migrated: no row changes, and the service goes on with it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from forge.credits import audit, ledger
from forge.jobs import leases
from forge.models import Account, ApiKey, ImageAnalysis, Job
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_SCHEMA, FIRST_RELEASE = "0001_initial", "0007_account_terms"  # the latter is 0.1.0's
KEY = "sk-of-the-first-release"
METADATA = {**job_factory.METADATA, "title": "A Rëd Kettle"}


@pytest.fixture(autouse=True)
def latest_afterwards() -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def migrate_to(name: str) -> Apps:
    MigrationExecutor(connection).migrate([("forge", name)])
    return MigrationExecutor(connection).loader.project_state([("forge", name)]).apps


class EarlierVersion:
    """Writes rows with the models of a migration, as that version's code did."""

    def __init__(self, apps: Apps) -> None:
        self.apps = apps
        self.account = self.add("Account", pk="acct_1", name="alice", balance=7)
        self.add("ApiKey", account=self.account, prefix=KEY[:10], hash=ApiKey.hash_of(KEY))
        self.add("CreditEntry", account=self.account, amount=10, kind="grant", note="welcome")

    def add(self, model: str, **fields: Any) -> Any:
        return self.apps.get_model("forge", model).objects.create(**fields)

    def job(self, name: str, analysis: str, **fields: Any) -> None:
        """Write a job of one image with its session, its events and its charge."""
        session = self.add("Session", pk=f"sess_{name}", account=self.account)
        job = self.add("Job", pk=f"job_{name}", session=session, account=self.account, total=1, **fields)
        image = self.add(
            "Image", pk=f"img_{name}", session=session, position=0, size=1, width=1, height=1, storage_key=name,
            original_filename="ä.jpg", content_type="image/jpeg",
        )  # fmt: skip
        states: dict[str, dict[str, Any]] = {
            "succeeded": {"metadata": METADATA},
            "processing": {"holder": "gone", "attempts": 1},
        }
        state = states.get(analysis, {})
        if analysis != "queued":
            state |= {"current": 1, "started_at": timezone.now()}
        if analysis == "processing":
            state["lease_until"] = timezone.now() - timedelta(hours=1)
        self.add("ImageAnalysis", job=job, image=image, position=0, status=analysis, **state)
        self.add("CreditEntry", account=self.account, amount=-1, kind="charge", job_id=job.pk, image_id=image.pk)
        for seq, kind in enumerate(["progress", "result", "complete"][: fields.get("last_seq", 0)], start=1):
            self.add("JobEvent", job=job, seq=seq, type=kind, data=f'{{"jobId":"job_{name}"}}')


def fill(apps: Apps) -> None:
    version = EarlierVersion(apps)
    ended = {"status": "complete", "started": 1, "succeeded": 1, "last_seq": 3, "finished_at": timezone.now()}
    version.job("ended", "succeeded", **ended)
    version.job("running", "processing", status="running", started=1, last_seq=1)
    version.job("waiting", "queued")


def all_rows(apps: Apps) -> dict[str, list[dict[str, Any]]]:
    models = [apps.get_model("forge", name) for name in ("Account", "ApiKey", "Session", "Image", "Job")]
    models += [apps.get_model("forge", name) for name in ("ImageAnalysis", "JobEvent", "CreditEntry")]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


@pytest.mark.parametrize("release", [FIRST_SCHEMA, FIRST_RELEASE])
def test_a_filled_database_of_an_earlier_version_is_migrated_and_goes_on(release: str) -> None:
    apps = migrate_to(release)
    fill(apps)
    before = all_rows(apps)

    call_command("migrate", verbosity=0)

    # No value of an earlier column changes.
    after = all_rows(MigrationExecutor(connection).loader.project_state().apps)
    assert {
        name: [{column: new[column] for column in old} for old, new in zip(rows, after[name], strict=True)]
        for name, rows in before.items()
    } == before
    assert list(audit.findings()) == []
    api = ApiClient(KEY)
    assert api.call("GET", "/credits/balance").json()["balance"] == 7
    assert api.call("GET", "/jobs/job_ended").json()["images"][0]["metadata"] == METADATA
    _finish_what_was_queued_or_in_flight()
    account = Account.objects.get()
    job_factory.run(job_factory.submit(account, job_factory.session_without_files(account, 2)))
    assert ledger.balance(account.pk) == 5
    assert list(audit.findings()) == []


def _finish_what_was_queued_or_in_flight() -> None:
    assert leases.analyses_sweep() >= 1
    for number in range(2):
        claim = job_factory.claim_next("worker")
        assert claim is not None
        assert job_factory.succeed(claim, f"kettle-{number}")
    assert set(Job.objects.values_list("status", flat=True)) == {"complete"}
    assert set(ImageAnalysis.objects.values_list("status", flat=True)) == {"succeeded"}
