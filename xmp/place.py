"""Names of the place that a file gives: XMP and IPTC IIM."""

from xml.etree import ElementTree as ET

from xmp import iim
from xmp.containers import container_of
from xmp.packet import trimmed
from xmp.scanner import scan
from xmp.words import IPTC_CORE, PHOTOSHOP

# From the narrowest to the widest.
_NAMES = (
    f"{{{IPTC_CORE}}}Location",
    f"{{{PHOTOSHOP}}}City",
    f"{{{PHOTOSHOP}}}State",
    f"{{{PHOTOSHOP}}}Country",
)


def read_place(data: bytes) -> str:
    """Return the place as "Old Town, Bern, Switzerland"; "" without one. Raises XmpError."""
    embedded = container_of(data).read(data)
    names = _in_packet(trimmed(embedded.packet)) if embedded.packet else []
    if not any(names) and embedded.resources:
        try:
            names = iim.read_place(iim.read_resources(embedded.resources))
        except iim.IimUneditable:
            names = []
    return ", ".join(dict.fromkeys(filter(None, names)))


def _in_packet(packet: bytes) -> list[str]:
    scan(packet)  # refuses document types, whose entities could expand without bound
    found: dict[str, str] = {}
    for element in ET.fromstring(packet).iter():  # noqa: S314 (scanned above)
        found |= {name: value for name, value in element.attrib.items() if name in _NAMES}
        if element.tag in _NAMES:
            found[element.tag] = element.text or ""
    return [found.get(name, "").strip() for name in _NAMES]
