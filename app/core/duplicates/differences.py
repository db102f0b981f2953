"""What two like texts differ in: the words that only one of them has, sorted by what they mean."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set

from rapidfuzz.distance import Levenshtein

from app.core.duplicates.base import DIFFERENCES, Difference
from app.core.duplicates.functionwords import FUNCTION_WORDS, WIDE_FUNCTION_WORDS
from app.core.duplicates.normal import strip_politeness
from app.core.duplicates.opposites import OPPOSITES, WIDE_OPPOSITES
from app.core.duplicates.spelling import is_misspelt, is_opposite
from app.core.duplicates.words import KINDS, NUMBERS, POLITE, STARTERS, WIDE_NEGATIONS

# In texts of at most so many words, or characters where a script has no spaces, one other word makes another text.
SHORT, SHORT_WIDE = 30, 60
_NUMBER = re.compile(r"(?:^-)?\d+(?:[.,:/]\d+)*")
_KINDS = {word: kind for kind, words in KINDS.items() for word in words}
_BITS = {name: 1 << place for place, name in enumerate(DIFFERENCES)}
_IGNORED = FUNCTION_WORDS | POLITE
# What stands around a word and is no part of it, and what counts although it is neither letter nor digit.
_AROUND, _OPERATORS, _MONEY = "()[]{}<>\"'`,;:.!?", frozenset("+-*/=<>^%~|#×÷≤≥≠"), frozenset("$€£¥₹₽₩%°")
_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "re", "e", "º", "ª"))
# Ideographs, kana, Thai, Lao, Myanmar and Khmer: scripts without spaces. Korean has them.
_WIDE = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)
_WIDE_IGNORED = re.compile("|".join((*WIDE_FUNCTION_WORDS, *WIDE_NEGATIONS, "ー", r"\s")))
_HIRAGANA = re.compile("[\u3040-\u309f]?")


def find_differences(
    left: str, right: str, left_form: str, right_form: str, *, strict: bool | None = None
) -> list[Difference]:
    """What matters of what two texts differ in; ``left_form`` and ``right_form`` are their normal forms.

    Other words count as in ``other_words``.
    """
    left_form, right_form = strip_politeness(left_form), strip_politeness(right_form)
    if left_form == right_form:
        return []
    lefts, rights = left_form.split(" "), right_form.split(" ")
    in_left, in_right = set(lefts), set(rights)
    mine = _by_kind(left, [word for word in lefts if word not in in_right])
    theirs = _by_kind(right, [word for word in rights if word not in in_left])
    if not left_form.isascii() and not right_form.isascii():
        for word in WIDE_NEGATIONS:
            surplus = left_form.count(word) - right_form.count(word)
            if surplus:
                (mine if surplus > 0 else theirs).setdefault("negation", []).append(word)
    words = find_other_words(left_form, right_form, strict=strict)
    if not mine and not theirs and not any(words):
        return []
    # Names, units and dates that the other text misspells are no difference, nor are numbers that both have.
    for found, others in ((mine, in_right), (theirs, in_left)):
        for kind in ("name", "unit", "date"):
            if kind in found:
                found[kind] = [word for word in found[kind] if not is_misspelt(word, others)]
        if "unit" in found:
            # One or several of them is a matter of numbers.
            long = [one for one in others if len(one) > 2]
            found["unit"] = [
                word
                for word in found["unit"]
                if len(word) < 3 or not any(word.startswith(one) or one.startswith(word) for one in long)
            ]
    if "number" in mine and "number" in theirs:
        one, other = Counter(mine["number"]), Counter(theirs["number"])
        mine["number"], theirs["number"] = list((one - other).elements()), list((other - one).elements())
    for found, own, counterpart in zip((mine, theirs), words, (theirs, mine), strict=True):
        rest = [word for word in own if word not in found.get("name", ())]
        # What stands in the place of a name is one, however it is written.
        found["name" if counterpart.get("name") and not found.get("name") else "word"] = rest
    return [
        Difference(kind, " ".join(dict.fromkeys(mine.get(kind, ()))), " ".join(dict.fromkeys(theirs.get(kind, ()))))
        for kind in DIFFERENCES
        if mine.get(kind) or theirs.get(kind)
    ]


def find_other_words(one: str, other: str, *, strict: bool | None = None) -> tuple[list[str], list[str]]:
    """The words that only one of two cores of normal forms has, as far as they make it say something else.

    These are opposites, letters that stand alone and codes; in short texts (in all if ``strict``, in none if it is
    False) all words that are neither grammar nor the other text's, misspelt. Numbers, dates, units and negations are
    none of them.
    """
    if one == other:
        return [], []
    lefts, rights = one.split(" "), other.split(" ")
    in_left, in_right = set(lefts), set(rights)
    mine, theirs = in_left - in_right, in_right - in_left
    if not mine and not theirs:
        return [], []
    if (not one.isascii() or not other.isascii()) and (_WIDE.search(one) or _WIDE.search(other)):
        return _other_characters(one, other, strict=strict)
    if mine and theirs and one.replace(" ", "") == other.replace(" ", ""):
        return [], []
    is_short = max(len(lefts), len(rights)) <= SHORT if strict is None else strict
    words = [word for word in lefts if word in mine and _is_other_word(word, theirs, in_right, is_short=is_short)]
    others = [word for word in rights if word in theirs and _is_other_word(word, mine, in_left, is_short=is_short)]
    if words and "".join(words) == "".join(others):
        return [], []
    if not words and not others and (in_left <= _IGNORED or in_right <= _IGNORED):
        # A text that is nothing but grammar, such as an answer that is one preposition, says what it says by that.
        return list(mine - POLITE), list(theirs - POLITE)
    return words, others


def _is_other_word(word: str, against: Set[str], others: Set[str], *, is_short: bool) -> bool:
    """Whether a word counts that the other text, which has ``others`` and of these ``against`` alone, has not."""
    if word in _KINDS or word in WIDE_NEGATIONS:
        return False
    if len(word) == 1 and word.isalpha():
        return word not in FUNCTION_WORDS or any(
            len(bare := one.strip(_AROUND)) == 1 and bare.isalpha() for one in against
        )
    if word in _IGNORED:
        return not against.isdisjoint(OPPOSITES.get(word, ()))
    if word.isalpha() or not (word.isascii() or _is_code(word)):
        if not is_short:
            return any(is_opposite(word, one) for one in against)
        if not any(map(str.isalpha, word)):
            return False
        # What stands in its place is mostly among what the other text has alone.
        return not is_misspelt(word, against) and not is_misspelt(word, others)
    if not _is_code(word):
        bare = word.strip(_AROUND)
        if bare != word:
            return bare not in others and bool(bare) and _is_other_word(bare, against, others, is_short=is_short)
        return not _OPERATORS.isdisjoint(word) and word != "-"
    letters = _letters_of(word)
    codes = list(filter(_is_code, against))
    if not letters:
        money = _MONEY.intersection(word)
        return bool(money) and any(money != (paid := _MONEY.intersection(one)) and bool(paid) for one in codes)
    return letters not in others and letters not in _ORDINALS and letters not in map(_letters_of, codes)


def _is_code(word: str) -> bool:
    return any(map(str.isdigit, word))


def _letters_of(word: str) -> str:
    return "".join(filter(str.isalpha, word))


def _other_characters(one: str, other: str, *, strict: bool | None) -> tuple[list[str], list[str]]:
    """The same for texts without spaces, of which stretches of characters are compared."""
    left, right = _WIDE_IGNORED.sub("", one), _WIDE_IGNORED.sub("", other)
    if not left or not right:
        left, right = one, other
    is_short = max(len(left), len(right)) <= SHORT_WIDE if strict is None else strict
    if not is_short:
        for word, opposite in WIDE_OPPOSITES:
            surplus = left.count(word) - right.count(word)
            if surplus and surplus * (right.count(opposite) - left.count(opposite)) > 0:
                return ([word], [opposite]) if surplus > 0 else ([opposite], [word])
        return [], []
    words: list[str] = []
    others: list[str] = []
    for part in Levenshtein.opcodes(left, right):
        mine, theirs = left[part.src_start : part.src_end], right[part.dest_start : part.dest_end]
        # Whether one more kana is written (申し込み, 申込み) is a matter of spelling.
        if part.tag != "equal" and not (
            _HIRAGANA.fullmatch(mine) and _HIRAGANA.fullmatch(theirs) and not (mine and theirs)
        ):
            words += [mine] if mine and not mine.isdigit() else []
            others += [theirs] if theirs and not theirs.isdigit() else []
    return words, others


def difference_bits(found: Iterable[Difference]) -> int:
    """The differences as bits of ``Pairs.differs``."""
    result = 0
    for one in found:
        result |= _BITS[one.kind]
    return result


def _by_kind(text: str, words: Sequence[str]) -> dict[str, list[str]]:
    """The words that mean something, by what they mean."""
    found: dict[str, list[str]] = {}
    for word in words:
        kind = _KINDS.get(word)
        if kind is not None:
            found.setdefault(kind, []).append(NUMBERS.get(word, word))
        elif not word.isalpha() and (numbers := _NUMBER.findall(word)):
            found.setdefault("number", []).extend(map(_plain_number, numbers))
        elif len(word) > 1 and word not in STARTERS and word.capitalize() in text and word[0].islower():
            found.setdefault("name", []).append(word)
    if "name" in found:
        # Where most words begin with a capital, capitals name nothing.
        capitals = [word[0].isupper() for word in text[:2000].split()]
        if len(capitals) > 3 and sum(capitals) > 0.75 * len(capitals):
            del found["name"]
    return found


def _plain_number(number: str) -> str:
    """A number without thousands separators, leading zeros and an empty fraction."""
    number = re.sub(r",(?=\d{3}(?!\d))", "", number)
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"
