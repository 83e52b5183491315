"""EXIF's texts: ImageDescription, Windows's XP tags and UserComment are read; two of them are written on request."""

from xmp.exif.tags import MAX_BYTES, SUB_DIRECTORY, Tag, Values
from xmp.exif.words import ExifWords, exif_words
from xmp.exif.writing import exif_values

__all__ = ["MAX_BYTES", "SUB_DIRECTORY", "ExifWords", "Tag", "Values", "exif_values", "exif_words"]
