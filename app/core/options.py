"""The options of whatever can be asked for, declared once and read by every door.

The options of one action are a frozen dataclass. Its fields are made by ``option()``, which says for people what the
types cannot::

    @dataclass(frozen=True, slots=True)
    class Greeting:
        to: str = option("everyone", "Whom to greet")
        tone: str = option("kind", "Tone", choices={"kind": "Kind", "curt": "Curt"})
        loud: bool = option(False, "In capitals")
        tags: tuple[str, ...] = option((), "Tags", flag="--tag", metavar="T")

``options_of(Greeting)`` lists them for pages, commands and descriptions. Values come in by ``decode`` (JSON of the API,
of jobs and of the database) or, one by one, by ``read_text`` (forms and commands); both refuse with a sentence. They go
out by ``encode`` (JSON) and ``command_words`` (the same thing on the command line).

A field is a text, a whole number, a decimal number, a tick, a list of texts or a mapping from text to text; with
``| None`` it may also be left unsaid. A tick with two choices is said by these words: the first is yes. Fields of other
types are for programs: ``decode`` and ``encode`` take what msgspec can convert.
"""

import math
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, TypeVar, cast, get_args, get_type_hints

import msgspec

from app.core.errors import Invalid

_KINDS: dict[Any, tuple[str, str]] = {
    str: ("text", "a text"),
    int: ("number", "a whole number"),
    float: ("decimal", "a number"),
    bool: ("tick", "true or false"),
    tuple[str, ...]: ("texts", "a list of texts"),
    dict[str, str]: ("pairs", "texts by their names"),
    Mapping[str, str]: ("pairs", "texts by their names"),
}
_SAID_NOTHING: dict[str, Any] = {"label": "", "help": "", "choices": {}, "multiline": False, "flag": None}
_SAID_NOTHING |= {"word": "", "metavar": "", "between": None, "parse": None, "say": str}
_listed: dict[type[Any], tuple["Option", ...]] = {}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    """One field of an options dataclass as its doors see it.

    ``kind`` is text, number, decimal, tick, texts, pairs or other; ``optional`` allows None, for what was not said.
    ``choices`` maps each value to what a page shows; a number may lie ``between`` two others. ``flag`` is spelled as
    click takes it (``--header/--no-header``), and empty where commands have none. Forms and the API call it by its
    ``word``.
    """

    name: str
    kind: str
    type: Any
    default: Any
    optional: bool
    label: str
    help: str
    choices: Mapping[str, str]
    multiline: bool
    flag: str
    word: str
    metavar: str
    between: tuple[float, float] | None
    parse: Callable[[str], Any] | None
    say: Callable[[Any], str]


def option(
    default: Any = MISSING,
    label: str = "",
    help: str = "",
    *,
    choices: Mapping[str, str] | None = None,
    multiline: bool = False,
    flag: str | None = None,
    word: str = "",
    metavar: str = "",
    between: tuple[float, float] | None = None,
    parse: Callable[[str], Any] | None = None,
    say: Callable[[Any], str] = str,
) -> Any:
    """A field of an options dataclass; ``default`` may be ``dict``, for an empty one.

    Without ``flag`` a command has ``--its-name``; with an empty one it has none. Without ``word`` it goes by its flag,
    else by its name. ``parse`` makes the value of a text where that is not written in the usual way, ``say`` the text.
    """
    metadata = {"label": label, "help": help, "choices": dict(choices or {}), "multiline": multiline}
    metadata |= {"flag": flag, "word": word, "metavar": metavar, "between": between, "parse": parse, "say": say}
    if default is dict:
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


def options_of(kind: type[Any]) -> tuple[Option, ...]:
    """The options that a dataclass declares, in order."""
    if kind in _listed:
        return _listed[kind]
    found = []
    hints = get_type_hints(kind)
    for one in fields(kind):
        hint = hints[one.name]
        optional = type(None) in get_args(hint)
        plain = next((known for known in _KINDS if hint == known or (optional and hint == known | None)), None)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        about = {**_SAID_NOTHING, **one.metadata}
        if about["flag"] is None:
            flag = one.name.replace("_", "-")
            two_ways = plain is bool and not about["choices"] and (optional or default is True)
            about["flag"] = f"--{flag}/--no-{flag}" if two_ways else f"--{flag}"
        about["word"] = about["word"] or about["flag"].partition("/")[0].lstrip("-").replace("-", "_") or one.name
        found.append(Option(one.name, _KINDS[plain][0] if plain else "other", hint, default, optional, **about))
    _listed[kind] = tuple(found)
    return _listed[kind]


