"""What is known of a picture without a model, as phrases that are true of it."""

from dataclasses import dataclass

from workers.grammar import listed, sentence


@dataclass(frozen=True, slots=True)
class Context:
    """`width`, `height` of the original; the rest as workers.colors.Look has it."""

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
    def setting(self) -> str:
        """What can be added to a thing: "a bag" in red on a plain white background."""
        if self.monochrome:
            return "in black and white"
        if self.backdrop:
            return f"{self._in_color}{self.on_backdrop}"
        if not self.palette:
            return f"in a {self.shape} picture"
        return f"in {'a scene' if ' and ' in self.palette else 'shades'} of {self.palette}"

    @property
    def short_setting(self) -> str:
        if self.backdrop and not self.monochrome:
            return f"{self._in_color}on {self.backdrop}"
        return f"in {self.palette}" if self.palette else f"in a {self.shape} picture"

    @property
    def _in_color(self) -> str:
        # In front of a backdrop, the picture's colour is the subject's.
        return f"in {self.palette.split(' and ')[0]} " if self.palette else ""

    @property
    def plain(self) -> str:
        """A picture of nobody knows what: "dark, wide picture in blue and black"."""
        adjectives = ", ".join(word for word in (self.light, self.shape) if word)
        palette = f"in {self.palette}" if self.palette else ""
        return " ".join(part for part in (adjectives, "picture", palette, self.on_backdrop) if part)

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
        light = [f"{self.light} picture"] if self.light else []
        form = {"panorama": "panorama", "square": "square format"}.get(self.orientation, f"{self.orientation} format")
        return [*backdrop, *colors, *light, form]
