from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.backends.signals import connection_created


class ForgeConfig(AppConfig):
    name = "forge"
    verbose_name = "Image Forge"

    def ready(self) -> None:
        import forge.logs  # noqa: F401 (connects its Celery signals in every process)
        from forge.database import sqlite_files_make_private

        connection_created.connect(sqlite_files_make_private)


class ForgeAdminConfig(admin_apps.AdminConfig):
    default = False  # of this module
    default_site = "forge.admin_site.ForgeAdminSite"
