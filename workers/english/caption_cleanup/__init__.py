"""Clean the output of captioning models.

`clean_caption` turns any model's caption into a phrase for the metadata. `clean_candidate` cleans one of a decoder's
candidates before they are ranked.
"""

from workers.english.caption_cleanup.candidate import clean_candidate
from workers.english.caption_cleanup.caption import LIMIT, clean_caption
from workers.english.caption_cleanup.content import content_similarity
from workers.english.caption_cleanup.image_phrases import has_content
from workers.english.caption_cleanup.repetition import collapse_repetitions

__all__ = ["LIMIT", "clean_candidate", "clean_caption", "collapse_repetitions", "content_similarity", "has_content"]
