"""Why words are not written into a file; the file is then as it was."""

from typing import ClassVar


class XmpError(Exception):
    """Base of the errors of this package: `code` is stable, `str()` is the sentence."""

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class UnwritableFormat(XmpError):
    code = "unwritable_format"
    sentence = "Words cannot be written into a file of this format; use a sidecar."


class DamagedFile(XmpError):
    code = "damaged_file"
    sentence = "The file's structure is damaged; nothing was written. Use a sidecar."


class BrokenXmp(XmpError):
    code = "broken_xmp"
    sentence = "The XMP in the file is broken and was left as it is; use a sidecar."


class PacketTooLarge(XmpError):
    code = "xmp_too_large"
    sentence = "The XMP would be larger than the format allows; use a sidecar."


class SignedFile(XmpError):
    code = "signed_file"
    sentence = "The file has a C2PA manifest, which a change would break; use a sidecar, or force it."


class FileNotReplaced(XmpError):
    """The file is read-only, has other names, or was changed meanwhile."""

    code = "file_not_replaced"
    sentence = "The file could not be replaced."
