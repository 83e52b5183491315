"""Drop the indexes of PostgreSQL that repeat others: an image wrote 25 entries into them."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Table, column, and the indexes that Django made of it: "" for equality, "_like" for prefixes. Where one of both stays,
# it serves equality, too; else a longer index begins with the column.
REDUNDANT = {
    "forge_creditentry_account_id_b2215209": ("forge_creditentry", "account_id", ("", "_like")),
    "forge_creditentry_job_id_3e6fed6d": ("forge_creditentry", "job_id", ("",)),
    "forge_image_session_id_5c986588": ("forge_image", "session_id", ("", "_like")),
    "forge_image_storage_key_3f982c4a": ("forge_image", "storage_key", ("_like",)),
    "forge_imageanalysis_image_id_28878f23": ("forge_imageanalysis", "image_id", ("",)),
    "forge_imageanalysis_job_id_f04c5472": ("forge_imageanalysis", "job_id", ("",)),
    "forge_imagewords_account_id_49bc3497": ("forge_imagewords", "account_id", ("_like",)),
    "forge_imagewords_image_id_e06818c0": ("forge_imagewords", "image_id", ("_like",)),
    "forge_imagewords_session_id_1cdcc96f": ("forge_imagewords", "session_id", ("_like",)),
    "forge_jobevent_job_id_1f34fa2e": ("forge_jobevent", "job_id", ("",)),
}


def drop(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for name, (_table, _column, endings) in REDUNDANT.items():
            for ending in endings:
                editor.execute(f'DROP INDEX IF EXISTS "{name}{ending}"')


def create(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for name, (table, column, endings) in REDUNDANT.items():
            for ending in endings:
                operators = " varchar_pattern_ops" if ending else ""
                editor.execute(f'CREATE INDEX IF NOT EXISTS "{name}{ending}" ON {table} ({column}{operators})')


class Migration(migrations.Migration):
    dependencies = [("forge", "0021_exports")]

    operations = [migrations.RunPython(drop, create, elidable=False)]
