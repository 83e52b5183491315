from django.apps import AppConfig


class ForgeConfig(AppConfig):
    name = "forge"
    verbose_name = "Image Forge"

    def ready(self) -> None:
        import forge.logs  # noqa: F401 (connects its Celery signals in every process)
