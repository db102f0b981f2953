"""Whether question and answer speak one language: by scripts and small words, which is nearly always enough.

Only a text that these leave open is given to py3langid.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import repeat

import regex

from app.core.loading import load_once
from app.core.record import Record
from app.core.validation.lints.base import Remark, Remarks, lint

# Shorter texts are told apart by chance.
MIN_LETTERS = 40
_READ = 400
_SCRIPTS: dict[str, regex.Pattern[str]] = {
    "Latin": regex.compile(r"\p{Latin}"),
    "Han": regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]"),
    "Cyrillic": regex.compile(r"\p{Cyrillic}"),
    "Arabic": regex.compile(r"\p{Arabic}"),
    "Hangul": regex.compile(r"\p{Hangul}"),
    "Devanagari": regex.compile(r"\p{Devanagari}"),
    "Greek": regex.compile(r"\p{Greek}"),
    "Hebrew": regex.compile(r"\p{Hebrew}"),
    "Thai": regex.compile(r"\p{Thai}"),
}
_SMALL_WORDS = {
    "en": "the of and to is are you your what how can for with that this it be on have do",
    "de": "der die das und ist sind nicht ich sie wie ein eine mit für auf zu den wird kann",
    "fr": "le les des est sont une vous que pour dans avec sur et du pas comment il je au",
    "es": "el los las del es una por para con que como qué cómo está puede su se al",
    "it": "il gli della che è di per una con sono come non le nel si può del alla",
    "pt": "os uma não você para com que é como em do da são está pode ao dos",
    "nl": "het een van en is zijn niet ik je hoe met voor op kan de dat wat",
}
# For each small word a number with a one in the place of each language that has it: the sum of those of a text counts
# for all languages at once. A place holds what the words of a text can come to.
_PLACE = _READ.bit_length()
_COUNTS: dict[str | bytes, int] = {}
for _place, _words in enumerate(_SMALL_WORDS.values()):
    for _word in _words.split():
        for _key in (_word, _word.encode("latin-1")):
            _COUNTS[_key] = _COUNTS.get(_key, 0) + (1 << _place * _PLACE)
_WORD = re.compile(r"[^\W\d_]+")
# In Latin-1 words are told by a table: each letter in lower case, a blank for all else.
_LATIN_1 = bytes(ord(one) if _WORD.match(one) else 32 for one in (chr(code).lower() for code in range(256)))
# What no table of Latin-1 tells: not the dashes and quotes, for which it need not.
_BEYOND_LATIN_1 = re.compile("[^\x00-\xff\u2000-\u206f]")
# A question may ask for another language than its own.
_NAMES_LANGUAGE = re.compile(
    r"translat|übersetz|tradu[cit]|翻译|翻譯|翻訳|번역|перев[ео]д|ترجم"
    r"|\b(?:in|into|auf|en|em|to|is|mean(?:s|ing)?|say|word|for|from)\b.{0,30}"
    r"\b(?:english|german|french|spanish|italian|portuguese|dutch|chinese|japanese|korean|russian|arabic|hindi|latin"
    r"|greek|deutsch|englisch|französisch|spanisch|anglais|allemand|français|inglés|alemán|francés)\b",
    re.IGNORECASE,
)
# Scripts that nearly always mean one language.
_OF_SCRIPT = {"Hangul": "ko", "Greek": "el", "Hebrew": "he", "Thai": "th"}
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")


class _Marks(dict[int, str]):
    """A digit for each character: the place of its script, a blank for what is of none."""

    def __missing__(self, code: int) -> str:
        found = (str(place) for place, pattern in enumerate(_SCRIPTS.values()) if pattern.match(chr(code)))
        return self.setdefault(code, next(found, " "))


_MARKS = _Marks()
_LATIN_LETTER = regex.compile(r"\p{Latin}")
# How sure py3langid must be to speak against small words.
_SURE = 0.995
# How sure it must be to name a language at all.
_LIKELY = 0.9


@load_once
def _load_identifier() -> Callable[[str], tuple[str, float]]:
    """What names the language of a text and says how likely it is."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier.classify  # type: ignore[no-any-return]


def find_script(text: str) -> str:
    """The script that most letters of a text belong to; empty where there are few letters, or two share it."""
    if text.isascii():
        return "Latin"
    if not _BEYOND_LATIN_1.search(text):
        return "Latin" if _LATIN_LETTER.search(text) else ""
    marks = text.translate(_MARKS)
    counts = {name: marks.count(str(place)) for place, name in enumerate(_SCRIPTS)}
    name = max(counts, key=lambda one: counts[one])
    return name if counts[name] * 3 > sum(counts.values()) * 2 else ""


def find_language(text: str) -> str:
    """The language of a text (ISO 639-1), by its first 400 characters; empty where it is too short to be told."""
    head = text[:_READ]
    if _count_letters(head) < MIN_LETTERS:
        return ""
    return _by_small_words(head) or str(_load_identifier()(head)[0])


