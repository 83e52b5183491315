"""BLIP's WordPiece tokenizer."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from workers.models.base import ModelUnavailable


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json`, else `vocab.txt`, which transformers' BertTokenizer silently ignores.

    Raises ModelUnavailable.
    """
    complete, vocabulary = folder / "tokenizer.json", folder / "vocab.txt"
    path = complete if complete.is_file() else vocabulary
    try:
        if path is complete:
            return Tokenizer.from_file(str(complete))
        unknown = "[UNK]"
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        tokenizer = Tokenizer(models.WordPiece({word: place for place, word in enumerate(words)}, unk_token=unknown))
    # The Rust code raises plain Exception.
    except Exception as error:
        raise ModelUnavailable(f"{path} is damaged.") from error
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer
