"""A session as a ZIP: its files under their new names with their words, a table of the words, and a manifest."""

from forge.sessions.archive.contents import MANIFEST, METADATA_CHOICES, TABLE, archive_entries
from forge.sessions.archive.exported import exported_entries

__all__ = ["MANIFEST", "METADATA_CHOICES", "TABLE", "archive_entries", "exported_entries"]