def tell_language(text: str) -> str:
    """The language of a text (ISO 639-1) where it is sure, also of a short one whose script tells it; else empty."""
    head = text[:_READ]
    script = find_script(head)
    if script == "Han":
        return "ja" if _KANA.search(head) else "zh"
    if script in _OF_SCRIPT and _count_letters(head):
        return _OF_SCRIPT[script]
    if language := _by_small_words(head):
        return language
    if _count_letters(head) < MIN_LETTERS:
        return _by_few_words(head)
    found, likely = _load_identifier()(head)
    return found if likely >= _LIKELY else ""


def _by_few_words(text: str) -> str:
    """The language of which a short text has two small words or more, and more than of any other."""
    counts = dict(zip(_SMALL_WORDS, _split_sum(_sum_small_words(_words_of(text))), strict=True))
    (name, best), (_, second) = sorted(counts.items(), key=lambda one: -one[1])[:2]
    return name if best >= 2 and best > second else ""


def _count_letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _by_small_words(text: str) -> str:
    """The language whose small words a text uses, where they leave no doubt."""
    words = _words_of(text)
    return _decide_language(_sum_small_words(words), len(words))


@lru_cache(1 << 14)
def _decide_language(total: int, words: int) -> str:
    counts = _split_sum(total)
    second, best = sorted(counts)[-2:]
    if best < 4 or best * 8 < words or best < 2 * second:
        return ""
    return list(_SMALL_WORDS)[counts.index(best)]


def _sum_small_words(words: list[str] | list[bytes]) -> int:
    return sum(map(_COUNTS.get, words, repeat(0)))


def _split_sum(total: int) -> list[int]:
    """How many small words of each language a sum counts, in the order of the languages."""
    return [total >> place * _PLACE & (1 << _PLACE) - 1 for place in range(len(_SMALL_WORDS))]


def _words_of(text: str) -> list[str] | list[bytes]:
    """The words of a text in lower case, as Latin-1 where that holds them all."""
    if text.isascii() or not _BEYOND_LATIN_1.search(text):
        return text.encode("latin-1", "replace").translate(_LATIN_1).split()
    return _WORD.findall(text.lower())


@lint(
    "other-language",
    "Question and answer in different languages",
    "The model learns to answer in another language than it was asked in.",
    good=Record(
        "How do I translate “Wie schwer ist die Kiste mit den Schrauben?” into English for the label on the box?",
        "How heavy is the box with the screws?",
    ),
    bad=Record(
        "How heavy is the box with the screws that you have in your store?",
        "Die Kiste mit den Schrauben ist nicht schwer, sie wiegt nur zwölf Kilo und steht auf dem Regal.",
    ),
)
def check_languages(record: Record) -> Remarks:
    """Pairs whose texts are both long enough to be told and speak different languages."""
    question, answer = record.question[:_READ], record.answer[:_READ]
    if len(question) < 12 or len(answer) < 20 or "`" in answer:
        return
    scripts = find_script(question), find_script(answer)
    if not all(scripts):
        return
    if scripts[0] == scripts[1]:
        if scripts[0] == "Latin":
            asked, said = _latin_languages(question, answer)
        elif scripts[0] == "Han":
            asked, said = ("ja" if _KANA.search(text) else "zh" for text in (question, answer))
        else:
            return
    elif _count_letters(question) < 8 or _count_letters(answer) < (10 if scripts[1] == "Han" else MIN_LETTERS):
        # Names and formulas are written in other scripts.
        return
    else:
        asked, said = (find_language(text) or script for text, script in zip((question, answer), scripts, strict=True))
    if asked != said and not _NAMES_LANGUAGE.search(question) and not _NAMES_LANGUAGE.search(record.system or ""):
        yield Remark("answer", f"The question is in “{asked}”, the answer in “{said}”.")


def _is_short(text: str) -> bool:
    """Whether a text has too few words to contradict another one."""
    least = 2 * MIN_LETTERS
    return len(text) < least or _count_letters(text) < least or len(_words_of(text)) < 10


def _latin_languages(question: str, answer: str) -> tuple[str, str]:
    """The languages of two texts in Latin letters; the same one twice where nothing is sure."""
    asked = _by_small_words(question)
    if not asked and _is_short(question):
        # Then nothing is sure, or all that is known is the language of the answer.
        return asked, asked
    said = _by_small_words(answer)
    if bool(asked) == bool(said):
        return asked, said
    open_text, known = (answer, asked) if asked else (question, said)
    # One small word of the known language is enough; what is short is told apart by chance.
    if _is_short(open_text) or _split_sum(_sum_small_words(_words_of(open_text)))[list(_SMALL_WORDS).index(known)]:
        return known, known
    language, likely = _load_identifier()(open_text)
    if likely < _SURE:
        return known, known
    return (asked, language) if asked else (language, said)
