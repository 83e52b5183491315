"""Read and write the words in an image file, held as bytes."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest

from xmp import iim
from xmp.camera_text import is_camera_text, without_camera_texts
from xmp.containers import Embedded, container_of, jpeg
from xmp.containers.container import Buffer
from xmp.containers.exif_texts import read_texts
from xmp.containers.tiff_directory import MAGIC as TIFF
from xmp.errors import BrokenXmp, DamagedFile, SignedFile, XmpError
from xmp.exif import ExifWords, exif_values, exif_words
from xmp.markup import cleaned_words
from xmp.merging import DEFAULT_POLICY, OnExisting, Policy, merge
from xmp.packet import EMPTY_SIDECAR, PacketWords, read_packet, write_packet
from xmp.words import Field, Provenance, Record, Words

_WITH_IIM_AND_EXIF = (jpeg.MAGIC, *TIFF)
_PIECE = 2**20
_NO_EXIF = ExifWords()


@dataclass(frozen=True, slots=True)
class FileWords:
    """The words in a file, which of them a model wrote, and whether a C2PA manifest signs the file.

    `uncopied`: fields that EXIF alone has, with a text that may be garbled or is very long: it stays where it is.
    """

    words: Words
    records: tuple[Record, ...] = ()
    is_signed: bool = False
    uncopied: frozenset[Field] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """`data`: the new file, the same object where nothing changes. `skipped`: what was not written, as a sentence."""

    data: bytes
    words: Words
    skipped: str = ""


def read(data: bytes) -> FileWords:
    """Return the words in a file, of XMP, IIM and EXIF. Raises XmpError where they cannot be read."""
    container = container_of(data)
    embedded = container.read(data)
    found = _file_words(embedded, exif_words(read_texts(container.exif_block(data))))
    return replace(found, words=without_camera_texts(found.words))


def read_exif(data: bytes) -> Words:
    """Return the words of EXIF alone, also where the XMP is broken. Raises XmpError where the file is."""
    return exif_words(read_texts(container_of(data).exif_block(data))).words


def read_if_possible(data: bytes) -> FileWords:
    """Return the words in a file, those of EXIF alone where the XMP is broken, and none where the file is."""
    try:
        return read(data)
    except XmpError:
        with suppress(XmpError):
            return FileWords(read_exif(data))
    return FileWords(Words())


def write(
    data: bytes,
    words: Words,
    provenance: Provenance,
    *,
    policy: Policy = DEFAULT_POLICY,
    with_iim: bool = False,
    with_exif: bool = False,
    force: bool = False,
) -> Written:
    """Merge words into the file; in JPEG and TIFF, IIM where it exists or `with_iim`, and EXIF's texts `with_exif`.

    `force`: also where a C2PA manifest will no longer fit. The result is read and compared before it is returned.
    Raises XmpError; the file then stays as it is.
    """
    container = container_of(data)
    embedded = container.read(data)
    if embedded.is_signed and not force:
        raise SignedFile
    exif = read_texts(container.exif_block(data))
    before = _file_words(embedded, exif_words(exif))
    merged, records, copied = _merged(before, words, provenance, policy)
    _require_no_extension(embedded, before.words, merged)
    packet = write_packet(embedded.packet, _without_extended(embedded, copied), records)
    resources, skipped = _resources(data, embedded, copied, with_iim=with_iim)
    has_exif = with_exif and data.startswith(_WITH_IIM_AND_EXIF)
    values = exif_values(exif, before.words, merged, policy) if has_exif else {}
    if packet == embedded.packet and resources is None and not values:
        return Written(data, merged, skipped)
    new = container.write(data, packet, resources, values)
    _require_unharmed(data, new, packet)
    return Written(new, merged, skipped)


def write_sidecar(
    sidecar: bytes | None,
    words: Words,
    provenance: Provenance,
    *,
    policy: Policy = DEFAULT_POLICY,
    beside: FileWords | None = None,
) -> Written:
    """Merge words into a sidecar, or make one. Raises BrokenXmp.

    `beside`: the words in the image file. Programs prefer a sidecar's, so that they are existing words here, too.
    """
    old = sidecar or EMPTY_SIDECAR
    found, file = read_packet(old), beside or FileWords(Words())
    uncopied = frozenset(name for name in file.uncopied if not _has(found.words, name))
    before = FileWords(_filled(found.words, file.words), (*file.records, *found.records), uncopied=uncopied)
    merged, records, copied = _merged(before, words, provenance, policy)
    return Written(write_packet(old, copied, records), merged)


def read_sidecar(sidecar: bytes) -> FileWords:
    found = read_packet(sidecar)
    return FileWords(without_camera_texts(found.words), found.records)


def fingerprint(data: bytes) -> str:
    """Return a SHA-256 of what makes the pixels: the same after words or other metadata change.

    Of a format that is not known, or a damaged file, that of the whole file.
    """
    digest = hashlib.sha256()
    try:
        for part in container_of(data).image_parts(data):
            digest.update(len(part).to_bytes(8))
            digest.update(part)
    except (XmpError, ValueError):
        digest = hashlib.sha256(data)
    return digest.hexdigest()


def _file_words(embedded: Embedded, exif: ExifWords = _NO_EXIF) -> FileWords:
    """Merge XMP, extended XMP and IIM as the Metadata Working Group's guidelines rank them, and EXIF behind them.

    They rank EXIF first, but cameras write there, and nothing in it names who did.
    """
    found = read_packet(embedded.packet) if embedded.packet else PacketWords(Words(), (), frozenset())
    words = found.words
    if embedded.extension:
        words = _filled(words, read_packet(embedded.extension).words)
    if embedded.resources:
        try:
            older, is_changed = iim.read_words(iim.read_resources(embedded.resources))
        except iim.IimUneditable:
            older, is_changed = Words(), False
        words = _overridden(words, older) if is_changed else _filled(words, older)
    uncopied = frozenset(name for name in exif.uncopied if not _has(words, name))
    return FileWords(_filled(words, exif.words), found.records, embedded.is_signed, uncopied)


def _merged(
    before: FileWords, words: Words, provenance: Provenance, policy: Policy
) -> tuple[Words, tuple[Record, ...], Words]:
    """Return the merged words, the records, and the words without those that are not copied."""
    appended = {name for name in before.uncopied if policy.get(name, DEFAULT_POLICY[name]) is OnExisting.APPEND}
    policy = {**policy, **dict.fromkeys(appended, OnExisting.KEEP)}
    merged, records = merge(before.words, before.records, cleaned_words(words), provenance, policy)
    left = {name for name in before.uncopied if merged.text(name) == before.words.text(name)}
    texts = {name: languages for name, languages in merged.texts.items() if name not in left}
    is_left = Field.KEYWORDS in before.uncopied and merged.keywords == before.words.keywords
    return merged, records, Words(texts, () if is_left else merged.keywords)


def _has(words: Words, name: Field) -> bool:
    return bool(words.keywords if name is Field.KEYWORDS else words.text(name))


def _filled(words: Words, others: Words) -> Words:
    """Return the words with the others where there are none, or a camera's; in the order of the first."""
    missing = {
        name: texts for name, texts in others.texts.items() if not words.text(name) or is_camera_text(words.text(name))
    }
    return Words({**words.texts, **missing}, words.keywords or others.keywords)


