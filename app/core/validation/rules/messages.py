"""Rules on single messages: their form, role, content, weight and name."""

from app.core.text import PLAIN_STARTS, clip, is_blank
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import CHAT, SHAREGPT, Problem, Problems, chat, place_of, rule
from app.core.validation.shapes import Seen

_ASKED = {"role": "user", "content": "What is a tare weight?"}
_SAID = {"role": "assistant", "content": "The weight of an empty container."}
_GOOD = chat(_ASKED, _SAID)


@rule(
    "message-form",
    "A message that is no object",
    "A list of texts says nothing about who speaks.",
    good=_GOOD,
    bad={"messages": ["What is a tare weight?", _SAID]},
)
def check_message_form(seen: Seen, profile: Profile) -> Problems:
    """Items of a list of messages that are no objects."""
    for talk in seen.talks:
        value: object = seen.row
        for key in talk.path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list) and len(value) != len(talk.said):
            for at, one in enumerate(value):
                if type(one) is not dict:
                    path = f"{talk.path}[{at}]"
                    yield Problem(path, f"{place_of(path)} must be an object with a role and what is said.")


@rule(
    "unknown-role",
    "A role that is not known",
    "The role decides what is learned: a name that the target does not know stops it, or drops the row.",
    good=_GOOD,
    bad=chat(_ASKED, {"role": "bot", "content": "The weight of an empty container."}),
)
def check_roles(seen: Seen, profile: Profile) -> Problems:
    """Roles that the target does not know in this form."""
    key = seen.shape.role
    known = profile.roles.get(key, ())
    for talk in seen.talks:
        for said in talk.said:
            role = said.message.get(key)
            if role in known if type(role) is str else False:
                continue
            if type(role) is not str:
                text = f"{place_of(said.path)} has no role. Use {', '.join(known)}."
                yield Problem(f"{said.path}.{key}", text, severity="error")
            else:
                text = f"{place_of(said.path)} has the role “{clip(role, 30)}”. Use {', '.join(known)}."
                yield Problem(f"{said.path}.{key}", text)


@rule(
    "no-content",
    "A message without content",
    "A message without content has nothing to read and nothing to learn; only a tool call may stand alone.",
    good=_GOOD,
    bad=chat(_ASKED, {"role": "assistant"}),
    shapes=CHAT,
)
def check_content(seen: Seen, profile: Profile) -> Problems:
    """Content that is missing or null where no tool is called."""
    for talk in seen.talks:
        for said in talk.said:
            message = said.message
            if message.get("content") is None and not (message.get("tool_calls") or message.get("function_call")):
                fix = "null-to-empty" if said.role in ("system", "tool") else None
                yield Problem(f"{said.path}.content", f"{place_of(said.path)} has no content.", fix)


@rule(
    "blank-content",
    "A message that says nothing",
    "An empty question asks nothing, and an empty answer teaches the model to say nothing.",
    good=_GOOD,
    bad=chat(_ASKED, {"role": "assistant", "content": " "}),
    shapes=CHAT,
)
def check_blank_content(seen: Seen, profile: Profile) -> Problems:
    """Questions and answers without anything visible, where no tool is called."""
    for talk in seen.talks:
        for said in talk.said:
            content = said.message.get("content")
            if said.role not in ("user", "assistant") or said.message.get("tool_calls"):
                continue
            if content == [] or (type(content) is str and content[:1] not in PLAIN_STARTS and is_blank(content)):
                yield Problem(f"{said.path}.content", f"{place_of(said.path)} is empty.")


@rule(
    "content-kind",
    "Content of another kind",
    "A number or an object is refused where a text is expected.",
    good=_GOOD,
    bad=chat(_ASKED, {"role": "assistant", "content": {"answer": 7}}),
    shapes=CHAT,
)
def check_content_kind(seen: Seen, profile: Profile) -> Problems:
    """Content that is neither a text, nor parts, nor null."""
    looks_at_parts = "part-form" in profile.rules
    for talk in seen.talks:
        for said in talk.said:
            content = said.message.get("content")
            if content is not None and type(content) is not str and type(content) is not list:
                what = "an object" if type(content) is dict else "a number or true/false"
                said_so = f"{place_of(said.path)}: the content is {what}; it must be a text or a list of parts."
                yield Problem(f"{said.path}.content", said_so)
            elif type(content) is list and not looks_at_parts and any(type(part) is not dict for part in content):
                said_so = f"{place_of(said.path)}: a part of the content is no object; it must be one with a type."
                yield Problem(f"{said.path}.content", said_so)


@rule(
    "blank-system",
    "An empty system message",
    "An empty one is kept as it is by some targets, and refused or left out by others.",
    good=chat({"role": "system", "content": "Answer briefly."}, _ASKED, _SAID),
    bad=chat({"role": "system", "content": ""}, _ASKED, _SAID),
)
def check_system_text(seen: Seen, profile: Profile) -> Problems:
    """System messages that are blank."""
    for talk in seen.talks:
        for said in talk.said:
            text = seen.text(said)
            if said.role == "system" and type(text) is str and is_blank(text):
                said_so = f"{place_of(said.path)}, a system message, is empty."
                yield Problem(said.path, said_so, "drop-message" if said.path.endswith("]") else None)


