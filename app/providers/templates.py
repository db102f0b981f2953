"""Chat templates in Jinja: from the folder of a model, and from installed packages that ship them. Nothing is fetched.

Templates are programs of strangers. They run in Jinja's immutable sandbox, and whoever calls this bounds the time and
the memory of the process as well: what a template computes between two bounds of ours, only the system can end.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.runtime
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.errors import Invalid, NotFound, TooLarge
from app.core.record import Message
from app.core.text import clip, is_whole
from app.core.tokens import find_family
from app.core.validation.templates import Rendered, Span, TemplateRefusal, find_marks, write_by_template
from app.core.validation.training import Written

MB = 1024 * 1024
# The largest files known are a tokenizer of 33 MB and a configuration of 6 MB.
TEMPLATE_BYTES, CONFIG_BYTES, TOKENIZER_BYTES = 1 * MB, 16 * MB, 64 * MB
MOST_TEMPLATES = 50
# What a template may write for one conversation, and how long a text or list may grow by being repeated.
WRITTEN_LETTERS = 8_000_000
_REPEATED = 1_000_000
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
# One sentence for whatever is wrong with a folder: whether something else lies there is not told.
NO_TEMPLATE = (
    "No chat template can be read in this folder. Name the folder of a model: it holds chat_template.jinja, or a "
    "tokenizer_config.json with a chat_template."
)

# The marks that tokenizers give to the templates of TRL, by the beginnings of their names. Source: the tokenizers that
# its table of templates names.
_TRL_TOKENS = {
    "cohere": {"bos_token": "<BOS_TOKEN>", "eos_token": "<|END_OF_TURN_TOKEN|>"},
    "deepseek": {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
    "diffusion_gemma": {"bos_token": "<bos>", "eos_token": "<eos>"},
    "gemma": {"bos_token": "<bos>", "eos_token": "<eos>"},
    "lfm2": {"bos_token": "<|startoftext|>", "eos_token": "<|im_end|>"},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "phi3": {"bos_token": "<s>", "eos_token": "<|endoftext|>"},
}
_MISTRAL_VERSIONS = ("v1", "v2", "v3", "v7", "v11", "v13")


class _Generation(jinja2.ext.Extension):
    """Blocks around what the model says. Their places are found as transformers finds them."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> jinja2.nodes.Node:
        """The block, as a call of ``_said``."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller: Callable[[], str]) -> str:
        text = caller()
        environment: Any = self.environment
        environment.said.append((environment.written, str(text)))
        return text


class _Namespace(jinja2.utils.Namespace):
    """A namespace without names that begin with an underscore."""

    def __setitem__(self, name: str, value: Any) -> None:
        if str(name).startswith("_"):
            raise SecurityError(f"the name {name!r} cannot be set")
        super().__setitem__(name, value)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with what chat templates expect to find. It writes one conversation at a time."""

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols])
        self.written = 0
        self.said: list[tuple[int, str]] = []
        self.filters["tojson"] = _to_json
        self.globals.pop("lipsum", None)
        self.globals |= {"raise_exception": _raise, "strftime_now": _now, "namespace": _Namespace, "dict": _as_dict}

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Compute it, unless the result would be out of proportion."""
        for one, other in ((left, right), (right, left)):
            if operator == "*" and hasattr(one, "__len__") and isinstance(other, int) and len(one) * other > _REPEATED:
                raise OverflowError(f"something is repeated {other:,} times")
        if operator == "**" and not (abs(left) < _REPEATED and abs(right) < 64):
            raise OverflowError("a power is too large")
        return super().call_binop(context, operator, left, right)


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    # Without the marks for HTML that Jinja's own filter makes. Source: chat_template_utils of transformers 5.24.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: object = "") -> str:
    reason = clip(str(message), 200).rstrip(".") or "it does not say why"
    raise TemplateRefusal(f"The template refuses it: {reason}.")


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _as_dict(*pairs: Any, **values: Any) -> dict[Any, Any]:
    return dict(*pairs, **values)


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template that can write. ``tokens`` are what it gets by name, ``marks`` are one token each in its texts.

    ``tool_source`` writes conversations with tools, where there is one of its own for them.
    """

    name: str
    title: str
    source: str
    family: str = ""
    tool_source: str = ""
    tokens: Mapping[str, Any] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    tokenizer: Any = None

    def __post_init__(self) -> None:
        for source in filter(None, (self.source, self.tool_source)):
            _compile(source)

    @property
    def counts(self) -> bool:
        """Whether it has a tokenizer of its own."""
        return self.tokenizer is not None

    def about(self) -> tuple[str, str, bool]:
        """Its name, the family of its model, and whether it counts tokens."""
        return self.name, self.family, self.counts

    def write(self, messages: Sequence[Message], tools: Sequence[object]) -> Written:
        """The conversation in the words of the template."""
        source = self.tool_source if tools and self.tool_source else self.source
        return write_by_template(
            messages,
            partial(self._render, source, list(tools) or None),
            marks=self.marks | find_marks(source),
            find_tokens=self._find_tokens if self.counts else None,
        )

    def _render(self, source: str, tools: Any, messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        environment, template = _compile(source)
        environment.written, environment.said = 0, []
        given = {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": asks}
        parts: list[str] = []
        try:
            for part in template.generate({**self.tokens, **given}):
                parts.append(part)
                environment.written += len(part)
                if environment.written > WRITTEN_LETTERS:
                    said = f"The template writes more than {WRITTEN_LETTERS:,} letters for one conversation."
                    raise TooLarge(said, code="over_limit")
        except (TemplateRefusal, TooLarge, MemoryError):
            raise
        except (SecurityError, OverflowError, RecursionError) as error:
            raise TemplateRefusal(f"The template does what is not allowed: {_say(error)}.") from error
        except Exception as error:
            raise TemplateRefusal(f"The template fails on it: {_say(error)}.") from error
        text = "".join(parts)
        if not is_whole(text):
            raise TemplateRefusal("The template writes half of a character (a lone surrogate).")
        if not _GENERATION.search(source):
            return Rendered(text)
        places = [(start, start + len(said)) for start, said in environment.said]
        if any(text[a:b] != said for (a, b), (_, said) in zip(places, environment.said, strict=True)):
            # They stand inside a macro, whose text is written later than trainers expect.
            places = [(-1, -1)]
        return Rendered(text, tuple(places))

    def _find_tokens(self, text: str) -> list[Span]:
        offsets: list[Span] = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets


def _say(error: Exception) -> str:
    said = "it calls itself too often" if isinstance(error, RecursionError) else str(error) or type(error).__name__
    return clip(said, 200).rstrip(".")


@cache
def _compile(source: str) -> tuple[_Environment, jinja2.Template]:
    environment = _Environment()
    try:
        return environment, environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        said = f"The chat template cannot be read: line {error.lineno}: {clip(str(error.message), 200)}"
        raise Invalid(f"{said.rstrip('.')}.", code="bad_template") from error
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        raise Invalid(f"The chat template cannot be read: {_say(error)}.", code="bad_template") from error


def read_named(folder: Path, name: str, most: int) -> bytes | None:
    """The bytes of a file of a model's folder; None where it is none, too large, or lies elsewhere.

    Links may lead into the folder, or to the ``blobs`` of the cache of a hub that it is a snapshot of.
    """
    try:
        base = folder.resolve(strict=True)
        file = (base / name).resolve(strict=True)
        if not any(file.is_relative_to(one) for one in (base, base.parent.parent / "blobs")):
            return None
        # What lies there may have been exchanged since: only what is opened counts, and that is no link and no pipe.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            data = opened.read(most + 1)
            return data if len(data) <= most else None
    except (OSError, ValueError, RuntimeError):
        return None


def load_folder(folder: Path) -> ChatTemplate:
    """The chat template of a model's folder, with its marks, and its tokenizer where that can be read.

    A file of its own goes before tokenizer_config.json. Raises Invalid where there is none, and never tells what else
    lies there. Source: transformers 5.24, which reads the same files.
    """
    config = _read_object(folder, "tokenizer_config.json")
    sources = _read_sources(folder, config)
    usual = sources.get("default")
    if not sources:
        raise Invalid(NO_TEMPLATE, code="no_template")
    if usual is None:
        names = ", ".join(sorted(sources))
        raise Invalid(f"This folder has several chat templates and no default: {clip(names, 200)}.", code="no_template")
    texts = {**_read_object(folder, "special_tokens_map.json"), **config}
    tokens = {
        name: text for name, value in texts.items() if name.endswith("_token") and (text := _text_of(value)) is not None
    }
    extra = texts.get("extra_special_tokens")
    if isinstance(extra, dict):
        tokens |= {str(name): text for name, value in extra.items() if (text := _text_of(value)) is not None}
    listed = texts.get("additional_special_tokens")
    known = [*tokens.values(), *(map(_text_of, listed) if isinstance(listed, list) else ())]
    decoder = config.get("added_tokens_decoder")
    known += [_text_of(one) for one in decoder.values()] if isinstance(decoder, dict) else []
    name = _name_of(folder)
    return ChatTemplate(
        str(folder),
        name,
        usual,
        find_family(name),
        sources.get("tool_use", ""),
        tokens,
        frozenset(one for one in known if one),
        _load_tokenizer(read_named(folder, "tokenizer.json", TOKENIZER_BYTES)),
    )


def _read_sources(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """The templates of a folder by their names."""
    found: dict[str, str] = {}
    if (own := _read_text(folder, "chat_template.jinja")) is not None:
        found["default"] = own
    more: list[str] = []
    with suppress(OSError):
        more = sorted(one.name for one in (folder / "additional_chat_templates").glob("*.jinja"))
    for name in more[:MOST_TEMPLATES]:
        if (text := _read_text(folder, f"additional_chat_templates/{name}")) is not None:
            found[name.removesuffix(".jinja")] = text
    if found:
        return found
    said = config.get("chat_template") or _read_object(folder, "chat_template.json").get("chat_template")
    if isinstance(said, list):
        said = {str(one.get("name")): one.get("template") for one in said[:MOST_TEMPLATES] if isinstance(one, dict)}
    if isinstance(said, str):
        said = {"default": said}
    return {str(name): text for name, text in said.items() if isinstance(text, str)} if isinstance(said, dict) else {}


def _read_text(folder: Path, name: str) -> str | None:
    data = read_named(folder, name, TEMPLATE_BYTES)
    with suppress(UnicodeDecodeError):
        return None if data is None else data.decode()
    return None


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    data = read_named(folder, name, CONFIG_BYTES)
    with suppress(ValueError, RecursionError):
        value = json.loads(data or b"{}")
        return value if isinstance(value, dict) else {}
    return {}


def _text_of(value: object) -> str | None:
    """A token, which is a text or an object that has it."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _name_of(folder: Path) -> str:
    """The name of a model by its folder; in the cache of a hub that of the repository."""
    for one in (folder.name, *(part.name for part in folder.parents[:2])):
        if one.startswith("models--"):
            return one.removeprefix("models--").replace("--", "/")
    return folder.name


def _load_tokenizer(data: bytes | None) -> Any:
    """The tokenizer of a tokenizer.json, without what shortens or fills up texts; None where nothing can read it."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    if data is None:
        return None
    try:
        found = Tokenizer.from_buffer(data)
    except Exception:  # noqa: BLE001 (the library raises nothing more special)
        return None
    found.no_truncation()
    found.no_padding()
    return found


def list_installed() -> dict[str, str]:
    """The names of the templates that installed packages ship, with their titles."""
    found = {}
    for path in _trl_files():
        of_training = " for training" if path.stem.endswith("_training") else ""
        found[f"trl:{path.stem}"] = f"{path.stem.removesuffix('_training')}{of_training}, of TRL"
    if find_spec("mistral_common") is not None:
        found |= {f"mistral:{one}": f"Mistral {one}, of mistral-common" for one in _MISTRAL_VERSIONS}
    return found


def load_installed(name: str) -> ChatTemplate:
    """A template of an installed package by its name. Raises NotFound."""
    owner, _, short = name.partition(":")
    if name not in list_installed():
        raise NotFound(f"There is no chat template {clip(name, 60)!r} here.", code="no_template")
    title = list_installed()[name]
    if owner == "trl":
        source = next(path for path in _trl_files() if path.stem == short).read_text(encoding="utf-8")
        tokens = next((one for start, one in _TRL_TOKENS.items() if short.startswith(start)), {})
        return ChatTemplate(
            name,
            title,
            source,
            find_family(short.replace("gptoss", "gpt-oss")),
            tokens=tokens,
            marks=frozenset(tokens.values()),
        )
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    return ChatTemplate(name, title, _make_mistral(short), tokens=tokens, marks=frozenset(tokens.values()))


def _trl_files() -> list[Path]:
    """The templates of TRL, which is not imported: it would load PyTorch."""
    spec = find_spec("trl")
    if spec is None or spec.origin is None:
        return []
    return sorted((Path(spec.origin).parent / "chat_templates").glob("*.jinja"))


def _make_mistral(version: str) -> str:
    from mistral_common.integrations.chat_templates.chat_templates import generate_chat_template
    from mistral_common.tokens.tokenizers.base import TokenizerVersion

    source: str = generate_chat_template(
        spm=version in ("v1", "v2", "v3"),
        tokenizer_version=TokenizerVersion(version),
        image_support=False,
        audio_support=False,
        thinking_support=False,
        default_system_prompt=None,
        plain_thinking_support=False,
        use_special_token_variables=True,
        model_settings_fields=None,
        reasoning_effort_values=None,
        reasoning_effort_default=None,
    )
    return source
