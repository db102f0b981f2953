"""Vocabularies that ship with a package: exact where they are the checked ones, an estimate otherwise."""

import pytest

from app.core.tokens import FAMILIES
from app.providers import tokenizers
from app.providers.tokenizers import load_tokenizer

TEXT = "Wie schwer ist Kiste A7? 箱の重さは 12 kg です。\n\n\tprint('नमस्ते')"


@pytest.fixture(autouse=True)
def fresh() -> None:
    load_tokenizer.__wrapped__.cache_clear()


# Lengths by tiktoken 0.14 and by the tokenizers of the models.
@pytest.mark.parametrize(
    ("family", "text", "tokens"),
    [
        ("openai", "hello world", 2),
        ("openai-cl100k", "hello world", 2),
        ("openai", "tiktoken is great!", 6),
        ("openai-cl100k", "tiktoken is great!", 6),
        ("openai-cl100k", "お誕生日おめでとう", 9),
        ("openai", "お誕生日おめでとう", 8),
    ],
)
def test_known_texts_have_their_published_lengths(family: str, text: str, tokens: int) -> None:
    assert load_tokenizer(family).exact
    assert load_tokenizer(family).count(text) == tokens


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_vocabulary(family: str) -> None:
    tokenizer = load_tokenizer(family)
    assert (tokenizer.exact, tokenizer.family) == (True, family)
    assert 15 < tokenizer.count(TEXT) < 60


@pytest.mark.parametrize("mark", ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|return|>"])
def test_marks_of_templates_inside_a_text_count_as_text(mark: str) -> None:
    for family in FAMILIES:
        assert load_tokenizer(family).count(f"a {mark} b") > 4


def test_another_vocabulary_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tokenizers._SHA256, "qwen3", "0" * 64)
    tokenizer = load_tokenizer("qwen")
    assert not tokenizer.exact


def test_what_is_of_no_family_is_estimated() -> None:
    tokenizer = load_tokenizer("")
    assert (tokenizer.exact, tokenizer.family) == (False, "estimate")
    assert tokenizer.count("hello world") == 2
