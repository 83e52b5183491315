"""Clean the output of captioning models.

`clean_candidate` runs before candidates are ranked, `clean_caption` before metadata is composed.
"""

from workers.english.caption_cleanup.candidate import clean_candidate
from workers.english.caption_cleanup.caption import LIMIT, clean_caption
from workers.english.caption_cleanup.content import content_similarity
from workers.english.caption_cleanup.image_phrases import has_content
from workers.english.caption_cleanup.repetition import collapse_repetitions

__all__ = ["LIMIT", "clean_candidate", "clean_caption", "collapse_repetitions", "content_similarity", "has_content"]
