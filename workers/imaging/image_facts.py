"""Facts about an image that need no model, and phrases for them."""

from dataclasses import dataclass

from workers.english.grammar import as_sentence, join_with_and, with_article


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The original's size and the fields of workers.imaging.colors.ColorAnalysis; `frames`: of the file, or pages."""

    width: int
    height: int
    colors: tuple[str, ...] = ()
    monochrome: bool = False
    light: str = ""
    backdrop: str = ""
    frames: int = 1

    @property
    def orientation(self) -> str:
        """Return square (within 5 %), panorama (2:1 or more), landscape or portrait."""
        ratio = self.width / self.height
        if ratio >= 2.0:
            return "panorama"
        return "square" if 0.95 <= ratio <= 1.05 else "landscape" if ratio > 1 else "portrait"

    @property
    def shape_adjective(self) -> str:
        # "Landscape" and "portrait" could be read as the subject.
        return {"panorama": "panoramic", "square": "square", "landscape": "wide", "portrait": "tall"}[self.orientation]

    @property
    def palette(self) -> str:
        """Return one or two colors, such as "blue and white", or ""."""
        if self.monochrome:
            return "black and white"
        # Green and dark green count as one color.
        families = {color.split()[-1]: color for color in reversed(self.colors) if color != self.backdrop}
        return join_with_and([color for color in self.colors if color in families.values()][:2])

    @property
    def backdrop_phrase(self) -> str:
        return f"on a plain {self.backdrop} background" if self.backdrop and not self.monochrome else ""

    @property
    def background_phrase(self) -> str:
        """Return "on a plain white background", "in black and white" or ""."""
        return "in black and white" if self.monochrome else self.backdrop_phrase

    @property
    def scene_phrase(self) -> str:
        """Describe the image without subject or article: "dark scene in blue and black tones"."""
        if self.monochrome:
            return f"{self.light} black-and-white scene".strip()
        if self.backdrop_phrase:
            return f"{self.palette} tones {self.backdrop_phrase}".strip()
        scene = f"scene in {self.palette} tones" if self.palette else f"{self.shape_adjective} scene"
        return f"{self.light} {scene}".strip()

    @property
    def scene_phrase_with_article(self) -> str:
        return self.scene_phrase if self.backdrop_phrase else with_article(self.scene_phrase, "count")

    @property
    def format_phrase(self) -> str:
        """Return, for example, "dark overall and in portrait format"."""
        form = {
            "panorama": "panoramic in format",
            "square": "square in format",
            "landscape": "in landscape format",
            "portrait": "in portrait format",
        }[self.orientation]
        return f"{self.light} overall and {form}" if self.light else form

    @property
    def opening_sentence(self) -> str:
        """Return the first sentence about an image without a subject."""
        colors = [color for color in self.colors[:3] if color != self.backdrop]
        if self.monochrome:
            return "This picture is in black and white."
        if not colors:
            return "This picture has no subject that could be named."
        verb = "is the main colour" if len(colors) == 1 else "are the main colours"
        return as_sentence(f"{join_with_and(colors)} {verb} of this picture {self.backdrop_phrase}")

    @property
    def appearance_sentence(self) -> str:
        if self.monochrome:
            return as_sentence(f"it is in black and white, {self.format_phrase}")
        if not self.colors:
            return as_sentence(f"it is {self.format_phrase}")
        noun = "colour is" if len(self.colors) == 1 else "colours are"
        return as_sentence(f"the main {noun} {join_with_and(self.colors[:3])}, and the picture is {self.format_phrase}")

    @property
    def tags(self) -> list[str]:
        colors = ["black and white"] if self.monochrome else list(self.colors[:3])
        backdrop = [f"{self.backdrop} background"] if self.backdrop else []
        light = [f"{self.light} tones"] if self.light else []
        return [*backdrop, *colors, *light]

    @property
    def filler_tags(self) -> list[str]:
        """Return true tags of little use in a search."""
        form = {"panorama": "panorama", "square": "square format"}.get(self.orientation, f"{self.orientation} format")
        colors = () if self.monochrome else self.colors[:3]
        return [form, *(f"{color} tones" for color in colors)]
