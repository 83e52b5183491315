"""The model registry. Importing it imports no model library."""

from workers.models.base import Captioner, Tagger

NAMES = ("auto", "blip-clip", "embedded", "scripted", "vision-server")


def create(name: str, **options: object) -> tuple[Captioner, Tagger]:
    """Return the named models, not loaded. `auto` is blip-clip where its checkpoints are installed, else embedded.

    `vision-server` is embedded, too: its evidence checks what workers.models.vision_server writes.

    Raises ValueError for an unknown name or option, ModelUnavailable for missing weights.
    """
    if name == "auto":
        from workers.models import blip_clip

        name = "blip-clip" if "folder" in options and blip_clip.is_installed(options) else "embedded"
        options = {key: options[key] for key in options if name == "blip-clip" or key not in blip_clip.OWN_OPTIONS}
    if name in {"embedded", "vision-server"}:
        from workers.models import embedded

        return embedded.create(options)
    if name == "scripted":
        from workers.models import scripted

        return scripted.create(options)
    if name == "blip-clip":
        from workers.models import blip_clip

        return blip_clip.create(options)
    raise ValueError(f"unknown models {name!r}; accepted: {', '.join(NAMES)}")
