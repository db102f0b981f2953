"""A generator of question-answer files of any size; the same seed gives the same file."""

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

_VERBS = [
    "reset",
    "change",
    "cancel",
    "find",
    "renew",
    "export",
    "print",
    "share",
    "track",
    "return",
    "delete",
    "update",
    "install",
    "connect",
    "book",
]
_THINGS = [
    "password",
    "invoice",
    "order",
    "subscription",
    "account",
    "address",
    "printer",
    "ticket",
    "backup",
    "report",
    "calendar",
    "parcel",
    "voucher",
    "contract",
    "certificate",
    "dashboard",
    "schedule",
    "licence",
    "mailbox",
    "folder",
]
_PLACES = ("on my phone", "in the app", "at work", "from abroad", "without a login", "after the update", "on a laptop")
_SENTENCES = (
    "Open the settings and choose {thing}.",
    "You will get an e-mail within {n} minutes.",
    "If that does not help, restart the program and try again.",
    "This works until day {n} of the month.",
    "Keep the number of your {thing} at hand.",
    "The change can be seen at once, “live”, on every device.",
    "Nothing is lost: the old {thing} stays in the archive for {n} days.",
    "Ask the owner of the {thing} for the right to do so — it takes a moment.",
)


def pairs(number: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """``number`` questions of about 10 words with answers of about 40."""
    chance = random.Random(seed)
    for index in range(number):
        thing = chance.choice(_THINGS)
        question = f"How do I {chance.choice(_VERBS)} my {thing} {chance.choice(_PLACES)} in case {index}?"
        chosen = chance.sample(_SENTENCES, chance.randint(2, 6))
        yield question, " ".join(line.format(thing=thing, n=chance.randint(2, 90)) for line in chosen)


def jsonl(path: Path, number: int) -> Path:
    """A chat file of OpenAI's layout."""
    with path.open("w", encoding="utf-8") as out:
        for question, answer in pairs(number):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            out.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    return path


def table(path: Path, number: int) -> Path:
    """A CSV file with the columns question and answer."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["question", "answer"])
        writer.writerows(pairs(number))
    return path