def _overridden(words: Words, others: Words) -> Words:
    """Return the words that another program changed in IIM; a text that was cut by its limits is no change."""
    changed = {
        name: languages
        for name, languages in others.texts.items()
        if not words.text(name).startswith(others.text(name))
    }
    merged = {name: {**words.texts.get(name, {}), **languages} for name, languages in changed.items()}
    known = {word.encode()[:64] for word in words.keywords}
    added = tuple(word for word in others.keywords if word.encode() not in known)
    return Words({**words.texts, **merged}, (*words.keywords, *added))


def _require_no_extension(embedded: Embedded, before: Words, merged: Words) -> None:
    """Refuse to write a property that stands in extended XMP: it would then stand in the file twice."""
    if embedded.extension is None:
        return
    extended = read_packet(embedded.extension).fields
    if any(before.texts.get(name) != merged.texts.get(name) for name in extended) or (
        Field.KEYWORDS in extended and before.keywords != merged.keywords
    ):
        raise BrokenXmp("Words of this file are in extended XMP, which is not written; use a sidecar.")


def _without_extended(embedded: Embedded, words: Words) -> Words:
    """Return the words without those that stand in extended XMP alone, and stay there."""
    if embedded.extension is None or embedded.packet is None:
        return words
    extended = read_packet(embedded.extension).fields - read_packet(embedded.packet).fields
    texts = {name: languages for name, languages in words.texts.items() if name not in extended}
    return Words(texts, () if Field.KEYWORDS in extended else words.keywords)


def _resources(data: bytes, embedded: Embedded, words: Words, *, with_iim: bool) -> tuple[bytes | None, str]:
    """Return Photoshop's resources, of JPEG or TIFF, with the words as IIM; None where they do not change."""
    if not data.startswith(_WITH_IIM_AND_EXIF):
        return None, ""
    try:
        resources: Sequence[iim.Resource] = iim.read_resources(embedded.resources or b"")
        if not with_iim and not iim.has_iim(list(resources)):
            return None, ""
        new = iim.write_resources(iim.write_words(list(resources), words))
    except iim.IimUneditable:
        return None, "The IPTC IIM was left as it is: it is broken, or in a character set that is not named."
    return (None if new == (embedded.resources or b"") else new), ""


def _require_unharmed(old: bytes, new: bytes, packet: bytes) -> None:
    container = container_of(new)
    parts = zip_longest(container.image_parts(old), container.image_parts(new))
    if not all(_equal(before, after) for before, after in parts) or container.read(new).packet != packet:
        raise DamagedFile


def _equal(one: Buffer | None, other: Buffer | None) -> bool:
    """Compare in pieces of bytes: views are compared item by item, far slower."""
    if one is None or other is None or len(one) != len(other):
        return False
    return all(bytes(one[at : at + _PIECE]) == bytes(other[at : at + _PIECE]) for at in range(0, len(one), _PIECE))
