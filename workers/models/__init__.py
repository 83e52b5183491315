"""The model registry. Importing it imports no model library."""

from collections.abc import Mapping
from typing import Any

from workers.models.base import Captioner, Tagger
from workers.models.writer import Writer

NAMES = ("auto", "blip-clip", "embedded", "scripted", "transformers", "vision-server")
# Families that write the words themselves; their evidence is that of the embedded models.
WRITERS = ("transformers", "vision-server")


def create(name: str, **options: object) -> tuple[Captioner, Tagger]:
    """Return the named models, not loaded. `auto` is blip-clip where its checkpoints are installed, else embedded.

    Those of WRITERS are embedded, too: their evidence checks what the writer writes.

    Raises ValueError for an unknown name or option, ModelUnavailable for missing weights.
    """
    if name == "auto":
        from workers.models import blip_clip

        name = "blip-clip" if "folder" in options and blip_clip.is_installed(options) else "embedded"
        options = {key: options[key] for key in options if name == "blip-clip" or key not in blip_clip.OWN_OPTIONS}
    if name == "embedded" or name in WRITERS:
        from workers.models import embedded

        return embedded.create(options)
    if name == "scripted":
        from workers.models import scripted

        return scripted.create(options)
    if name == "blip-clip":
        from workers.models import blip_clip

        return blip_clip.create(options)
    raise ValueError(f"unknown models {name!r}; accepted: {', '.join(NAMES)}")


def create_writer(name: str, options: Mapping[str, Any]) -> Writer:
    """Return the writer of a family of WRITERS, not loaded. Raises ValueError and ModelUnavailable, as `create`."""
    if name == "vision-server":
        from workers.models import vision_server

        return vision_server.create(options)
    if name == "transformers":
        from workers.models import image_text

        return image_text.create(options)
    raise ValueError(f"no writer {name!r}; accepted: {', '.join(WRITERS)}")