@rule(
    "unknown-message-key",
    "A key of a message that is not known",
    "What stands under a key that the target does not know is not trained, or the row is refused.",
    good=_GOOD,
    bad=chat(_ASKED, {**_SAID, "loss_weight": 1.0}),
)
def check_message_keys(seen: Seen, profile: Profile) -> Problems:
    """Keys of messages beside those that the target knows."""
    known = profile.message_keys
    if not known:
        return
    for talk in seen.talks:
        for said in talk.said:
            for name in said.message:
                if name not in known:
                    text = f"{place_of(said.path)} has the key “{clip(name, 40)}”, which is not known here."
                    yield Problem(f"{said.path}.{name}", text, "drop-key")


@rule(
    "weight-place",
    "A weight where none belongs",
    "A weight says whether an answer is learned; questions are never learned.",
    good=chat(_ASKED, {**_SAID, "weight": 1}),
    bad=chat({**_ASKED, "weight": 1}, _SAID),
    shapes=CHAT,
)
def check_weight_place(seen: Seen, profile: Profile) -> Problems:
    """Weights of messages that are not the assistant's."""
    for talk in seen.talks:
        for said in talk.said:
            if "weight" in said.message and said.role in ("system", "user", "tool"):
                text = f"{place_of(said.path)} has a weight, and is not the assistant's."
                yield Problem(f"{said.path}.weight", text, "drop-key")


@rule(
    "weight-value",
    "A weight that is not 0 or 1",
    'The description of the format allows these two integers only; true, "1" and 0.5 are refused.',
    good=chat(_ASKED, {**_SAID, "weight": 0}, _ASKED, {**_SAID, "weight": 1}),
    bad=chat(_ASKED, {**_SAID, "weight": True}),
    shapes=CHAT,
)
def check_weight_value(seen: Seen, profile: Profile) -> Problems:
    """Weights that are not the integers 0 and 1."""
    for talk in seen.talks:
        for said in talk.said:
            if "weight" not in said.message:
                continue
            weight = said.message["weight"]
            if type(weight) is int and weight in (0, 1):
                continue
            mendable = weight in (0, 1, "0", "1") if isinstance(weight, (int, float, str)) else False
            shown = (
                {True: "true", False: "false", None: "null"}.get(weight)
                if isinstance(weight, (bool, type(None)))
                else None
            )
            text = f"{place_of(said.path)} has the weight {shown or clip(repr(weight), 20)}; it must be 0 or 1."
            yield Problem(f"{said.path}.weight", text, "weight-to-number" if mendable else None)


@rule(
    "name-kind",
    "A name that is no text",
    "The name of a speaker is written into the conversation.",
    good=chat({**_ASKED, "name": "Ada"}, _SAID),
    bad=chat({**_ASKED, "name": 7}, _SAID),
    shapes=CHAT,
)
def check_names(seen: Seen, profile: Profile) -> Problems:
    """Names that are no text."""
    for talk in seen.talks:
        for said in talk.said:
            if "name" in said.message and type(said.message["name"]) is not str:
                yield Problem(f"{said.path}.name", f"{place_of(said.path)}: the name must be a text.", "drop-key")


@rule(
    "turn-form",
    "A turn without a text",
    "The trainer reads these two keys of each turn and stops at one that lacks them.",
    good={"conversations": [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": "Empty weight."}]},
    bad={"conversations": [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": None}]},
    profile="llama-factory",
    shapes=SHAREGPT,
)
@rule(
    "content-text",
    "Content that is no text",
    "Read with these tags, content is a text; null and a list of parts stop the run.",
    good=_GOOD,
    bad=chat({"role": "user", "content": [{"type": "text", "text": "What is a tare weight?"}]}, _SAID),
    profile="llama-factory",
    shapes=("messages",),
)
def check_turns(seen: Seen, profile: Profile) -> Problems:
    """Turns in which what is said is missing or no text."""
    key = seen.shape.text
    for talk in seen.talks:
        for said in talk.said:
            value = said.message.get(key)
            # A system prompt of null is taken for none.
            if type(value) is not str and not (said.role == "system" and value is None):
                where, text = f"{said.path}.{key}", f"{place_of(said.path)} has no text under “{key}”"
                if value is None and said is talk.said[-1] and seen.row.get("kto_tag") is True:
                    yield Problem(
                        where, f"{text}: the row is taken for a bad answer, an empty one.", severity="warning"
                    )
                else:
                    yield Problem(where, f"{text}.")


@rule(
    "blank-turn",
    "An empty turn",
    "An empty answer teaches the model to say nothing.",
    good={"conversations": [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": "Empty weight."}]},
    bad={"conversations": [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": " "}]},
    profile="llama-factory",
    shapes=SHAREGPT,
    refused=False,
)
def check_blank_turns(seen: Seen, profile: Profile) -> Problems:
    """Turns of user and assistant that are blank."""
    for talk in seen.talks:
        for said in talk.said:
            value = said.message.get("value")
            if said.role in ("user", "assistant") and type(value) is str and is_blank(value):
                yield Problem(f"{said.path}.value", f"{place_of(said.path)} is empty.")
