from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db import transaction
from django.db.backends.signals import connection_created
from django.db.models.signals import post_delete, post_save


class ForgeConfig(AppConfig):
    name = "forge"
    verbose_name = "Image Forge"

    def ready(self) -> None:
        import forge.logs  # noqa: F401 (connects its Celery signals in every process)
        from forge.database import sqlite_files_make_private

        connection_created.connect(sqlite_files_make_private)
        for name in ("Account", "ApiKey"):
            model = self.get_model(name)
            for signal in (post_save, post_delete):
                signal.connect(_publish_key_change, sender=model)


def _publish_key_change(*, created: bool = False, **_: Any) -> None:
    from forge.relay import publish_key_change

    if not created:
        transaction.on_commit(publish_key_change, robust=True)


class ForgeAdminConfig(admin_apps.AdminConfig):
    default = False  # of this module
    default_site = "forge.admin_site.ForgeAdminSite"
