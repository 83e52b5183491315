"""Text reading that loads at the first image with text, and does without where its packages are missing."""

import logging
import threading

from workers.models.base import ModelUnavailable, Pixels
from workers.models.evidence import TextLine
from workers.models.ocr.reader import TextReader

logger = logging.getLogger(__name__)


class OnDemandReader:
    """Reads nothing, after one warning, where text reading is not available. Thread-safe."""

    def __init__(self, reader: TextReader | None = None) -> None:
        self._reader = reader or TextReader()
        self._lock = threading.Lock()
        self._available: bool | None = None

    def load(self) -> bool:
        """Load once; return whether text can be read."""
        with self._lock:
            if self._available is None:
                self._available = self._load()
            return self._available

    def read(self, pixels: Pixels) -> list[TextLine]:
        """Return the lines of an image, (h, w, 3) RGB, in reading order."""
        return self._reader.read(pixels) if self.load() else []

    def _load(self) -> bool:
        try:
            self._reader.load()
        except ModelUnavailable as error:
            logger.warning("Text in images is not read: %s", error)
            return False
        return True


def create_reader(setting: str) -> OnDemandReader | None:
    """Return a reader for FORGE_OCR `auto`, None for `off`."""
    return OnDemandReader() if setting == "auto" else None
