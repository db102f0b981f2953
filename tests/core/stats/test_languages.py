"""Languages of single texts, short ones among them; what is not sure is not named."""

import pytest

from app.core.stats import name_language
from app.core.validation.lints.languages import tell_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How heavy is the box with the screws that you have in your store?", "en"),
        ("Die Kiste mit den Schrauben ist nicht schwer, sie steht auf dem Regal.", "de"),
        ("What is part 3? A bolt.", "en"),
        ("Wo ist der Ausgang?", "de"),
        ("箱子有多重？", "zh"),
        ("箱はどのくらい重いですか。", "ja"),
        ("상자는 얼마나 무겁습니까?", "ko"),
        ("Сколько весит ящик с винтами, который стоит у вас на складе на верхней полке?", "ru"),
        ("12 kg", ""),
        ("Bonjour", ""),
        ("", ""),
        ("🙂", ""),
    ],
)
def test_a_language_is_told_where_it_is_sure(text: str, language: str) -> None:
    assert tell_language(text) == language


def test_languages_have_names_and_rare_ones_keep_their_code() -> None:
    assert (name_language("de"), name_language("unknown"), name_language("xho")) == ("German", "Not sure", "xho")
