from django.apps import AppConfig


class ForgeConfig(AppConfig):
    name = "forge"
    verbose_name = "Image Forge"

    def ready(self) -> None:
        import forge.logs  # noqa: F401 (tasks carry the request's id, whoever sends them)
