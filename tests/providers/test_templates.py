"""Chat templates in Jinja: those of a model's folder and of installed packages, and what a hostile one may do."""

import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid, LttError, NotFound
from app.core.record import Message
from app.core.validation.training import Written
from app.providers import templates
from app.providers.templates import ChatTemplate, list_installed, load_folder, load_installed, read_named
from tests.chat_templates import CALLING, CHATML, FAMILIES, HOSTILE, MARKED, THINKING, add_tokenizer, model_folder

TALK = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "And?"), Message("assistant", "Yes."))
# Those that only the system ends in time, or in memory; services try them.
BOUNDED = {"counts in counts", "doubles", "fills up", "formats", "replaces"}


def template(source: str, **more: Any) -> ChatTemplate:
    return ChatTemplate("x", "X", source, tokens={"bos_token": "<s>", "eos_token": "</s>"}, **more)


def whole(written: Written) -> str:
    return "".join(one.text for one in written.pieces)


def learned(written: Written) -> list[str]:
    found: dict[int, str] = {}
    for one in written.pieces:
        if one.learned:
            found[one.message] = found.get(one.message, "") + one.text
    return list(found.values())


TEXTS = st.text(max_size=30).filter(lambda text: "think>" not in text)


@pytest.mark.parametrize("family", FAMILIES)
@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
@example([("", ""), ("<|im_end|>", "<|im_end|>\n<|im_start|>assistant\n"), ("[/INST] </s>", "\u2028 a\n\n")])
def test_the_pieces_are_the_text_and_the_learned_ones_hold_the_answers(
    family: str, pairs: list[tuple[str, str]]
) -> None:
    made = template(FAMILIES[family])
    messages = [Message(role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]
    written = made.write(messages, ())
    rendered = made._render(made.source, None, [{"role": one.role, "content": one.text} for one in messages], False)
    assert whole(written) == rendered.text and not written.refused
    assert pairs[-1][1].strip() in learned(written)[-1]
    if not written.unclear:
        assert len(learned(written)) == len(pairs)
        for (_, answer), part in zip(pairs, learned(written), strict=True):
            assert answer.strip() in part
    assert all(one.text for one in written.pieces)


@pytest.mark.parametrize("family", FAMILIES)
@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None, max_examples=20
)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
def test_a_tokenizer_gives_each_of_its_tokens_to_one_piece(
    family: str, pairs: list[tuple[str, str]], tokenizer: Any
) -> None:
    made = template(FAMILIES[family], tokenizer=tokenizer)
    messages = [Message(role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]
    written = made.write(messages, ())
    total = len(tokenizer.encode(whole(written), add_special_tokens=False).ids)
    assert sum(len(one.ends or ()) for one in written.pieces) == total
    for one in written.pieces:
        assert one.ends is not None and list(one.ends) == sorted(one.ends)
        assert all(0 <= end <= len(one.text) for end in one.ends)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = model_folder(tmp_path_factory.mktemp("models"))
    add_tokenizer(folder)
    return load_folder(folder).tokenizer


def test_each_family_marks_what_the_model_says() -> None:
    assert {family: learned(template(source).write(TALK, ())) for family, source in FAMILIES.items()} == {
        "chatml": ["Hello<|im_end|>", "Yes.<|im_end|>"],
        "marked": ["Hello<|im_end|>", "Yes.<|im_end|>"],
        "headers": ["Hello<|eot|>", "Yes.<|eot|>"],
        "turns": ["Hello<end_of_turn>", "Yes.<end_of_turn>"],
        "inst": [" Hello</s>", " Yes.</s>"],
        "thinking": ["<think>\n\n</think>\n\nYes.<|im_end|>"],
        "calling": ["Hello<|im_end|>", "Yes.<|im_end|>"],
    }


def test_a_template_that_strips_earlier_reasoning_says_so_and_shows_the_last_answer() -> None:
    talk = [
        TALK[0],
        Message("assistant", "Hello", reasoning="greet"),
        TALK[2],
        Message("assistant", "Yes.", reasoning="why"),
    ]
    written = template(THINKING).write(talk, ())
    assert "greet" not in whole(written) and learned(written) == ["<think>\nwhy\n</think>\n\nYes.<|im_end|>"]
    assert written.unclear.startswith("The template writes answer 1 of 2 otherwise once more turns follow")


def test_a_system_prompt_that_moves_is_seen() -> None:
    written = template(FAMILIES["inst"]).write([Message("system", "Be brief."), *TALK], ())
    assert written.unclear and learned(written) == [" Yes.</s>"]
    assert template(FAMILIES["turns"]).write([Message("system", "Be brief."), *TALK], ()).refused == (
        "The template refuses it: System role not supported."
    )


def test_tools_and_calls_are_written_as_json_without_marks_for_html() -> None:
    call = {"type": "function", "function": {"name": "weigh", "arguments": {"box": "A<7>é"}}}
    talk = [TALK[0], Message("assistant", tool_calls=[call]), Message("tool", "12 kg"), TALK[3]]
    written = template(CALLING).write(talk, [{"name": "weigh", "about": "<&>"}])
    assert '{"name": "weigh", "about": "<&>"}' in whole(written)
    assert learned(written) == [
        '<tool_call>{"name": "weigh", "arguments": {"box": "A<7>é"}}</tool_call><|im_end|>',
        "Yes.<|im_end|>",
    ]


def test_templates_find_what_they_expect() -> None:
    source = (
        "{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{{ m.content }}{% endfor %}"
        "|{{ strftime_now('%Y')[:2] }}|{{ dict(a=1) }}|{{ [1, 2] | tojson(indent=1) }}|{{ bos_token }}|{{ eos_token }}"
    )
    assert whole(template(source).write(TALK, ())) == "HiHello|20|{'a': 1}|[\n 1,\n 2\n]|<s>|</s>"


def test_marks_of_answers_inside_a_macro_are_not_believed() -> None:
    source = (
        "{% macro say(m) %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}\n{% endmacro %}"
        "{% for m in messages %}{{ say(m) }}{% endfor %}"
    )
    written = template(source).write(TALK, ())
    assert "no trainer finds them" in written.unclear and learned(written) == []


@pytest.mark.parametrize("name", [one for one in HOSTILE if one not in BOUNDED])
def test_a_hostile_template_ends_in_a_sentence(name: str) -> None:
    try:
        written = template(HOSTILE[name]).write(TALK, ())
        said = written.refused
        assert said or whole(written) == ""
    except LttError as error:
        said = error.message
    assert not said or (said.endswith(".") and len(said) < 400 and "root:" not in said)


@pytest.mark.parametrize("source", [r"{{ '\ud800' }}", r"{{ raise_exception('\ud800') }}", "{{ bos_token }}"])
def test_half_of_a_character_is_refused_in_a_sentence_that_can_be_sent(source: str) -> None:
    written = ChatTemplate("x", "X", source, tokens={"bos_token": "\ud800"}).write(TALK, ())
    assert written.refused.encode() and not written.pieces


# Folders


def test_a_file_of_its_own_goes_before_the_configuration(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, CHATML)
    assert load_folder(folder).source == CHATML
    (folder / "chat_template.jinja").write_text(MARKED)
    assert load_folder(folder).source == MARKED
    more = folder / "additional_chat_templates"
    more.mkdir()
    (more / "tool_use.jinja").write_text(CALLING)
    assert (load_folder(folder).source, load_folder(folder).tool_source) == (MARKED, CALLING)


def test_a_list_of_named_templates_has_a_default_and_one_for_tools(tmp_path: Path) -> None:
    named = [{"name": "default", "template": CHATML}, {"name": "tool_use", "template": CALLING}]
    found = load_folder(model_folder(tmp_path, named))
    assert (found.source, found.tool_source) == (CHATML, CALLING)
    assert "weigh" in whole(found.write(TALK, [{"name": "weigh"}])) and "weigh" not in whole(found.write(TALK, ()))
    with pytest.raises(Invalid, match="several chat templates and no default: brief, long"):
        load_folder(model_folder(tmp_path, {"long": CHATML, "brief": CHATML}, name="named"))


def test_names_of_templates_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no default") as refused:
        load_folder(model_folder(tmp_path, [{"name": ["\ud800"], "template": CHATML}]))
    assert refused.value.message.encode()


def test_marks_of_the_folder_are_given_to_the_template(tmp_path: Path) -> None:
    found = load_folder(model_folder(tmp_path, FAMILIES["inst"], name="Qwen3-8B"))
    assert found.tokens == {"bos_token": "<s>", "eos_token": "</s>"} and found.marks == {"<s>", "</s>"}
    assert whole(found.write(TALK[:2], ())) == "<s>[INST] Hi [/INST] Hello</s>"
    assert (found.title, found.family, found.counts) == ("Qwen3-8B", "qwen", False)


def test_a_snapshot_in_the_cache_of_a_hub_is_called_by_its_repository(tmp_path: Path) -> None:
    cache = tmp_path / "models--Qwen--Qwen3-0.6B"
    snapshot = model_folder(cache / "snapshots", name="abc123")
    blobs = cache / "blobs"
    blobs.mkdir()
    (snapshot / "tokenizer_config.json").rename(blobs / "f00")
    (snapshot / "tokenizer_config.json").symlink_to("../../blobs/f00")
    assert (load_folder(snapshot).title, load_folder(snapshot).family) == ("Qwen/Qwen3-0.6B", "qwen")


def test_the_tokenizer_of_the_folder_counts_without_shortening_or_filling_up(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, MARKED)
    add_tokenizer(folder)
    found = load_folder(folder)
    sizes = [(one.text, len(one.ends or ())) for one in found.write(TALK[:2], ()).pieces]
    assert sizes == [("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", 6), ("Hello<|im_end|>", 2), ("\n", 0)]
    (folder / "tokenizer.json").write_text("{}")
    assert not load_folder(folder).counts


@pytest.mark.parametrize(
    "broken",
    ["{", "[1]", '{"chat_template": 7}', '{"chat_template": [7, {"name": 1}]}', "null", '{"added_tokens_decoder": 3}'],
)
def test_a_folder_without_a_template_is_refused_in_one_sentence(tmp_path: Path, broken: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(broken)
    with pytest.raises(Invalid) as refused:
        load_folder(tmp_path)
    assert refused.value.message == templates.NO_TEMPLATE


def test_nothing_is_told_of_what_else_lies_in_a_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x")
    said = set()
    for name in ("empty", "file", "missing", "linked", "piped"):
        folder = tmp_path / name
        if name == "file":
            folder.write_text("x")
        elif name != "missing":
            folder.mkdir()
        if name == "linked":
            (folder / "chat_template.jinja").symlink_to(secret)
            (folder / "additional_chat_templates").symlink_to(tmp_path)
        if name == "piped" and sys.platform != "win32":
            os.mkfifo(folder / "chat_template.jinja")
        with pytest.raises(Invalid) as refused:
            load_folder(folder)
        said.add(refused.value.message)
    assert said == {templates.NO_TEMPLATE}
    with pytest.raises(Invalid):
        load_folder(Path("a\0b"))


def test_a_file_that_is_too_large_or_lies_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("12345")
    assert read_named(tmp_path, "chat_template.jinja", 5) == b"12345"
    assert read_named(tmp_path, "chat_template.jinja", 4) is None
    inner = tmp_path / "inner"
    inner.mkdir()
    assert read_named(inner, "../chat_template.jinja", 5) is None


def test_a_template_that_cannot_be_read_names_the_line(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "a\n{% if %}")
    with pytest.raises(Invalid, match="cannot be read: line 2: "):
        load_folder(folder)


# Installed packages


def test_templates_of_an_installed_package_are_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "trl"
    (package / "chat_templates").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('It was imported.')")
    (package / "chat_templates" / "qwen3_training.jinja").write_text(MARKED)
    (package / "chat_templates" / "gemma.jinja").write_text(FAMILIES["turns"])
    spec = ModuleSpec("trl", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(templates, "find_spec", lambda name: spec if name == "trl" else None)
    assert list_installed() == {"trl:gemma": "gemma, of TRL", "trl:qwen3_training": "qwen3 for training, of TRL"}
    assert load_installed("trl:qwen3_training").family == "qwen"
    assert whole(load_installed("trl:gemma").write(TALK[:2], ())).startswith("<bos><start_of_turn>user\nHi")
    for name in ("trl:../secret", "trl:qwen3", "mistral:v7", "else:x"):
        with pytest.raises(NotFound):
            load_installed(name)


def test_without_the_packages_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "find_spec", lambda name: None)
    assert list_installed() == {}


def test_mistral_templates_are_as_the_package_writes_them() -> None:
    pytest.importorskip("mistral_common")
    made = load_installed("mistral:v7")
    talk = [Message("system", "Be brief."), *TALK]
    assert (
        whole(made.write(talk, ()))
        == "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hi[/INST]Hello</s>[INST]And?[/INST]Yes.</s>"
    )
    assert learned(made.write(talk, ())) == ["Hello</s>", "Yes.</s>"]


def test_a_setting_of_the_tokenizer_may_be_anything(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config |= {"bos_token": 7, "eos_token": {"content": None}, "extra_special_tokens": {"image_token": "<i>", "x": []}}
    config |= {
        "additional_special_tokens": ["<a>", {"content": "<b>"}, 3],
        "added_tokens_decoder": {"1": {"content": "<c>"}, "2": 1},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    found = load_folder(folder)
    assert found.tokens == {"image_token": "<i>"} and found.marks == {"<i>", "<a>", "<b>", "<c>"}
