"""A static model of a few words, some of which mean the same."""

from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

MEANINGS = (("refund", "reimbursement"), ("parcel", "package"), ("lost", "missing"), ("where",), ("when",), ("comes",))


def save_model(folder: Path) -> Path:
    """Write the model into a new folder; words of one meaning have one vector."""
    words = ["[UNK]", *(word for meaning in MEANINGS for word in meaning)]
    rows = [0, *(number for number, meaning in enumerate(MEANINGS, 1) for _ in meaning)]
    vectors = np.eye(len(MEANINGS) + 1, dtype=np.float32)[rows]
    vectors[0] = 0
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    StaticModel(vectors, tokenizer).save_pretrained(str(folder))
    return folder
