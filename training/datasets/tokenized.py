"""Captions to token ids: the sentences to learn from, the tokenizer, the content words, the labels' names."""

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
from workers.models.embedded.decoder_input import BOS, EOS, LABEL_WORDS, PAD, UNKNOWN
from workers.models.embedded.vision.visual_features import DETECTED_WORDS

SPECIAL = ["[PAD]", "[BOS]", "[EOS]", "[UNK]"]
VOCABULARY = 7000
LONGEST = 24
# Often enough that each word of a label's name becomes one token.
LABEL_REPEATS = 60
STOP = frozenset((
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
    """`content` holds the token ids of the detected words, best known first; `labels` those of each label's name."""

    tokenizer: Tokenizer
    content: list[int]
    labels: list[list[int]]

    def ids(self, sentence: str) -> list[int]:
        return [BOS, *self.tokenizer.encode(clean(sentence)).ids[: LONGEST - 2], EOS]

    def text(self, ids: Iterable[int]) -> str:
        return str(self.tokenizer.decode([i for i in ids if i not in (PAD, BOS, EOS)]))


def clean(sentence: str) -> str:
    """Lower case, no punctuation but hyphens and apostrophes inside words."""
    words = re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", sentence.lower().replace("\u2019", "'"))
    return " ".join(words)


def read_sentences(source: Path, rows: Sequence[Row], *, commercial: bool) -> list[str]:
    """The text-only captions, less those of the validation pictures; where asked, COCO's alone."""
    with gzip.open(source / "text-only.txt.gz", "rt", encoding="utf-8") as file:
        lines = [clean(line) for line in file]
    if commercial:
        lines = lines[: _end_of_coco(lines, source)]
    hidden = {clean(caption) for row in rows if row.split == "val" for caption in row.captions}
    return [line for line in lines if line and line not in hidden]


def _end_of_coco(lines: Sequence[str], source: Path) -> int:
    """The file has COCO's captions first, then Flickr8k's, then Flickr30k's: where the second begins."""
    flickr = {
        clean(caption)
        for line in (source / "flickr8k-train.jsonl").read_text(encoding="utf-8").splitlines()
        for caption in json.loads(line)["captions"]
    }
    found = [line in flickr for line in lines]
    return next(at for at in range(len(lines)) if sum(found[at : at + 20]) >= 15)


def make_vocabulary(path: Path, sentences: Sequence[str], rows: Sequence[Row]) -> Vocabulary:
    captions = [clean(caption) for row in rows if row.split == "train" for caption in row.captions]
    names = [clean(label.name) for label in read_labels()]
    if not path.exists():
        _train([*sentences, *captions, *names * LABEL_REPEATS], path)
    tokenizer = Tokenizer.from_file(str(path))
    return Vocabulary(tokenizer, _content(tokenizer, rows), [_name(tokenizer, name) for name in names])


def _train(texts: Sequence[str], path: Path) -> None:
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


def _name(tokenizer: Tokenizer, name: str) -> list[int]:
    """The last words carry the meaning ("black and tan coonhound")."""
    return list(tokenizer.encode(name).ids[-LABEL_WORDS:])


def _content(tokenizer: Tokenizer, rows: Sequence[Row]) -> list[int]:
    """By how many pictures a word belongs to; only words that are one token."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row.split == "train":
            # A template's word is not worth more for being repeated in thousands of pictures.
            share = 1.0 if row.is_scene else 0.25
            for word in {word for caption in row.captions for word in clean(caption).split()} - STOP:
                counts[word] += share  # type: ignore[assignment]
    known = [(word, tokenizer.token_to_id(word)) for word, _ in counts.most_common()]
    return [token for _, token in known if token is not None][:DETECTED_WORDS]
