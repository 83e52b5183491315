"""Model output that is no caption: markup, special tokens, watermarks, dialogue, refusals."""

import re

_SPECIAL_TOKENS = r"cls|sep|pad|unk|mask|dec|enc|unused\d+"
# "##ing": a word piece without its first half.
SPECIAL_TOKENS_AND_WORD_PIECES = re.compile(rf"\[(?:{_SPECIAL_TOKENS})\]|##\w*", re.IGNORECASE)
MARKUP = re.compile(
    r"<(script|style)\b.*?</\1>|<\|[^|<>]{0,40}\|>|</?[a-z!][^<>]{0,200}>|<(?:unk|s|pad|mask)>"
    rf"|\[/?(?:{_SPECIAL_TOKENS}|inst)\]"
    r"|https?://\S+|\bwww\.\S+|\S+@\S+\.\w+|\b\S+\.(?:jpe?g|png|gif|webp|bmp|tiff?|heic|com|net|org)\b",
    re.IGNORECASE,
)
WATERMARK = re.compile(
    r"[\s(\[,|-]*(?:(?:with|and|by|from|via|photo|picture|image|credit|courtesy|stock|royalty[- ]free|licen[cs]ed?"
    r"|a|the|of)\W+)*"
    r"(?:©|(?:getty(?:\s?images)?|shutterstock|alamy|i\s?stock\s?photo|i\s?stock|dreamstime|depositphotos|123rf"
    r"|adobe\s?stock|fotolia|pinterest|instagram|flickr|wikimedia|wikipedia|unsplash|watermark\w*|copyright\w*"
    r"|all rights reserved|royalty[- ]free|stock (?:photo|image|footage|illustration|vector)\w*"
    r"|photo (?:by|credit|courtesy)|picture by|image by|clip\s?art|free download)\b).*$",
    re.IGNORECASE,
)
DIALOGUE = re.compile(
    r"^.{0,300}?\b(?:answer|assistant|output|response)\s*:\s*"
    r"|^(?:caption|answer|assistant|description|alt(?: text)?|title)\s*[:=-]\s*"
    r"|^(?:question|user|human|prompt|instruction)\s*:.*$"
    r"|^(?:describe|caption) (?:this|the) (?:image|picture|photo)\b\W*",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"^(?:i['\u2019]?m sorry|i am sorry|sorry|as an ai|i (?:can ?not|can['\u2019]?t|don['\u2019]?t|do not"
    r"|am unable|am not)"
    r"|unable to|there is no|no (?:caption|description|image)|not (?:available|sure)|error\b|lorem ipsum"
    r"|(?:n/?a|none|null|nan|undefined|unknown|untitled|test|nothing)\W*$"
    # BLIP's non-word "araffe" as the only noun.
    r"|(?:an?\s+)?araf+\w*\s+(?:of|in|on|at|with|is|and|next|near|\w+ing)\b)",
    re.IGNORECASE,
)
NUMBERING = re.compile(r"^(?:\d{1,2}[.)]|[-*•>])\s+")