def decode(kind: type[T], values: Any, title: str = "", *, ignore_unknown: bool = False) -> T:
    """The options that JSON values stand for; ``title`` says in a refusal whose options they are.

    Raises Invalid for a name that there is not, a value of another type and one that is no choice. What was stored by
    another version is read with ``ignore_unknown``.
    """
    known = {one.name: one for one in options_of(kind)}
    if not isinstance(values, Mapping):
        raise Invalid(f"{title or 'The options'} must be an object with names.", code="bad_option")
    for name in values:
        if name not in known and not ignore_unknown:
            have = ", ".join(known) or "none"
            start = f"{title} has no option “{name}”. It has" if title else f"There is no option “{name}”. There are"
            raise Invalid(f"{start}: {have}.", code="unknown_option", option=name)
    return kind(**{name: check_value(known[name], value, title) for name, value in values.items() if name in known})


def check_value(one: Option, value: Any, title: str = "") -> Any:
    """The value in the option's own type. Raises Invalid where it is of another, or no choice."""
    label = f"{title}: {one.label or one.name}" if title else one.label or one.name
    try:
        value = msgspec.convert(value, one.type)
    except (msgspec.ValidationError, Invalid) as error:
        words = next((words for kind, words in _KINDS.values() if kind == one.kind), "of another kind")
        raise Invalid(f"{label} must be {words}.", code="bad_option", option=one.name) from error
    if one.kind == "decimal" and value is not None and not math.isfinite(value):
        raise Invalid(f"{label} must be a number.", code="bad_option", option=one.name)
    if one.between and value is not None and not one.between[0] <= value <= one.between[1]:
        low, high = (f"{edge:g}" if one.kind == "decimal" else edge for edge in one.between)
        words = f"{low} or more" if one.between[1] == 2**31 - 1 else f"from {low} to {high}"
        raise Invalid(f"{label} must be {words}.", code="bad_option", option=one.name)
    chosen = value if one.kind == "texts" else () if value is None or one.kind == "tick" else (value,)
    if one.choices and any(each not in one.choices for each in chosen):
        raise Invalid(f"{label} must be one of: {', '.join(one.choices)}.", code="bad_option", option=one.name)
    return value


def read_text(one: Option, text: str, title: str = "") -> Any:
    """The value that a text of a form or a command stands for, checked.

    Texts stand apart by commas, pairs are written ``name=text``, a tick is 1 or true. Nothing is None where that is
    allowed.
    """
    if text == "" and one.optional:
        return None
    value: Any = text.replace("\r\n", "\n")
    if one.parse:
        value = one.parse(value)
    elif one.kind == "number" and text.isascii() and text.removeprefix("-").isdigit() and len(text) < 19:
        value = int(text)
    elif one.kind == "decimal":
        try:
            value = float(text)
        except ValueError:
            value = text
    elif one.kind == "tick":
        words = {"1": True, "true": True, "on": True, "0": False, "false": False, "": False}
        words |= dict(zip(one.choices, (True, False), strict=False))
        value = words.get(text.lower(), text)
    elif one.kind == "texts":
        value = [" ".join(part.split()) for part in text.split(",") if part.strip()]
    elif one.kind == "pairs":
        parts = [part.partition("=") for part in text.split(",") if part]
        value = {name.strip(): content for name, sign, content in parts} if all(sign for _, sign, _ in parts) else text
    return check_value(one, value, title)


def merge_options(kept: T, said: T) -> T:
    """The options that were kept, with those that are said now: all that are not as they are by default."""
    listed = options_of(type(said))
    changed = {one.name: value for one in listed if (value := getattr(said, one.name)) != one.default}
    return cast(T, replace(cast(Any, kept), **changed))


def encode(options: Any, *, only_changed: bool = False) -> dict[str, Any]:
    """The options as JSON values, or only those that are not as they are by default."""
    values = {one.name: getattr(options, one.name) for one in options_of(type(options))}
    if only_changed:
        values = {one.name: values[one.name] for one in options_of(type(options)) if values[one.name] != one.default}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    value = msgspec.to_builtins(value)
    return list(value) if isinstance(value, tuple) else value


def command_line(*words: str, one_line: bool = True) -> str:
    """The words as a command that can be typed into a shell, or with a line for each option after the first."""
    lines: list[list[str]] = [["ltt"]]
    for word in words:
        if word.startswith("--") and not one_line and any(earlier.startswith("--") for earlier in lines[0]):
            lines.append([])
        lines[-1].append(word)
    return " \\\n  ".join(map(shlex.join, lines))


def command_words(options: Any, leave_out: Iterable[str] = ()) -> list[str]:
    """What to write on the command line to say the same, without what goes without saying; not quoted yet."""
    words: list[str] = []
    for one in options_of(type(options)):
        value = getattr(options, one.name)
        if value == one.default or not one.flag or one.name in leave_out:
            continue
        yes, _, no = one.flag.partition("/")
        if one.kind == "tick" and one.choices:
            words += [yes, list(one.choices)[0 if value else 1]]
        elif one.kind == "tick":
            words.append(yes if value else no)
        elif one.kind == "texts":
            words += [word for each in value for word in (yes, each)]
        elif one.kind == "pairs":
            words += [yes, ",".join(f"{name}={content}" for name, content in value.items())]
        elif value is not None:
            words += [yes, one.say(value)]
    return words
