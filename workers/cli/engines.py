"""The models of a run, as the settings describe them."""

from django.conf import settings

from workers import models
from workers.models import vision_server
from workers.models.writer import Writer
from workers.runtime.engine import Engine


def create_engine(model: str, threads: int) -> tuple[Engine, Writer | None]:
    """Return the engine and the writer of a vision server, not yet loaded. Raises ModelUnavailable and ValueError."""
    options: dict[str, object] = {"threads": threads}
    if model in {"auto", "blip-clip"}:
        options |= settings.FORGE_MODEL_OPTIONS
    elif model == "scripted":
        options = settings.FORGE_SCRIPT
    engine = Engine(*models.create(model, **options), batch_size=settings.FORGE_BATCH_SIZE)
    return engine, _create_writer() if model == "vision-server" else None


def _create_writer() -> Writer:
    if not (settings.FORGE_VISION_URL and settings.FORGE_VISION_MODEL):
        raise ValueError("--model vision-server needs FORGE_VISION_URL and FORGE_VISION_MODEL.")
    return vision_server.create(settings.FORGE_VISION_OPTIONS)
