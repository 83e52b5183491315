from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ForgeConfig(AppConfig):
    name = "forge"
    verbose_name = "Image Forge"

    def ready(self) -> None:
        import forge.logs  # noqa: F401 (connects its Celery signals in every process)


class ForgeAdminConfig(admin_apps.AdminConfig):
    default = False  # of this module
    default_site = "forge.admin_site.ForgeAdminSite"
