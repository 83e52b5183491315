from pathlib import Path

import pytest
from django.conf import settings as django_settings


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Use SQLite in a file, as in production: a database in memory has other locks than one that threads share.

    Each test process has its own database: on PostgreSQL by the suffix.
    """
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(Path(django_settings.FORGE_DATA) / "test.sqlite3")
