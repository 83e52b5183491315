import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.english.labels import Label, read_labels
from workers.english.nouns import Lexicon
from workers.models.embedded.policy.label_captions import DOUBTFUL
from workers.models.embedded.policy.label_fusion import NARROW, fuse_label

LABELS = read_labels()
LEXICON = Lexicon(LABELS)
OF_NAME = {label.name: label for label in reversed(LABELS)}


def fused(sentence: str, name: str, probability: float = 0.9, confidence: float = 0.5) -> tuple[str, str]:
    fusion = fuse_label(LEXICON, sentence, confidence, OF_NAME[name], probability)
    return fusion.outcome, fusion.sentence


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("a beagle runs through the grass", "beagle"),
        ("a cat sleeps on a couch", "sofa"),
        ("a woman talks on her cell phone", "mobile phone"),
        ("two girls in swimsuits on the beach", "swimsuit"),
        ("a woman in a bathing suit", "swimsuit"),
        ("a boy kicks a football", "soccer ball"),
        ("a man plays guitar on a stage", "acoustic guitar"),
        ("a cup of coffee on a table", "cup of espresso"),
        ("a man in a cowboy hat", "cowboy hat"),
        ("a woman holding an umbrella", "umbrella"),
        ("a man walks along a beach", "seashore"),
        ("a child eats an ice lolly", "popsicle"),
        ("a mouse next to a keyboard", "computer mouse"),
        ("a man rides a bike down a hill", "mountain bike"),
        ("a motorcycle parked on the street", "moped"),
        ("a white horse in a field", "brown horse"),
        ("a pair of black men's shoes", "running shoe"),
        ("a puppy plays with a ball", "beagle"),
        ("geese on a pond", "goose"),
        ("knives on a cutting board", "meat cleaver"),
        ("a baseball player swings his bat", "person"),
    ],
)
def test_a_sentence_that_names_the_label_is_unchanged(sentence: str, name: str) -> None:
    assert fused(sentence, name, NARROW - 0.1) == ("named", sentence)
    assert fused(sentence, name, 0.99, confidence=0.01) == ("named", sentence)


@pytest.mark.parametrize(
    ("sentence", "name", "result"),
    [
        ("a dog runs on grass", "beagle", "a beagle runs on grass"),
        ("the dog looks up", "Airedale terrier", "the Airedale terrier looks up"),
        ("an elephant drinks", "African elephant", "an African elephant drinks"),
        ("a dog and a cat", "Siamese cat", "a dog and a Siamese cat"),
        ("a black and white dog is running", "Dalmatian dog", "a black and white Dalmatian dog is running"),
        ("an orange and white cat on a bed", "Persian cat", "an orange and white Persian cat on a bed"),
        ("a brown dog lies down", "golden retriever", "a brown golden retriever lies down"),
        ("a man in a black hat", "cowboy hat", "a man in a black cowboy hat"),
        ("a man plays a guitar", "electric guitar", "a man plays an electric guitar"),
        ("a red car parked on the street", "sports car", "a red sports car parked on the street"),
        ("a long-haired dog", "Afghan hound", "a long-haired Afghan hound"),
        ("a couple sits on a bench", "park bench", "a couple sits on a park bench"),
        ("a large building with a clock", "palace", "a large palace with a clock"),
        ("an animal in the grass", "llama", "a llama in the grass"),
        ("a snack on a plate", "pizza", "a pizza on a plate"),
    ],
)
def test_a_label_of_high_probability_narrows_a_wider_word(sentence: str, name: str, result: str) -> None:
    assert fused(sentence, name) == ("narrowed", result)
    assert fused(sentence, name, NARROW - 0.01) == ("named", sentence)


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("two dogs play in the snow", "beagle"),
        ("a dog chases another dog", "beagle"),
        ("a black dog and a white dog", "beagle"),
        ("a couple of dogs", "beagle"),
        ("his dog barks", "beagle"),
        ("a bowl of fruit", "pomegranate"),
        ("a brown fox in the woods", "red fox"),
        ("a man in a cap", "bottle cap"),
        ("a tennis player hits the ball", "tennis ball"),
    ],
)
def test_an_ambiguous_wider_word_is_unchanged(sentence: str, name: str) -> None:
    assert fused(sentence, name, confidence=0.9)[1] == sentence


