"""Captions as token ids: the text corpus, the tokenizer, the content words, the labels' names."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from training.datasets.captioned import Row
from workers.english.labels import read_labels
from workers.models.embedded.decoder_input import BOS, EOS, PAD, UNKNOWN, WORDS_PER_LABEL
from workers.models.embedded.vision.visual_features import DETECTED_WORDS

SPECIAL_TOKENS = ["[PAD]", "[BOS]", "[EOS]", "[UNK]"]
VOCABULARY_SIZE = 7000
MAX_TOKENS = 24
# So often that each word of a label's name becomes one token.
LABEL_REPEATS = 60
STOP_WORDS = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "with", "and", "is", "are", "to", "by", "as", "it", "its", "that",
    "this", "there", "from", "up", "down", "into", "onto", "over", "under", "for", "out", "off", "while", "his",
    "her", "their", "he", "she", "they", "who", "which", "some", "two", "one", "three", "four", "several",
    "other", "another", "be", "being", "has", "have", "had", "next", "near", "very", "not", "or", "but", "all",
    "each", "what", "where", "when", "them", "him", "through", "around", "across", "along", "behind", "front",
    "top", "side", "between", "against", "was", "were", "can", "could", "during", "about", "like", "after",
    "before", "together", "away", "both", "her's", "s", "t", "u", "so", "no", "than", "then", "you", "your",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`content`: token ids of the detected words, most frequent first; `labels`: those of each label's name."""

    tokenizer: Tokenizer
    content: list[int]
    labels: list[list[int]]

    def encode(self, sentence: str) -> list[int]:
        return [BOS, *self.tokenizer.encode(normalize_caption(sentence)).ids[: MAX_TOKENS - 2], EOS]

    def decode(self, ids: Iterable[int]) -> str:
        return str(self.tokenizer.decode([i for i in ids if i not in (PAD, BOS, EOS)]))


def normalize_caption(sentence: str) -> str:
    """Lower the case, and drop punctuation but hyphens and apostrophes inside words."""
    words = re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", sentence.lower().replace("\u2019", "'"))
    return " ".join(words)


def read_sentences(source: Path, rows: Sequence[Row], *, commercial: bool) -> list[str]:
    """Return the text-only captions, for `commercial` COCO's alone, without those of the validation images."""
    with gzip.open(source / "text-only.txt.gz", "rt", encoding="utf-8") as file:
        lines = [normalize_caption(line) for line in file]
    if commercial:
        lines = lines[: _end_of_coco(lines, source)]
    held_out = {normalize_caption(caption) for row in rows if row.split == "val" for caption in row.captions}
    return [line for line in lines if line and line not in held_out]


def _end_of_coco(lines: Sequence[str], source: Path) -> int:
    """Return the first line of Flickr8k, which follows COCO."""
    flickr = {
        normalize_caption(caption)
        for line in (source / "flickr8k-train.jsonl").read_text(encoding="utf-8").splitlines()
        for caption in json.loads(line)["captions"]
    }
    is_flickr = [line in flickr for line in lines]
    return next(at for at in range(len(lines)) if sum(is_flickr[at : at + 20]) >= 15)


def build_vocabulary(path: Path, sentences: Sequence[str], rows: Sequence[Row]) -> Vocabulary:
    """Return the vocabulary; the tokenizer is trained where `path` is missing."""
    captions = [normalize_caption(caption) for row in rows if row.split == "train" for caption in row.captions]
    names = [normalize_caption(label.name) for label in read_labels()]
    if not path.exists():
        _train_tokenizer([*sentences, *captions, *names * LABEL_REPEATS], path)
    tokenizer = Tokenizer.from_file(str(path))
    return Vocabulary(tokenizer, _content_words(tokenizer, rows), [_label_tokens(tokenizer, name) for name in names])


def _train_tokenizer(texts: Sequence[str], path: Path) -> None:
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL_TOKENS[UNKNOWN]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=SPECIAL_TOKENS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


def _label_tokens(tokenizer: Tokenizer, name: str) -> list[int]:
    """Return the last tokens, which carry the meaning ("black and tan coonhound")."""
    return list(tokenizer.encode(name).ids[-WORDS_PER_LABEL:])


def _content_words(tokenizer: Tokenizer, rows: Sequence[Row]) -> list[int]:
    """Return the single-token words of most images, most frequent first."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row.split == "train":
            # Less for templates, which repeat the same words in thousands of images.
            weight = 1.0 if row.is_scene else 0.25
            words = {word for caption in row.captions for word in normalize_caption(caption).split()}
            for word in words - STOP_WORDS:
                counts[word] += weight  # type: ignore[assignment]
    tokens = (tokenizer.token_to_id(word) for word, _ in counts.most_common())
    return [token for token in tokens if token is not None][:DETECTED_WORDS]
