"""Pairs in six languages, and queries of every form, drawn from a seed: what tests of search try."""

import random

from app.core.record import SPLITS, STATUSES, Message, Record

LANGUAGES = {
    "en": "the scale weighs apples and pears in a warehouse don't e-mail e–mail press node.js 50% a_b C++ naïve résumé reset resets",
    "de": "Die Äpfel wiegen größer STRASSE Straße Übermaß und die Waage prüft Öl im Gerät für Größe fließt Maße",
    "tr": "Işık İstanbul ılık çiçek ağaç şeker gül Öğrenci IRMAK ırmak istanbul kağıt düğme ölçü",
    "zh": "我在北京大学学习中文 电子秤的重量是多少 请先去皮 然后称重 大学生 北京 重量",
    "ar": "كِتَاب كتاب مدرسة أحمد إحمد احمد المدرسةُ ميزان الوزن كم وزن",
    "ja": "東京タワー ガラス カラス ｶﾞﾗｽ 重さを測る はかり ひらがな カタカナ がくせい",
    "th": "น้ำหนักของกล่อง กินข้าว กันน้ำ เครื่องชั่ง ชั่งน้ำหนัก",
}
MARKS = (
    "%",
    "_",
    "\\",
    "'",
    '"',
    "🎉",
    "—",
    "...",
    "\u200b",
    "\u0301",
    "(",
    "*",
    ":",
    "-",
    "–",
    "’",
    "[-^]",
    "?",
    "ﬁ",
    "½",
    "Ⅷ",
)
TAGS = ("red", "Red", "two words", 'with "quote"', "50%")


def draw_text(rng: random.Random, most: int = 12) -> str:
    """Some words of one language, or of two, with marks among them."""
    words = " ".join(rng.sample(list(LANGUAGES.values()), rng.choice((1, 1, 2)))).split()
    drawn = [rng.choice(words) for _ in range(rng.randint(1, most))]
    for place in range(len(drawn)):
        if rng.random() < 0.15:
            drawn[place] += rng.choice(MARKS)
        if rng.random() < 0.1:
            drawn[place] = drawn[place].upper()
    return rng.choice((" ", " ", "\n", ", ")).join(drawn)


def draw_record(rng: random.Random) -> Record:
    """A pair, plain or with all that a pair can have."""
    some = lambda likely, make: make() if rng.random() < likely else None  # noqa: E731
    call = {"function": {"name": "weigh_box", "arguments": '{"item": "Äpfel", "kg": 7}'}}
    turns = (
        Message("user", draw_text(rng)),
        Message("assistant", draw_text(rng), reasoning=some(0.3, lambda: "Hm 重量.")),
    )
    trace = (Message("assistant", tool_calls=[call]), Message("tool", draw_text(rng, 4)))
    return Record(
        draw_text(rng),
        rng.choice(("", "  ", draw_text(rng), draw_text(rng), draw_text(rng, 30))),
        system=some(0.2, lambda: draw_text(rng, 3)),
        turns=turns if rng.random() < 0.2 else (),
        trace=trace if rng.random() < 0.15 else (),
        rejected_answer=some(0.15, lambda: draw_text(rng, 5)),
        reasoning=some(0.15, lambda: draw_text(rng, 5)),
        tags=tuple(rng.sample(TAGS, rng.choice((0, 0, 1, 2)))),
        extra={"tools": [{"name": "weigh_box", "description": "Wiegt Äpfel"}]} if rng.random() < 0.1 else {},
        source=some(0.2, lambda: rng.choice(("Handbuch.pdf", "FAQ Äpfel", "x"))),
    )


def draw_term(rng: random.Random) -> str:
    """One condition, of any form, right or wrong."""
    words = draw_text(rng, 6).split() or ["x"]
    word = rng.choice(words)
    field = rng.choice(("", "", "", "question:", "answer:", "system:", "turns:", "tools:", "reasoning:", "rejected:"))
    forms = (
        lambda: field + word,
        lambda: field + word[: rng.randint(1, len(word))],
        lambda: field + word[rng.randint(0, len(word) - 1) :],
        lambda: f'{field}"{" ".join(words[: rng.randint(1, 3)])}"',
        lambda: rng.choice(MARKS),
        lambda: f"tag:{rng.choice(('red', 'Red', '50%', 'no'))}",
        lambda: f'tag:"{rng.choice(TAGS)}"',
        lambda: f"status:{rng.choice((*STATUSES, 'wrong'))}",
        lambda: f"split:{rng.choice((*SPLITS, 'none'))}",
        lambda: f"source:{rng.choice(('handbuch', 'äpfel', 'APFEL', 'pdf', 'x', 'nowhere'))}",
        lambda: f"is:{rng.choice(('duplicate', 'empty', 'answered', 'odd'))}",
        lambda: f"has:{rng.choice(('tools', 'reasoning', 'rejected', 'system', 'turns', 'tags', 'source', 'note'))}",
        lambda: f"language:{rng.choice(('en', 'de', 'zh', 'ja', 'xx'))}",
        lambda: (
            rng.choice(("len", "tokens", "turns"))
            + rng.choice((">", "<", ">=", "<=", "="))
            + str(rng.choice((1, 2, 20, 60, 150)))
        ),
        lambda: (
            f"{field}regex:/{rng.choice(('a.p', '^D', '[0-9]+%', 'größ|重', '(', 'w.igh_', '$^'))}/{rng.choice(('', 'i'))}"
        ),
        lambda: rng.choice(
            ('""', '"', "-", "--x", "foo:bar", "http://x.de", "tag:", "regex:", "len>x", '"äpf', "weigh_box")
        ),
    )
    return ("-" if rng.random() < 0.2 else "") + rng.choice((*forms, *forms[:4], *forms[:4]))()


def draw_query(rng: random.Random) -> str:
    """What somebody may type into the box."""
    return " ".join(draw_term(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3))))
