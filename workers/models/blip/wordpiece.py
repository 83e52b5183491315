"""BLIP's tokenizer, from either of the files that checkpoints come with."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from workers.models.base import ModelUnavailable


def read_tokenizer(folder: Path) -> Tokenizer:
    """Not by way of transformers' BertTokenizer, which silently ignores its `vocab_file`. Raises ModelUnavailable."""
    whole, vocabulary = folder / "tokenizer.json", folder / "vocab.txt"
    path = whole if whole.is_file() else vocabulary
    try:
        if path is whole:
            return Tokenizer.from_file(str(whole))
        unknown = "[UNK]"
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        tokenizer = Tokenizer(models.WordPiece({word: place for place, word in enumerate(words)}, unk_token=unknown))
    # The Rust side raises Exception itself.
    except Exception as error:
        raise ModelUnavailable(f"{path} is damaged.") from error
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer
