"""XMP packets: read words, and splice new ones in; every other byte stays."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from xmp.errors import BrokenXmp
from xmp.markup import RDF, RECORDS, namespaces, node_records, node_texts, property_xml, records_xml
from xmp.scanner import Description, Found, Scan, scan
from xmp.words import FIELD_OF, PROPERTIES, Field, Form, Record, Words

_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_EMPTY = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Image Forge">
 <rdf:RDF xmlns:rdf="{RDF}">
 </rdf:RDF>
</x:xmpmeta>
"""
EMPTY_PACKET = f'{_HEAD}{_EMPTY}<?xpacket end="w"?>'.encode()
EMPTY_SIDECAR = f'{_HEAD}{_EMPTY}<?xpacket end="w"?>\n'.encode()
_PADDING = re.compile(rb"[ \t\r\n]*(?=<\?xpacket end=)")
_KEPT_PADDING = 100  # fewer spaces are formatting, not room for edits

Value = Mapping[str, str] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PacketWords:
    """`fields`: those that the packet has, with words or without."""

    words: Words
    records: tuple[Record, ...]
    fields: frozenset[Field]


def read_packet(packet: bytes) -> PacketWords:
    """Return the words. Raises BrokenXmp."""
    found = scan(trimmed(packet))
    texts, keywords, records = dict[Field, dict[str, str]](), list[str](), tuple[Record, ...]()
    fields = set[Field]()
    for one in found.found:
        if one.name == RECORDS:
            records = records or node_records(one.node)
            continue
        name = FIELD_OF[one.name]
        fields.add(name)
        if PROPERTIES[name].form is Form.BAG:
            keywords += [text for _, text in node_texts(one.node) if text]
        elif languages := {language: text for language, text in node_texts(one.node) if text}:
            texts.setdefault(name, languages)
    return PacketWords(Words(texts, tuple(keywords)), records, frozenset(fields))


def write_packet(packet: bytes | None, words: Words, records: Iterable[Record]) -> bytes:
    """Return the packet with exactly these words in our fields; those that do not change stay as they are written.

    The length stays where the packet has padding. Raises BrokenXmp where the packet cannot be edited.
    """
    old = trimmed(packet) if packet else EMPTY_PACKET
    result, before = scan(old), read_packet(old)
    changed = {name for name in Field if _value(words, name) != _value(before.words, name)}
    records = tuple(records)
    is_recorded = set(records) == set(before.records)  # in any order
    removed = [one for one in result.found if _is_removed(one, changed, is_recorded)]
    markup = "".join(
        property_xml(PROPERTIES[name], value) for name in Field if name in changed and (value := _value(words, name))
    )
    if records and not is_recorded:
        markup += records_xml(records)
    if not markup and not removed:
        return packet or old
    new = _repadded(_spliced(old, result, removed, markup), len(old))
    _require_unharmed(result, new, words)
    return new


def trimmed(packet: bytes) -> bytes:
    return packet.rstrip(b"\0")


def _value(words: Words, name: Field) -> Value:
    return words.keywords if PROPERTIES[name].form is Form.BAG else words.texts.get(name, {})


def _is_removed(found: Found, changed: set[Field], is_recorded: bool) -> bool:
    return not is_recorded if found.name == RECORDS else FIELD_OF[found.name] in changed


def _spliced(old: bytes, result: Scan, removed: list[Found], markup: str) -> bytes:
    """Cut properties out and insert a new rdf:Description at the end of rdf:RDF."""
    assert result.rdf is not None
    edits = [*_cuts(old, removed)]
    start, tag_end, end = result.rdf
    description = _description(result, markup) if markup else b""
    if result.rdf_is_empty:
        opened = old[start:tag_end].rstrip(b">").rstrip(b"/").rstrip() + b">"
        edits.append((start, tag_end, opened + description + f"</{result.rdf_raw}>".encode()))
    else:
        line = old.rfind(b"\n", 0, end) + 1
        at = line if not old[line:end].strip() and line >= tag_end else end
        edits.append((at, at, description))
    new, at = list[bytes](), 0
    for cut_start, cut_end, insert in sorted(edits, key=lambda edit: edit[:2]):
        new += [old[at:cut_start], insert]
        at = cut_end
    return b"".join([*new, old[at:]])


def _cuts(old: bytes, removed: list[Found]) -> Iterable[tuple[int, int, bytes]]:
    """Yield what is cut out: elements, attributes, and descriptions of which nothing is left."""
    owners = {id(one.owner): one.owner for one in removed}
    for key, owner in owners.items():
        own = [one for one in removed if id(one.owner) == key]
        elements = [one for one in own if not one.raw]
        raws = {one.raw for one in own if one.raw}
        left = {raw for _, raw, _ in owner.attributes} - raws
        if len(elements) == owner.elements and not left and b"<!--" not in old[owner.start : owner.end]:
            yield _with_indent(old, owner.start), owner.end, b""
            continue
        for one in elements:
            yield _with_indent(old, one.start), one.end, b""
        if raws:
            yield owner.start, owner.tag_end, _without_attributes(old, owner, raws)


def _with_indent(old: bytes, start: int) -> int:
    """Return the start of the blank lines and spaces before an element."""
    return len(old[:start].rstrip(b" \t\r\n"))


def _without_attributes(old: bytes, owner: Description, raws: set[str]) -> bytes:
    tag = old[owner.start : owner.tag_end]
    names = b"|".join(re.escape(raw.encode()) for raw in sorted(raws))
    attribute = re.compile(rb"\s+([^\s=]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
    named = re.compile(names)
    return attribute.sub(lambda match: b"" if named.fullmatch(match[1]) else match[0], tag)


def _description(result: Scan, markup: str) -> bytes:
    used = {prefix: uri for prefix, uri in namespaces().items() if f"<{prefix}:" in markup or prefix == "rdf"}
    # With the prefix declared here, it may have another meaning around.
    declared = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in used.items())
    about = escape(result.about, {'"': "&quot;"})
    return f'  <rdf:Description rdf:about="{about}"{declared}>\n{markup}  </rdf:Description>\n'.encode()


def _repadded(new: bytes, length: int) -> bytes:
    """Take growth out of the padding, and put back what was cut, so that the length stays."""
    match = _PADDING.search(new)
    if match is None or len(match[0]) < _KEPT_PADDING:
        return new
    spaces = max(_KEPT_PADDING // 2, len(match[0]) - (len(new) - length))
    kept = match[0][:spaces] if spaces <= len(match[0]) else match[0] + b" " * (spaces - len(match[0]))
    return new[: match.start()] + kept + new[match.end() :]


def _require_unharmed(before: Scan, new: bytes, words: Words) -> None:
    """Read the edited packet: it must have these words, and each other property as often as before."""
    after = scan(new)
    ours = {*FIELD_OF, RECORDS}
    others = [{name: count for name, count in one.names.items() if name not in ours} for one in (before, after)]
    read = read_packet(new).words
    if others[0] != others[1] or any(_value(read, name) != _value(words, name) for name in Field):
        raise BrokenXmp("The XMP in the file could not be edited safely and was left as it is; use a sidecar.")
