import pytest

from workers.models.ocr import TextReader


@pytest.fixture(scope="package")
def reader() -> TextReader:
    """The loaded models, without a limit of time, so that a slow machine reads the same."""
    reader = TextReader(budget_s=600.0)
    reader.load()
    return reader
