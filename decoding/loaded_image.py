"""Decoded images, and their rendering in sRGB at a reduced size."""

from typing import NamedTuple

from PIL import Image

from decoding.profiles import to_srgb

_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class LoadedImage(NamedTuple):
    """A decoded frame as it is stored: perhaps at a reduced scale, not upright, in the file's own colors.

    `width` and `height` are those of the whole frame, `orientation` is that of EXIF, `profile` an ICC profile.
    """

    image: Image.Image
    width: int
    height: int
    orientation: int = 1
    profile: bytes | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    @property
    def is_deep(self) -> bool:
        """Return whether its samples have more than 8 bits."""
        return self.image.mode in {"I", "F"} or self.image.mode.startswith("I;16")

    def scaled(self, scale: float) -> tuple[int, int]:
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    def rendered(self, size: tuple[int, int]) -> Image.Image:
        """Return it in sRGB at `size`, as RGB or, if it has transparency, RGBA, without orientation."""
        return to_srgb(_deep_resized(self.image, size) if self.is_deep else resized(self.image, size), self.profile)

    def upright(self, image: Image.Image) -> Image.Image:
        """Apply the orientation to a rendered image."""
        transpose = _TRANSPOSE_BY_ORIENTATION.get(self.orientation)
        return image if transpose is None else image.transpose(transpose)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize before changes of mode, which would copy the full-size image."""
    if image.size == size:
        return image
    if image.mode in {"1", "P", "PA"} or "transparency" in image.info:
        # Neither palette indices nor a transparent color can be averaged.
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _deep_resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize grey of more than 8 bits and scale it to 8; a transparent grey is shown as it is."""
    from decoding.sample_depth import sample_top, scaled_to_8_bits  # numpy, for these images alone

    top = sample_top(image)
    gap = None if image.mode.startswith("I;16") else 2.0
    small = image if image.size == size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)
    return scaled_to_8_bits(small, top)
