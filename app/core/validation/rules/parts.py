"""Rules on content that is a list of parts: texts, pictures, refusals."""

import re

from app.core.text import clip
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import CHAT, Problem, Problems, chat, place_of, rule
from app.core.validation.shapes import Seen

_DATA = re.compile(r"data:image/(jpeg|jpg|png|webp);base64,")
_MB = 1 << 20


def _picture(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


_TEXT = {"type": "text", "text": "What is on it?"}
_PICTURE = _picture("https://example.com/label.png")
_ASKED = {"role": "user", "content": [_TEXT, _PICTURE]}
_SAID = {"role": "assistant", "content": "A label."}
_GOOD = chat(_ASKED, _SAID)


def _is_picture(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "image_url"


@rule(
    "part-form",
    "A part of a content that is not in form",
    "A part is an object with a type, and what that type needs; what it is not known for is refused.",
    good=_GOOD,
    bad=chat({"role": "user", "content": [{"type": "audio", "audio": "hum.wav"}]}, _SAID),
    shapes=CHAT,
)
def check_parts(seen: Seen, profile: Profile) -> Problems:
    """Parts without a known type, or without what belongs to it."""
    for talk in seen.talks:
        for said in talk.said:
            content = said.message.get("content")
            parts = content if type(content) is list else []
            for at, part in enumerate(parts):
                path, place = f"{said.path}.content[{at}]", place_of(said.path)
                kind = part.get("type") if type(part) is dict else None
                if kind == "text":
                    if type(part.get("text")) is not str:
                        yield Problem(path, f"{place}, part {at + 1}: a part of type text must have a “text”.")
                elif kind == "image_url" and said.role in ("user", None):
                    picture = part.get("image_url")
                    if not isinstance(picture, dict) or type(picture.get("url")) is not str:
                        yield Problem(path, f"{place}, part {at + 1}: a picture must have an “image_url” with a “url”.")
                elif kind == "refusal" and said.role == "assistant":
                    if type(part.get("refusal")) is not str or len(parts) > 1:
                        yield Problem(path, f"{place}: a refusal is one part alone, with a text.")
                elif kind != "image_url":
                    said_so = f"of the unknown type “{clip(str(kind), 30)}”" if type(kind) is str else "without a type"
                    yield Problem(path, f"{place}, part {at + 1} is {said_so}.")


@rule(
    "picture-place",
    "A picture that is not the user's",
    "Only messages of the user may hold pictures.",
    good=_GOOD,
    bad=chat("Draw a label.", {"role": "assistant", "content": [_PICTURE]}),
    shapes=CHAT,
)
def check_picture_places(seen: Seen, profile: Profile) -> Problems:
    """Pictures in messages of others."""
    for talk in seen.talks:
        for said in talk.said:
            content = said.message.get("content")
            for at, part in enumerate(content if type(content) is list else ()):
                if _is_picture(part) and said.role not in ("user", None):
                    path = f"{said.path}.content[{at}]"
                    yield Problem(path, f"{place_of(said.path)} holds a picture; only the user's messages may.")


@rule(
    "picture-count",
    "Too many pictures in a record",
    "The target takes so many in one example, and refuses those with more.",
    good=_GOOD,
    bad=chat({"role": "user", "content": [_TEXT, *[_PICTURE] * 11]}, _SAID),
    shapes=CHAT,
)
def check_picture_count(seen: Seen, profile: Profile) -> Problems:
    """More pictures than the target takes."""
    most = profile.limits.images
    for talk in seen.talks if most is not None else ():
        contents = [said.message.get("content") for said in talk.said]
        number = sum(_is_picture(part) for content in contents if type(content) is list for part in content)
        if most is not None and number > most:
            yield Problem(talk.path, f"The record has {number} pictures; the target takes {most}.")


@rule(
    "picture-address",
    "A picture that cannot be fetched",
    "A picture is named by a public http address, or stands in a data address as JPEG, PNG or WebP.",
    good=_GOOD,
    bad=chat({"role": "user", "content": [_picture("label.png")]}, _SAID),
    shapes=CHAT,
)
def check_picture_addresses(seen: Seen, profile: Profile) -> Problems:
    """Addresses of another kind, pictures of another format, and ones that are too large."""
    for talk in seen.talks:
        for said in talk.said:
            content = said.message.get("content")
            for at, part in enumerate(content if type(content) is list else ()):
                picture = part.get("image_url") if _is_picture(part) else None
                url = picture.get("url") if isinstance(picture, dict) else None
                if type(url) is not str:
                    continue
                path, place = f"{said.path}.content[{at}].image_url.url", place_of(said.path)
                if url.startswith(("https://", "http://")):
                    continue
                found = _DATA.match(url)
                most = profile.limits.image_megabytes
                if found is None:
                    what = (
                        "a picture in another format than JPEG, PNG or WebP"
                        if url.startswith("data:")
                        else "no address"
                    )
                    yield Problem(path, f"{place}, part {at + 1}: {what}.")
                elif most is not None and (len(url) - found.end()) * 3 / 4 > most * _MB:
                    yield Problem(path, f"{place}, part {at + 1}: the picture has more than {most:g} MB.")


@rule(
    "text-only",
    "A picture or another file where only text is taken",
    "The target learns preferences from texts alone.",
    good={
        "input": {"messages": [{"role": "user", "content": "Tare?"}]},
        "preferred_output": [{"role": "assistant", "content": "Empty weight."}],
        "non_preferred_output": [{"role": "assistant", "content": "A fish."}],
    },
    bad={
        "input": {"messages": [_ASKED]},
        "preferred_output": [_SAID],
        "non_preferred_output": [{"role": "assistant", "content": "A fish."}],
    },
    profile="openai-dpo",
    shapes=("preference", "scored"),
)
def check_text_only(seen: Seen, profile: Profile) -> Problems:
    """Parts that are no text."""
    for talk in seen.talks:
        for said in talk.said:
            parts = seen.text(said)
            for at, part in enumerate(parts if type(parts) is list else ()):
                if isinstance(part, dict) and ("image_url" in part or "inlineData" in part or "fileData" in part):
                    path = f"{said.path}.{seen.shape.text}[{at}]"
                    yield Problem(path, f"{place_of(said.path)} holds a file; only text is taken here.")
