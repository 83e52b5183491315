"""Merge new words with those in a file: what a person wrote is kept unless it is replaced on purpose."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from xmp.camera_text import is_camera_text
from xmp.words import DEFAULT_LANGUAGE, PROPERTIES, Field, Form, Provenance, Record, Words, text_digest


class OnExisting(StrEnum):
    """What happens to a field in which a person wrote; a field with a model's words alone is always replaced."""

    KEEP = "keep"
    APPEND = "append"
    REPLACE = "replace"


Policy = Mapping[Field, OnExisting]
# Keywords are a set: those of the model join those of a person.
DEFAULT_POLICY: Policy = {
    name: OnExisting.APPEND if known.form is Form.BAG else OnExisting.KEEP for name, known in PROPERTIES.items()
}


def merge(
    existing: Words, records: Sequence[Record], new: Words, provenance: Provenance, policy: Policy = DEFAULT_POLICY
) -> tuple[Words, tuple[Record, ...]]:
    """Return the words that the file shall have, and the records of those that a model wrote."""
    known = {(record.field, record.language): record for record in records}
    texts, kept = {name: dict(languages) for name, languages in existing.texts.items()}, list[Record]()
    for name in dict.fromkeys([*texts, *new.texts]):
        before, given = texts.get(name, {}), new.texts.get(name, {})
        merged = _text_merged(name, before, given, known, _choice(policy, name))
        if merged:
            texts[name] = merged
        written = {language: text for language, text in given.items() if merged.get(language) != before.get(language)}
        if name not in provenance.persons:
            kept += [_record(provenance, name, language, text) for language, text in written.items()]
        kept += [
            known[name, language]
            for language, text in merged.items()
            if language not in written and _machine_part((name, language), text, known)
        ]
    keywords, added = _keywords_merged(existing, new, known, policy)
    kept += added if isinstance(added, list) else _keyword_records(known, provenance, added)
    return Words(texts, keywords), tuple(kept)


def _choice(policy: Policy, name: Field) -> OnExisting:
    return policy.get(name, DEFAULT_POLICY[name])


def _text_merged(
    name: Field,
    before: Mapping[str, str],
    given: Mapping[str, str],
    known: Mapping[tuple[Field, str], Record],
    choice: OnExisting,
) -> dict[str, str]:
    persons = {language: _person_part((name, language), text, known) for language, text in before.items()}
    if not given or (choice is OnExisting.KEEP and any(part.strip() for part in persons.values())):
        return dict(before)
    merged = dict(before)
    for language, text in given.items():
        person = persons.get(language, "") if choice is OnExisting.APPEND else ""
        merged[language] = _joined(person.rstrip(), text)
    return merged


def _joined(person: str, text: str) -> str:
    if not person:
        return text
    if text in person:
        return person
    return f"{person}{'' if person.endswith(('.', '!', '?', '…')) else '.'} {text}"


def _machine_part(key: tuple[Field, str], text: str, known: Mapping[tuple[Field, str], Record]) -> str:
    """Return the end of a text that a model wrote and nobody changed."""
    record = known.get(key)
    if record is None or not record.length or len(text) < record.length:
        return ""
    end = text[-record.length :]
    return end if text_digest(end) == record.digest else ""


def _person_part(key: tuple[Field, str], text: str, known: Mapping[tuple[Field, str], Record]) -> str:
    if is_camera_text(text):
        return ""
    machine = _machine_part(key, text, known)
    return text[: len(text) - len(machine)]


def _record(provenance: Provenance, name: Field, language: str, text: str) -> Record:
    confidence = provenance.confidence.get(name)
    return Record(
        name, language, provenance.model, provenance.time, confidence, digest=text_digest(text), length=len(text)
    )


def _keywords_merged(
    existing: Words, new: Words, known: Mapping[tuple[Field, str], Record], policy: Policy
) -> tuple[tuple[str, ...], list[Record] | tuple[str, ...]]:
    """Return the keywords, and those of them that the model added; the old record where nothing changes."""
    record, choice = known.get((Field.KEYWORDS, DEFAULT_LANGUAGE)), _choice(policy, Field.KEYWORDS)
    of_model = {_folded(word) for word in (record.keywords if record else ())}
    persons = [word for word in existing.keywords if _folded(word) not in of_model]
    if not new.keywords or (persons and choice is OnExisting.KEEP):
        return existing.keywords, [record] if record else []
    merged = _distinct(new.keywords if choice is OnExisting.REPLACE else [*persons, *new.keywords])
    if merged == existing.keywords:
        return merged, [record] if record else []
    taken = set() if choice is OnExisting.REPLACE else {_folded(word) for word in persons}
    return merged, tuple(word for word in merged if _folded(word) not in taken)


def _keyword_records(
    known: Mapping[tuple[Field, str], Record], provenance: Provenance, added: tuple[str, ...]
) -> list[Record]:
    confidence = provenance.confidence.get(Field.KEYWORDS)
    record = Record(Field.KEYWORDS, DEFAULT_LANGUAGE, provenance.model, provenance.time, confidence, keywords=added)
    return [record] if added and Field.KEYWORDS not in provenance.persons else []


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    first = dict[str, str]()
    for word in words:
        if word.strip():
            first.setdefault(_folded(word), word)
    return tuple(first.values())


def _folded(word: str) -> str:
    return " ".join(word.split()).casefold()