@pytest.mark.parametrize(
    ("sentence", "name", "result"),
    [
        ("a close up of a basset", "acoustic guitar", "an acoustic guitar"),
        ("a close up of a basset on a wooden table", "acoustic guitar", "an acoustic guitar on a wooden table"),
        ("a basset hound on a white background", "teapot", "a teapot on a white background"),
        ("a basset hound in the grass", "teapot", "a teapot"),
        ("a cat lying on a bed", "beagle", "a beagle on a bed"),
        ("a cat lying on a bed", "wallaby", "a wallaby"),
        ("a bird flying over the water", "beagle", "a beagle"),
        ("a brown horse stands in the snow", "bison", "a bison in the snow"),
        ("a poodle runs through the grass", "beagle", "a beagle runs through the grass"),
        ("a polar bear swims", "brown bear", "a brown bear swims"),
        ("a violin on a table", "acoustic guitar", "an acoustic guitar on a table"),
        ("a pizza on a plate", "burrito", "a burrito on a plate"),
        ("a pile of orange in a grocery store", "lemon", "a lemon in a grocery store"),
        ("a product photo of a black t-shirt", "cardigan", "a product photo of a black cardigan"),
        ("a black men's t-shirt", "sweatshirt", "a black men's sweatshirt"),
        ("a black sweatshirt", "jeans", "black jeans"),
        ("a woman with a dog", "llama", "a woman with a llama"),
        ("something strange", "teapot", "a teapot"),
        ("", "guacamole", "guacamole"),
    ],
)
def test_a_more_probable_label_replaces_a_contradicting_sentence(sentence: str, name: str, result: str) -> None:
    assert fused(sentence, name, 0.95) == ("replaced", result)


def test_an_animal_of_lower_probability_gets_its_wider_word() -> None:
    assert fused("a cat lying on a bed", "beagle", 0.7) == ("replaced", "a dog on a bed")
    assert fused("a poodle runs through the grass", "beagle", 0.7) == ("replaced", "a dog runs through the grass")
    assert fused("a cat lying on a bed", "koala", 0.7) == ("replaced", "a koala")


@pytest.mark.parametrize(
    ("sentence", "name", "probability", "confidence"),
    [
        ("a cat lying on a bed", "beagle", 0.6, 0.8),
        ("a pizza on a plate", "burrito", 0.7, 0.8),
        # No label exists for a giraffe or a carrot.
        ("a giraffe stands in a field", "impala", 0.95, 0.6),
        ("a pile of carrots in a grocery store", "butternut squash", 0.8, 0.8),
        ("a man riding a horse", "zebra", 0.7, 0.5),
        ("a hot dog on a plate", "beagle", 0.6, 0.85),
        ("a teddy bear on a bed", "brown bear", 0.6, 0.85),
        *(("a brown box", name, 0.99, 0.01) for name in sorted(DOUBTFUL)),
        ("a brown box", "person", 0.99, 0.01),
    ],
)
def test_a_more_confident_sentence_is_kept_and_a_doubtful_label_never_replaces_it(
    sentence: str, name: str, probability: float, confidence: float
) -> None:
    outcome, result = fused(sentence, name, probability, confidence)

    assert result == sentence
    assert outcome in {"kept", "added"}


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("a man riding a wave", "swim trunks"),
        ("a tennis player swings at the ball", "racket"),
        ("a boy swings in the air", "swing"),
        ("people watch a match", "digital watch"),
        ("a kitchen with a stove", "refrigerator"),
        ("a street with a church", "bell tower"),
        ("a dog wearing a scarf", "sunglasses"),
        ("a dog in a field", "seashore"),
        ("a laptop computer sitting on a desk", "computer mouse"),
        ("a man with a bat", "hyena"),
        ("a man in a blue shirt", "chainsaw"),
    ],
)
def test_a_label_that_may_be_a_detail_is_added_to_the_tags(sentence: str, name: str) -> None:
    assert fused(sentence, name, 0.9, confidence=0.75) == ("added", sentence)


WORDS = st.sampled_from((
    "a", "an", "the", "two", "dog", "dogs", "cat", "man", "woman's", "men's", "beagle", "guitar", "hat", "couch",
    "car", "and", "of", "on", "in", "with", "close", "up", "black", "white", "orange", "golden", "pizza", "plate",
    "bird", "flies", "watch", "horse", "beach", "street", "hot", "bowl", "running", "photo", "teddy", "bear", ",",
    ".", "grass", "background",
))  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    sentence=st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60),
    confidence=st.floats(0, 1, allow_subnormal=False),
    label=st.sampled_from(LABELS),
    probability=st.floats(0.5, 1, allow_subnormal=False),
)
def test_any_fused_sentence_names_the_label_or_is_unchanged(
    sentence: str, confidence: float, label: Label, probability: float
) -> None:
    fusion = fuse_label(LEXICON, sentence, confidence, label, probability)

    assert fusion.sentence.strip()
    if fusion.outcome in {"added", "kept"}:
        assert fusion.sentence == sentence
    else:
        nouns = {mention.noun.text for mention in LEXICON.read(fusion.sentence).mentions}
        assert nouns & LEXICON.words_of(label).all
