"""Text in images: TextReader reads its lines; `layout` orders them and chooses which to quote."""

from workers.models.ocr.on_demand import OnDemandReader, create_reader
from workers.models.ocr.reader import TextReader

__all__ = ["OnDemandReader", "TextReader", "create_reader"]
