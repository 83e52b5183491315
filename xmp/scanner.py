"""Scan an XMP packet: where each property of interest is, in bytes, and what it holds.

expat is given the bytes as they are and reports byte offsets, so that an edit splices the packet and leaves the rest
alone. A document type is refused: entities could expand without bound.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from xml.parsers import expat

from xmp.errors import BrokenXmp
from xmp.markup import RDF, RECORDS, XML, Name, Node
from xmp.words import FIELD_OF

MAX_BYTES = 2**24
_MAX_DEPTH = 60
_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")


@dataclass(slots=True)
class Description:
    """An rdf:Description: offsets of its start tag and its whole, and how many properties it has in each form."""

    start: int
    tag_end: int
    end: int = 0
    attributes: list[tuple[Name, str, str]] = field(default_factory=list)  # name, name as written, value
    elements: int = 0


@dataclass(slots=True)
class Found:
    """A property of interest: its element from `start` to `end`, or an attribute of that `raw` name."""

    name: Name
    owner: Description
    node: Node
    start: int = 0
    end: int = 0
    raw: str = ""


@dataclass(slots=True)
class Scan:
    """`rdf`: offsets of the start tag of rdf:RDF, behind it, and of its end tag; `names`: every property by name."""

    rdf: tuple[int, int, int] | None = None
    rdf_raw: str = "rdf:RDF"
    rdf_is_empty: bool = False
    about: str = ""
    descriptions: list[Description] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    names: Counter[Name] = field(default_factory=Counter)


def scan(packet: bytes) -> Scan:
    """Scan a packet in UTF-8. Raises BrokenXmp for one that is not well-formed, has a document type or no rdf:RDF."""
    if len(packet) > MAX_BYTES:
        raise BrokenXmp
    scanner = _Scanner(packet)
    try:
        scanner.parser.Parse(packet, True)
    except expat.ExpatError as error:
        raise BrokenXmp from error
    if scanner.result.rdf is None:
        raise BrokenXmp
    return scanner.result


class _Scanner:
    def __init__(self, packet: bytes) -> None:
        self.packet, self.result = packet, Scan()
        self.depth = self.rdf_depth = 0
        self.nodes: list[Node] = []  # of the property that is being read
        self.tags: list[tuple[int, bool]] = []  # start and emptiness of each open element
        self.parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _refuse(self, *_declaration: object) -> None:
        raise BrokenXmp

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        at, parsed, raw = self.parser.CurrentByteIndex, _name(name), _raw(name)
        tag = _TAG.match(self.packet, at)
        if tag is None or self.depth > _MAX_DEPTH:
            raise BrokenXmp
        self.depth += 1
        self.tags.append((at, bool(tag[1])))
        if self.nodes:
            self._descend(Node(parsed, {_name(key): value for key, value in attributes.items()}))
        elif parsed == (RDF, "RDF") and self.result.rdf is None:
            self.rdf_depth, self.result.rdf_raw, self.result.rdf_is_empty = self.depth, raw, bool(tag[1])
            self.result.rdf = (at, tag.end(), tag.end())
        elif self.rdf_depth and self.depth == self.rdf_depth + 1:
            self._start_description(at, tag.end(), attributes)
        elif self.rdf_depth and self.depth == self.rdf_depth + 2:
            self._start_property(parsed, attributes)

    def _start_description(self, at: int, tag_end: int, attributes: dict[str, str]) -> None:
        description = Description(at, tag_end)
        for key, value in attributes.items():
            name = _name(key)
            if name[0] == RDF:
                self.result.about = self.result.about or (value if name[1] == "about" else "")
            elif name[0] not in {XML, ""}:
                description.attributes.append((name, _raw(key), value))
                self._property(Found(name, description, Node(name, {}, value), raw=_raw(key)))
        self.result.descriptions.append(description)

    def _start_property(self, name: Name, attributes: dict[str, str]) -> None:
        owner = self.result.descriptions[-1]
        owner.elements += 1
        self.nodes.append(Node(name, {_name(key): value for key, value in attributes.items()}))

    def _descend(self, node: Node) -> None:
        self.nodes[-1].children.append(node)
        self.nodes.append(node)

    def _text(self, text: str) -> None:
        if self.nodes:
            self.nodes[-1].text += text

    def _end(self, name: str) -> None:
        start, is_empty = self.tags.pop()
        at = self.parser.CurrentByteIndex
        if is_empty:
            match = _TAG.match(self.packet, start)
            end = match.end() if match else at
        else:
            end = self.packet.index(b">", at) + 1
        if self.nodes:
            node = self.nodes.pop()
            if not self.nodes:
                self._property(Found(node.name, self.result.descriptions[-1], node, start, end))
        elif self.rdf_depth and self.depth == self.rdf_depth + 1:
            self.result.descriptions[-1].end = end
        elif self.depth == self.rdf_depth and self.result.rdf:
            self.result.rdf, self.rdf_depth = (*self.result.rdf[:2], start if is_empty else at), 0
        self.depth -= 1

    def _property(self, found: Found) -> None:
        self.result.names[found.name] += 1
        if found.name in FIELD_OF or found.name == RECORDS:
            self.result.found.append(found)


def _name(name: str) -> Name:
    namespace, _, local = name.rpartition(" ") if name.count(" ") < 2 else name.rpartition(" ")[0].rpartition(" ")
    return namespace, local


def _raw(name: str) -> str:
    """Return the name as it is written, with its prefix."""
    parts = name.split(" ")
    return f"{parts[2]}:{parts[1]}" if len(parts) == 3 else parts[-1]
