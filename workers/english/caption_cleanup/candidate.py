"""Clean a decoder's candidates before ranking."""

from workers.english.caption_cleanup.artifacts import SPECIAL_TOKENS_AND_WORD_PIECES
from workers.english.caption_cleanup.image_phrases import has_content_besides_photo, strip_photo_phrases
from workers.english.caption_cleanup.repetition import collapse_repetitions, truncate_at_loop
from workers.english.grammar import normalize_text, strip_dangling_words


def clean_candidate(text: str, prompt: str = "") -> str:
    """Strip prompt echo, loops and "a picture of"; return lower case, "" without content."""
    text = normalize_text(SPECIAL_TOKENS_AND_WORD_PIECES.sub(" ", text)).lower().rstrip(" .,;:!?-")
    before = None
    while text != before:
        before = text
        text = strip_photo_phrases(_strip_prompt(text, prompt.lower().strip()))
        text = truncate_at_loop(collapse_repetitions(text))
        text = strip_dangling_words(text.split()) if text else ""
    return text if has_content_besides_photo(text) else ""


def _strip_prompt(text: str, prompt: str) -> str:
    if prompt and (text == prompt or text.startswith(f"{prompt} ")):
        return text[len(prompt) :].lstrip(" ,:")
    return text
