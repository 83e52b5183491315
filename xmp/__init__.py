"""Words in image files: XMP is read and spliced without a change to any other byte.

`write` merges words into a file's bytes, `write_sidecar` into a sidecar's; `read` and `fingerprint` read them;
`replace_file` puts new bytes in the place of a file.
"""

from xmp.embedding import (
    FileWords,
    Written,
    fingerprint,
    read,
    read_exif,
    read_if_possible,
    read_sidecar,
    write,
    write_sidecar,
)
from xmp.errors import (
    BrokenXmp,
    DamagedFile,
    FileNotReplaced,
    PacketTooLarge,
    SignedFile,
    UnwritableFormat,
    XmpError,
)
from xmp.merging import DEFAULT_POLICY, OnExisting, Policy
from xmp.moving import move_file, synchronize_folder
from xmp.place import read_place
from xmp.replacement import FileState, file_state, remove_leftover, replace_file
from xmp.words import DEFAULT_LANGUAGE, METADATA_NAMES, Field, Provenance, Record, Words, text_digest, words_of_metadata

__all__ = [
    "DEFAULT_LANGUAGE",
    "DEFAULT_POLICY",
    "METADATA_NAMES",
    "BrokenXmp",
    "DamagedFile",
    "Field",
    "FileNotReplaced",
    "FileState",
    "FileWords",
    "OnExisting",
    "PacketTooLarge",
    "Policy",
    "Provenance",
    "Record",
    "SignedFile",
    "UnwritableFormat",
    "Words",
    "Written",
    "XmpError",
    "file_state",
    "fingerprint",
    "move_file",
    "read",
    "read_exif",
    "read_if_possible",
    "read_place",
    "read_sidecar",
    "remove_leftover",
    "replace_file",
    "synchronize_folder",
    "text_digest",
    "words_of_metadata",
    "write",
    "write_sidecar",
]
