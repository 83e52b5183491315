"""Migrations over rows that an earlier version wrote."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE, AFTER = "0007_account_terms", "0008_results"
METADATA = {"title": "A Red Kettle", "alt": "A red kettle"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def latest_afterwards() -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def migrate(name: str) -> Apps:
    """Migrate to a state and return its models."""
    executor = MigrationExecutor(connection)
    executor.migrate([("forge", name)])
    return MigrationExecutor(connection).loader.project_state([("forge", name)]).apps


def write_rows(apps: Apps, name: str) -> tuple[Any, Any]:
    """Write an image and its analysis with a result, as the version with these models does."""
    account = apps.get_model("forge", "Account").objects.create(pk=f"acct_{name}", name=name)
    session = apps.get_model("forge", "Session").objects.create(pk=f"sess_{name}", account=account)
    job = apps.get_model("forge", "Job").objects.create(pk=f"job_{name}", session=session, account=account, total=1)
    images, analyses = apps.get_model("forge", "Image"), apps.get_model("forge", "ImageAnalysis")
    image = images.objects.create(
        pk=f"img_{name}", session=session, position=0, size=1, width=1, height=1, storage_key=name, metadata=METADATA
    )
    return image, analyses.objects.create(job=job, image=image, position=0, status="succeeded", metadata=METADATA)


def results(apps: Apps) -> list[tuple[Any, ...]]:
    fields = ("metadata", "kind", "confidence", "needs_review")
    models = (apps.get_model("forge", name) for name in ("Image", "ImageAnalysis"))
    return [row for model in models for row in model.objects.values_list(*fields)]


def test_existing_results_get_no_kind_no_confidence_and_no_review() -> None:
    write_rows(migrate(BEFORE), "old")

    assert results(migrate(AFTER)) == [(METADATA, "", None, None)] * 2


def test_a_web_server_of_the_previous_version_writes_rows_after_the_migration() -> None:
    before = migrate(BEFORE)
    after = migrate(AFTER)

    write_rows(before, "old")

    assert results(after) == [(METADATA, "", None, None)] * 2


def test_the_migration_is_reversible_with_results() -> None:
    image, analysis = write_rows(migrate(AFTER), "new")
    for row in (image, analysis):
        row.kind, row.confidence, row.needs_review = "photo", 0.9, False
        row.save()

    before = migrate(BEFORE)

    assert before.get_model("forge", "ImageAnalysis").objects.get().metadata == METADATA
    assert results(migrate(AFTER)) == [(METADATA, "", None, None)] * 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Django makes one index for a column on SQLite")
def test_each_column_of_a_dropped_index_begins_another() -> None:
    redundant = import_module("forge.migrations.0022_redundant_indexes").REDUNDANT
    with connection.cursor() as cursor:
        for name, (table, column, endings) in redundant.items():
            cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
            indexes = dict(cursor.fetchall())
            assert not {f"{name}{ending}" for ending in endings} & set(indexes)
            of_all_rows = [definition for definition in indexes.values() if " WHERE " not in definition]
            assert any(re.search(rf"\({column}\b", definition) for definition in of_all_rows), (column, of_all_rows)
