"""Tokenizers whose vocabularies ship with an installed package: exact, offline, and checked before use."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from app.core.tokens import ESTIMATE, FAMILIES, Estimate, Tokenizer

# The vocabularies of quicktok 0.4.0, compared token by token with tiktoken's and with those of the models.
_SHA256 = {
    "cl100k": "4a945d497c213acde921bc8d69bc8dad9c603ea97c50c014e04ad0fadc09eecb",
    "llama3": "124bfc185ea93e669e4ce2e1b5aa5733d2e793a910372fa198dfc1597e1220f2",
    "o200k": "6b17521f79788c7ace48fc75f6edde125637a90b0018427e68f28d051b2ac1fe",
    "qwen3": "6114087889f61af31f72abe80529bbd09826df4d396753a281a14bcc21abc2fa",
}


class Exact:
    """Counts as the models of a family do."""

    exact = True

    def __init__(self, family: str, encoding: Any) -> None:
        self.family = family
        self._encoding = encoding

    def count(self, text: str) -> int:
        """The number of tokens; marks of a chat template inside the text count as ordinary text."""
        return len(self._encoding.encode_ordinary(text))


@cache
def load_tokenizer(family: str) -> Tokenizer:
    """The tokenizer of a family, or the estimate where its vocabulary is missing or another than was checked."""
    if family not in FAMILIES:
        return Estimate()
    try:
        import quicktok
    except ImportError:
        return Estimate()
    encoding = FAMILIES[family].encoding
    vocabulary = encoding.partition("_")[0]
    path = Path(quicktok.__file__).parent / "data" / f"{vocabulary}.vocab"
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return Estimate()
    return Exact(family, quicktok.get_encoding(encoding)) if found == _SHA256[vocabulary] else Estimate()


def name_counting(tokenizer: Tokenizer) -> str:
    """How a page says what was counted: the family's models, or that it is an estimate."""
    return "an estimate" if tokenizer.family == ESTIMATE else f"counted as {FAMILIES[tokenizer.family].title} do"
