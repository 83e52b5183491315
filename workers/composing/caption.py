"""The caption, for readers who see the image."""

from workers.composing.noun_phrase import with_background
from workers.english.grammar import as_sentence
from workers.imaging.image_facts import ImageFacts


def compose_caption(phrase: str, facts: ImageFacts) -> str:
    """Return one sentence, in AP style."""
    return as_sentence(with_background(phrase, facts) if phrase else facts.scene_phrase_with_article)
