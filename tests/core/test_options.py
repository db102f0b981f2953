"""Options are declared once: they come in from JSON and from texts, and go out as JSON and as a command."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.core.errors import Invalid
from app.core.options import Option, command_line, command_words, decode, encode, option, options_of, read_text


@dataclass(frozen=True, slots=True)
class Greeting:
    to: str = option("everyone", "Whom to greet", "A name.", metavar="NAME")
    tone: str = option("kind", "Tone", choices={"kind": "Kind", "curt": "Curt"})
    loud: bool = option(False, "In capitals")
    polite: bool = option(True, "With please")
    times: int = option(1, "How often")
    most: int | None = option(None, "At most")
    before: str | None = option(None, "Before noon")
    sung: bool | None = option(None, "Sung", flag="--sung/--spoken")
    tags: tuple[str, ...] = option((), "Tags", flag="--tag")
    names: dict[str, str] = option(dict, "Names", flag="--map")
    secret: str = option("", "Secret", flag="")
    late: bool | None = option(None, "Late", choices={"yes": "Yes", "no": "No"}, word="l")
    rows: int = option(3, "Rows", between=(1, 9))
    rate: float = option(0.5, "Rate", between=(0.0, 1.0))
    ids: tuple[int, ...] = ()


OPTIONS = {one.name: one for one in options_of(Greeting)}


def test_a_field_tells_what_it_is() -> None:
    assert [one.kind for one in OPTIONS.values()] == [
        *(
            "text",
            "text",
            "tick",
            "tick",
            "number",
            "number",
            "text",
            "tick",
            "texts",
            "pairs",
            "text",
            "tick",
            "number",
            "decimal",
            "other",
        )
    ]
    assert [name for name, one in OPTIONS.items() if one.optional] == ["most", "before", "sung", "late"]
    to = OPTIONS["to"]
    assert (to.label, to.help, to.metavar, to.default, to.flag) == (
        "Whom to greet",
        "A name.",
        "NAME",
        "everyone",
        "--to",
    )
    assert OPTIONS["polite"].flag == "--polite/--no-polite" and OPTIONS["loud"].flag == "--loud"


def test_values_become_options_and_values_again() -> None:
    values = {
        "to": "you",
        "loud": True,
        "times": 3,
        "tags": ["a", "b"],
        "names": {"x": "y"},
        "ids": [1, 2],
        "most": None,
    }
    options = decode(Greeting, values)
    assert options == Greeting("you", loud=True, times=3, tags=("a", "b"), names={"x": "y"}, ids=(1, 2))
    assert encode(options, only_changed=True) == {name: value for name, value in values.items() if name != "most"}
    assert decode(Greeting, encode(options)) == options
    assert encode(Greeting())["tags"] == [] and encode(Greeting(), only_changed=True) == {}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"too": 1}, "Greeting has no option “too”. It has: to, tone,"),
        ({"to": 1}, "Greeting: Whom to greet must be a text."),
        ({"to": None}, "Greeting: Whom to greet must be a text."),
        ({"times": True}, "Greeting: How often must be a whole number."),
        ({"times": "1"}, "Greeting: How often must be a whole number."),
        ({"loud": 1}, "Greeting: In capitals must be true or false."),
        ({"tags": "a"}, "Greeting: Tags must be a list of texts."),
        ({"names": {"a": 1}}, "Greeting: Names must be texts by their names."),
        ({"ids": ["x"]}, "Greeting: ids must be of another kind."),
        ({"tone": "rude"}, "Greeting: Tone must be one of: kind, curt."),
        (["to"], "Greeting must be an object with names."),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(Greeting, values, "Greeting")
    assert refused.value.message.startswith(sentence)


def test_names_of_another_version_can_be_left_out() -> None:
    assert decode(Greeting, {"gone": 1, "to": "you"}, ignore_unknown=True) == Greeting("you")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("to", "a\r\nb", "a\nb"),
        ("to", "", ""),
        ("before", "", None),
        ("times", "12", 12),
        ("most", "", None),
        ("loud", "1", True),
        ("loud", "false", False),
        ("sung", "", None),
        ("sung", "true", True),
        ("tags", "a, b,,c ", ("a", "b", "c")),
        ("names", "question=Frage,answer=A=B", {"question": "Frage", "answer": "A=B"}),
    ],
)
def test_a_text_stands_for_a_value(name: str, text: str, value: Any) -> None:
    assert read_text(OPTIONS[name], text) == value


@pytest.mark.parametrize(
    ("name", "text"), [("times", "many"), ("times", ""), ("loud", "maybe"), ("names", "x"), ("tone", "rude")]
)
def test_a_text_that_stands_for_nothing_is_refused(name: str, text: str) -> None:
    with pytest.raises(Invalid, match="must be"):
        read_text(OPTIONS[name], text)


def test_the_same_can_be_said_on_the_command_line() -> None:
    said = Greeting("you", loud=True, polite=False, sung=False, tags=("a", "b"), names={"x": "y", "z": "w"}, secret="s")
    assert command_words(said) == [
        *("--to", "you", "--loud", "--no-polite", "--spoken", "--tag", "a", "--tag", "b", "--map", "x=y,z=w")
    ]
    assert command_words(said, leave_out=("to", "tags", "names")) == ["--loud", "--no-polite", "--spoken"]
    assert command_words(Greeting()) == []


def test_options_are_listed_once() -> None:
    assert options_of(Greeting) is options_of(Greeting) and isinstance(options_of(Greeting)[0], Option)


def test_a_command_is_quoted_and_can_be_broken_into_lines() -> None:
    assert command_line("convert", "my faq.csv", "OUT", "--to", "csv") == "ltt convert 'my faq.csv' OUT --to csv"
    words = ("clean", "--dataset", "My pairs", "--option", "text=a b", "--dry-run")
    assert command_line(*words, one_line=False) == (
        "ltt clean --dataset 'My pairs' \\\n  --option 'text=a b' \\\n  --dry-run"
    )


def test_a_tick_with_choices_is_said_by_words() -> None:
    late = OPTIONS["late"]
    assert (late.word, late.flag) == ("l", "--late")
    assert [read_text(late, text) for text in ("yes", "no", "1", "")] == [True, False, True, None]
    assert command_words(Greeting(late=True)) == ["--late", "yes"]
    assert command_words(Greeting(late=False)) == ["--late", "no"]
    assert decode(Greeting, {"late": False}) == Greeting(late=False)
    with pytest.raises(Invalid):
        read_text(late, "perhaps")


def test_a_number_lies_between_its_bounds() -> None:
    assert read_text(OPTIONS["rows"], "9") == 9
    with pytest.raises(Invalid, match="Rows must be from 1 to 9"):
        read_text(OPTIONS["rows"], "10")


def test_a_decimal_number_is_read_and_written() -> None:
    rate = OPTIONS["rate"]
    assert (read_text(rate, "2e-4"), read_text(rate, "1")) == (0.0002, 1.0)
    assert decode(Greeting, {"rate": 1}).rate == 1.0
    assert command_words(Greeting(rate=0.25)) == ["--rate", "0.25"]
    for text in ("much", "nan", "inf", "1.5", "-1"):
        with pytest.raises(Invalid, match="Rate must be"):
            read_text(rate, text)
