"""Tokenizers whose vocabularies ship with an installed package: exact, offline, and checked before use."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.loading import load_once
from app.core.tokens import ESTIMATE, FAMILIES, USUAL, Tokenizer, vocabulary_of

# The vocabularies of quicktok 0.4.0, compared token by token with tiktoken's and with those of the models.
_SHA256 = {
    "cl100k": "4a945d497c213acde921bc8d69bc8dad9c603ea97c50c014e04ad0fadc09eecb",
    "llama3": "124bfc185ea93e669e4ce2e1b5aa5733d2e793a910372fa198dfc1597e1220f2",
    "o200k": "6b17521f79788c7ace48fc75f6edde125637a90b0018427e68f28d051b2ac1fe",
    "qwen3": "6114087889f61af31f72abe80529bbd09826df4d396753a281a14bcc21abc2fa",
}


class Vocabulary:
    """Counts by the vocabulary of a family, for models of it or as an estimate for others."""

    def __init__(self, family: str, encoding: Any, *, exact: bool) -> None:
        self.family = family
        self.exact = exact
        # Marks of a chat template inside the text count as ordinary text.
        self.count: Callable[[str], int] = encoding.count


@load_once
def load_tokenizer(family: str = "") -> Tokenizer:
    """The tokenizer of a family; an estimate for what is of none, or where its vocabulary is not the checked one."""
    import quicktok

    encoding, vocabulary = FAMILIES[family if family in FAMILIES else USUAL].encoding, vocabulary_of(family)
    with (Path(quicktok.__file__).parent / "data" / f"{vocabulary}.vocab").open("rb") as file:
        is_checked = hashlib.file_digest(file, "sha256").hexdigest() == _SHA256[vocabulary]
    exact = family in FAMILIES and is_checked
    return Vocabulary(family if exact else ESTIMATE, quicktok.get_encoding(encoding), exact=exact)
