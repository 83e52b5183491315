"""RDF/XML of the properties that this package writes, and the values of those that it reads."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from xmp.words import DEFAULT_LANGUAGE, FORGE, PROPERTIES, Field, Form, Property, Record, Words

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
RECORDS = (FORGE, "Fields")
_CONTAINERS = {(RDF, "Alt"), (RDF, "Bag"), (RDF, "Seq")}
_ILLEGAL = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_RECORDS = 200

Name = tuple[str, str]  # namespace and local name


@dataclass(slots=True)
class Node:
    """An element of a property's value."""

    name: Name
    attributes: dict[Name, str]
    text: str = ""
    children: "list[Node]" = field(default_factory=list)


def cleaned(text: str) -> str:
    """Return a text that XML holds as it is: line feeds alone, no control characters, no halves of a pair."""
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def cleaned_words(words: Words) -> Words:
    texts = {
        name: {language: cleaned(text) for language, text in languages.items() if cleaned(text)}
        for name, languages in words.texts.items()
    }
    keywords = tuple(" ".join(cleaned(word).split()) for word in words.keywords)
    return Words({name: values for name, values in texts.items() if values}, tuple(filter(None, keywords)))


def node_texts(node: Node) -> list[tuple[str, str]]:
    """Return language and text of each item; a simple value, which some programs write, is one item."""
    lists = [child for child in node.children if child.name in _CONTAINERS]
    if not lists:
        text = _item_text(node)
        return [(DEFAULT_LANGUAGE, text)] if text else []
    items = [item for one in lists for item in one.children if item.name == (RDF, "li")]
    return [(item.attributes.get((XML, "lang"), DEFAULT_LANGUAGE), _item_text(item)) for item in items]


def _item_text(node: Node) -> str:
    """Return the text; that of rdf:value where the value has qualifiers."""
    for holder in (node, *node.children):
        for child in holder.children:
            if child.name == (RDF, "value"):
                return child.text.strip()
        if (RDF, "value") in holder.attributes:
            return holder.attributes[RDF, "value"].strip()
    return node.text.strip()


def node_records(node: Node) -> tuple[Record, ...]:
    """Return the records; one that is not as written here is left out."""
    items = [item for one in node.children for item in one.children][:_MAX_RECORDS]
    return tuple(record for item in items if (record := _record_of(item)))


def _record_of(item: Node) -> Record | None:
    values = {child.name[1]: child for child in item.children if child.name[0] == FORGE}
    texts = {name: child.text.strip() for name, child in values.items()}
    try:
        confidence = float(texts["Confidence"]) if "Confidence" in texts else None
        return Record(
            Field(texts["Field"]),
            texts.get("Language", DEFAULT_LANGUAGE),
            texts.get("Model", ""),
            texts.get("Time", ""),
            confidence,
            texts.get("Digest", ""),
            int(texts.get("Length", "0")),
            tuple(text for _, text in node_texts(values["Keywords"])) if "Keywords" in values else (),
        )
    except (KeyError, ValueError):
        return None


def property_xml(known: Property, values: Mapping[str, str] | Sequence[str]) -> str:
    tag = f"{known.prefix}:{known.name}"
    if isinstance(values, Mapping):
        if known.form is Form.TEXT:
            return f"   <{tag}>{escape(values[DEFAULT_LANGUAGE])}</{tag}>\n"
        # The default comes first: readers that know no languages take the first.
        languages = sorted(values, key=lambda language: language != DEFAULT_LANGUAGE)
        items = [f"<rdf:li xml:lang={_quoted(language)}>{escape(values[language])}</rdf:li>" for language in languages]
    else:
        items = [f"<rdf:li>{escape(value)}</rdf:li>" for value in values]
    return _list_xml(tag, known.form, items)


def records_xml(records: Iterable[Record]) -> str:
    return _list_xml("forge:Fields", "Seq", [_record_xml(record) for record in records])


def _record_xml(record: Record) -> str:
    values = {
        "Field": record.field,
        "Language": "" if record.language == DEFAULT_LANGUAGE else record.language,
        "Model": record.model,
        "Time": record.time,
        "Confidence": "" if record.confidence is None else f"{record.confidence:.3f}",
        "Digest": record.digest,
        "Length": str(record.length or ""),
    }
    members = [f"<forge:{name}>{escape(cleaned(text))}</forge:{name}>" for name, text in values.items() if text]
    if record.keywords:
        words = "".join(f"<rdf:li>{escape(word)}</rdf:li>" for word in record.keywords)
        members.append(f"<forge:Keywords><rdf:Bag>{words}</rdf:Bag></forge:Keywords>")
    return f'<rdf:li rdf:parseType="Resource">{"".join(members)}</rdf:li>'


def _list_xml(tag: str, form: str, items: Iterable[str]) -> str:
    lines = "".join(f"     {item}\n" for item in items)
    return f"   <{tag}>\n    <rdf:{form}>\n{lines}    </rdf:{form}>\n   </{tag}>\n"


def namespaces() -> dict[str, str]:
    """Return the namespaces of all that is written, by prefix."""
    return {"rdf": RDF, "forge": FORGE} | {known.prefix: known.namespace for known in PROPERTIES.values()}


def _quoted(text: str) -> str:
    return f'"{escape(text, {chr(34): "&quot;"})}"'
