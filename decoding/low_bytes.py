"""The low bytes of 16-bit samples in color, of which Pillow keeps the high bytes alone."""

from typing import Any

import PIL.Image

# Pillow's raw modes of 16 bits per sample: that of the other byte, and N is this machine's order (little-endian).
_OTHER_BYTE = {
    f"{channels};16{order}": f"{channels};16{other}"
    for channels in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B"))
}


def has_low_bytes(image: PIL.Image.Image) -> bool:
    """Return whether samples have low bytes that Pillow would drop; before `load`, which clears the tiles."""
    tiles = _tiles(image)
    return bool(tiles) and all(_raw_mode(tile) in _OTHER_BYTE for tile in tiles)


def select_low_bytes(image: PIL.Image.Image) -> None:
    """Make `load` decode the low byte of each sample instead of the high one."""
    image.tile = [_with_raw_mode(tile, _OTHER_BYTE[_raw_mode(tile)]) for tile in _tiles(image)]  # type: ignore[attr-defined]


def _tiles(image: PIL.Image.Image) -> list[Any]:
    return list(getattr(image, "tile", []))


def _raw_mode(tile: Any) -> str:
    return str(tile.args if isinstance(tile.args, str) else tile.args[0] if tile.args else "")


def _with_raw_mode(tile: Any, mode: str) -> Any:
    return tile._replace(args=mode if isinstance(tile.args, str) else (mode, *tile.args[1:]))
