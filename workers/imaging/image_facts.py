"""What is known of a picture without a model, as phrases that are true of it."""

from dataclasses import dataclass

from workers.english.grammar import listed, sentence, with_article


@dataclass(frozen=True, slots=True)
class Context:
    """`width`, `height` of the original; the rest as workers.imaging.colors.Look has it."""

    width: int
    height: int
    colors: tuple[str, ...] = ()
    monochrome: bool = False
    light: str = ""
    backdrop: str = ""

    @property
    def orientation(self) -> str:
        """square (within 5 %), panorama (2:1 or more), landscape or portrait."""
        ratio = self.width / self.height
        if ratio >= 2.0:
            return "panorama"
        return "square" if 0.95 <= ratio <= 1.05 else "landscape" if ratio > 1 else "portrait"

    @property
    def shape(self) -> str:
        # "A landscape picture" and "a portrait" would be read as what it shows, not as its format.
        return {"panorama": "panoramic", "square": "square", "landscape": "wide", "portrait": "tall"}[self.orientation]

    @property
    def palette(self) -> str:
        """ "blue and white"; "black and white" for a picture without colour; empty if nothing is known."""
        if self.monochrome:
            return "black and white"
        # Green and dark green are one colour to a reader.
        families = {color.split()[-1]: color for color in reversed(self.colors) if color != self.backdrop}
        return listed([color for color in self.colors if color in families.values()][:2])

    @property
    def on_backdrop(self) -> str:
        return f"on a plain {self.backdrop} background" if self.backdrop and not self.monochrome else ""

    @property
    def surroundings(self) -> str:
        """ "on a plain white background", "in black and white", or nothing that is worth a word."""
        return "in black and white" if self.monochrome else self.on_backdrop

    @property
    def plain(self) -> str:
        """A picture of nobody knows what, without article: "dark scene in blue and black tones"."""
        if self.monochrome:
            return f"{self.light} black-and-white scene".strip()
        if self.on_backdrop:
            return f"{self.palette} tones {self.on_backdrop}".strip()
        scene = f"scene in {self.palette} tones" if self.palette else f"{self.shape} scene"
        return f"{self.light} {scene}".strip()

    @property
    def plain_phrase(self) -> str:
        return self.plain if self.on_backdrop else with_article(self.plain, "count")

    @property
    def traits(self) -> str:
        """ "dark overall and in landscape format"."""
        form = {
            "panorama": "panoramic in format",
            "square": "square in format",
            "landscape": "in landscape format",
            "portrait": "in portrait format",
        }[self.orientation]
        return f"{self.light} overall and {form}" if self.light else form

    @property
    def opening_sentence(self) -> str:
        """Of a picture whose subject is not known."""
        colors = [color for color in self.colors[:3] if color != self.backdrop]
        if self.monochrome:
            return "This picture is in black and white."
        if not colors:
            return "This picture has no subject that could be named."
        verb = "is the main colour" if len(colors) == 1 else "are the main colours"
        return sentence(f"{listed(colors)} {verb} of this picture {self.on_backdrop}")

    @property
    def look_sentence(self) -> str:
        if self.monochrome:
            return sentence(f"it is in black and white, {self.traits}")
        if not self.colors:
            return sentence(f"it is {self.traits}")
        noun = "colour is" if len(self.colors) == 1 else "colours are"
        return sentence(f"the main {noun} {listed(self.colors[:3])}, and the picture is {self.traits}")

    @property
    def keywords(self) -> list[str]:
        colors = ["black and white"] if self.monochrome else list(self.colors[:3])
        backdrop = [f"{self.backdrop} background"] if self.backdrop else []
        light = [f"{self.light} tones"] if self.light else []
        return [*backdrop, *colors, *light]

    @property
    def filler_keywords(self) -> list[str]:
        """True, and of little use to a searcher."""
        form = {"panorama": "panorama", "square": "square format"}.get(self.orientation, f"{self.orientation} format")
        colors = () if self.monochrome else self.colors[:3]
        return [form, *(f"{color} tones" for color in colors)]
