"""The models by name. Importing this package imports no model library."""

from workers.models.base import Captioner, ModelUnavailable, Tagger

NAMES = ("auto", "blip-clip", "embedded", "scripted")


def create(name: str, **options: object) -> tuple[Captioner, Tagger]:
    """Not loaded yet. Raises ValueError, naming the accepted values, for an unknown name or option, and
    ModelUnavailable for models that are still to come.
    """
    if name in {"auto", "embedded"}:
        from workers.models import embedded

        return embedded.create(options)
    if name == "scripted":
        from workers.models import scripted

        return scripted.create(options)
    if name == "blip-clip":
        raise ModelUnavailable("BLIP/CLIP are not in this version yet; --model embedded works.")
    raise ValueError(f"unknown models {name!r}; accepted: {', '.join(NAMES)}")
