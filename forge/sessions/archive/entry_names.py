"""Names of files in an archive: safe to unpack on every system, and unique there."""

import re
import unicodedata

from forge.printable import without_controls

# Separators of paths and streams, and what Windows refuses.
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?|avif|hei[cf])$", re.IGNORECASE)
_MAX_BYTES = 180  # with a number, a suffix and .xmp below the 255 of file systems


def stem_of(original: str, fallback: str) -> str:
    """Return the stem of an uploaded name without what a path, a device or a hidden file is made of."""
    stem = _UNSAFE.sub("_", without_controls(_SUFFIX.sub("", unicodedata.normalize("NFC", original)))).strip(" .")
    stem = stem.encode(errors="ignore")[:_MAX_BYTES].decode(errors="ignore").strip(" .")
    return f"_{stem}" if _DEVICE.fullmatch(stem) else stem or fallback


class EntryNames:
    """Gives each file a name of its own, regardless of case and of the composition of letters."""

    def __init__(self, *reserved: str) -> None:
        self._taken = {_folded(name) for name in reserved}
        self._next: dict[str, int] = {}

    def take(self, stem: str, suffix: str) -> str:
        """Return `stem.suffix`, with a number where that or its sidecar's name is taken."""
        name, number = f"{stem}.{suffix}", self._next.get(_folded(f"{stem}.{suffix}"), 2)
        first = name
        while not {_folded(name), _folded(f"{name}.xmp")}.isdisjoint(self._taken):
            name, number = f"{stem}-{number}.{suffix}", number + 1
        self._next[_folded(first)] = number
        self._taken |= {_folded(name), _folded(f"{name}.xmp")}
        return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
