"""Zero-shot evidence, by embeddings that are chosen, so that the right answer is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.workers.images import solid
from tests.workers.models.clip.fake_encoder import FakeClip, image_of
from workers.models.clip.evidence_prompts import HEADS, ClassPrompt, read_evidence_prompts
from workers.models.clip.noun_evidence import MAX_NOUNS, noun_head
from workers.models.clip.tagger import ClipTagger
from workers.models.clip.vocabulary import Term, read_vocabulary
from workers.models.evidence import KINDS, PEOPLE, Evidence, NounEvidence

TERMS = read_vocabulary()
PROMPTS = read_evidence_prompts()
PROMPT_OF = {term.text: term.prompt for term in TERMS}


def of_class(head: str, name: str, weight: float = 0.1) -> dict[str, float]:
    return {row.prompt: weight for row in PROMPTS if (row.head, row.name) == (head, name)}


def of_terms(weight: float, *texts: str) -> dict[str, float]:
    return {PROMPT_OF[text]: weight for text in texts}


def evidence_of(content: Mapping[str, float], terms: Sequence[Term] | None = None) -> Evidence:
    tagger = ClipTagger(FakeClip({7: content}), terms=terms)
    tagger.load()
    return tagger.evidence([image_of(7)])[0]


def named(evidence: Evidence) -> dict[str, NounEvidence]:
    return {noun.noun: noun for noun in evidence.nouns}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_whose_prompts_the_image_resembles_is_the_most_probable(kind: str) -> None:
    kinds = evidence_of(of_class("kind", kind), TERMS[:1]).kinds
    assert KINDS[int(np.argmax(kinds))] == kind
    assert max(kinds) > 0.9


@pytest.mark.parametrize("number", PEOPLE)
def test_the_number_of_people_whose_prompts_the_image_resembles_is_the_most_probable(number: int) -> None:
    people = evidence_of(of_class("people", str(number)), TERMS[:1]).people
    assert PEOPLE[int(np.argmax(people))] == number


def test_text_follows_from_its_prompts_and_from_written_kinds() -> None:
    without, with_text = (evidence_of(of_class("text", name), TERMS[:1]).text for name in ("without", "with"))
    assert without < 0.1 < 0.9 < with_text
    assert evidence_of(of_class("kind", "poster", 0.2) | of_class("text", "without", 0.05), TERMS[:1]).text > 0.9


def test_a_beagle_is_a_dog_and_an_animal() -> None:
    found = evidence_of(of_terms(0.25, "beagle"))
    assert found.nouns[0].noun == "beagle"
    nouns = named(found)
    assert nouns["beagle"].main > 0.5
    assert nouns["beagle"].main <= nouns["dog"].main <= nouns["animal"].main
    assert all(0.9 < nouns[noun].present <= 1 for noun in ("beagle", "dog", "animal"))


def test_a_dog_of_an_unsure_breed_is_surely_a_dog() -> None:
    nouns = named(evidence_of(of_terms(0.25, "beagle", "pug", "corgi", "poodle", "dalmatian")))
    assert max(nouns[breed].main for breed in ("beagle", "pug", "corgi", "poodle", "dalmatian")) < 0.7
    assert nouns["dog"].main > 0.95


def test_two_things_are_both_present_and_share_the_main_probability() -> None:
    nouns = named(evidence_of(of_terms(0.25, "kettle", "lantern")))
    for noun in ("kettle", "lantern"):
        assert 0.35 < nouns[noun].main < 0.65
        assert nouns[noun].present > 0.9


def test_an_image_like_no_term_has_no_sure_noun() -> None:
    nouns = evidence_of({"something else": 0.25}).nouns
    assert max((noun.main for noun in nouns), default=0.0) < 0.2
    assert max((noun.present for noun in nouns), default=0.0) < 0.6


def test_nouns_are_things_in_the_singular_and_limited() -> None:
    nouns = set(noun_head(TERMS).nouns)
    assert {"coin", "jeans", "sock", "person", "cyclist", "bird", "animal", "vehicle", "food"} <= nouns
    assert nouns.isdisjoint(("coins", "jean", "red", "wood", "running", "portrait", "red hair", "crossed arms", ""))
    many = evidence_of(of_terms(0.25, *(term.text for term in TERMS[:60])))
    assert len(many.nouns) == MAX_NOUNS
    assert list(many.nouns) == sorted(many.nouns, key=lambda noun: (-noun.main, -noun.present))


def test_probabilities_are_in_range_and_sum_to_one() -> None:
    found = evidence_of(of_terms(0.2, "beagle") | of_class("kind", "chart", 0.03))
    assert (len(found.kinds), len(found.people)) == (len(KINDS), len(PEOPLE))
    assert sum(found.kinds) == pytest.approx(1.0)
    assert sum(found.people) == pytest.approx(1.0)
    assert 0 <= found.text <= 1
    assert all(0 <= noun.main <= noun.present <= 1 for noun in found.nouns)


def test_a_blank_image_is_a_pattern_without_nouns() -> None:
    tagger = ClipTagger(FakeClip({255: of_terms(0.25, "beagle")}), terms=TERMS)
    tagger.load()
    [blank] = tagger.evidence([solid("white")])
    assert blank == Evidence(tuple(float(kind == "pattern") for kind in KINDS), (1.0, 0.0, 0.0, 0.0))


def test_without_terms_for_things_there_are_no_nouns() -> None:
    red = [term for term in TERMS if term.text == "red"]
    assert evidence_of(of_terms(0.25, "red"), red).nouns == ()


def test_tags_and_evidence_encode_the_batch_once() -> None:
    clip = FakeClip({7: of_terms(0.25, "beagle")})
    tagger = ClipTagger(clip, terms=TERMS[::20])
    tagger.load()
    batch = [image_of(7)]
    tagger.predict(batch)
    tagger.evidence(batch)
    assert clip.encoded == [1]


def test_every_class_has_several_different_prompts() -> None:
    for head, names in HEADS.items():
        texts = [row.prompt for row in PROMPTS if row.head == head]
        assert len(texts) == len(set(texts)), head
        assert all(sum((row.head, row.name) == (head, name) for row in PROMPTS) >= 5 for name in names)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda rows: [row for row in rows if "\tlogo\t" not in row], "class 'logo' of head 'kind' has no prompts"),
        (lambda rows: [*rows, "kind\tlogotype\ta logo"], "class 'logotype' of head 'kind' is unknown"),
    ],
)
def test_an_incomplete_file_of_prompts_is_refused(changed: object, message: str, tmp_path: Path) -> None:
    rows = ["head\tclass\tprompt", *(f"{row.head}\t{row.name}\t{row.prompt}" for row in PROMPTS)]
    path = tmp_path / "prompts.tsv"
    path.write_text("\n".join(changed(rows)))  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        read_evidence_prompts(path)


def test_other_prompts_have_other_embeddings_and_another_revision(tmp_path: Path) -> None:
    others: list[Sequence[ClassPrompt]] = [
        PROMPTS,
        [replace(PROMPTS[0], prompt="a photo of a staged thing"), *PROMPTS[1:]],
        [*PROMPTS[1:], PROMPTS[0]],
    ]
    revisions = []
    for prompts in others:
        tagger = ClipTagger(FakeClip({}), cache=tmp_path, terms=TERMS[::20], prompts=prompts)
        tagger.load()
        revisions.append(tagger.revision)
    assert len(set(revisions)) == 3
    # The vocabulary's, which stays, and one for each set of prompts.
    assert len(list(tmp_path.iterdir())) == 4
