"""Chat templates of our own, in the shapes of well-known families, and folders that hold them as models do."""

import json
from pathlib import Path
from typing import Any

CHATML = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

# It marks by itself what the model says.
MARKED = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}{{- message.content + '<|im_end|>' }}{%- endgeneration %}{{- '\\n' }}
    {%- else %}
        {{- message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

HEADERS = """\
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header|>' + message['role'] + '<|end_header|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header|>assistant<|end_header|>\\n\\n' }}{%- endif %}"""

# No system role, and turns must alternate.
TURNS = """\
{{- bos_token }}
{%- if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate user/assistant/...') }}
    {%- endif %}
    {%- set role = 'model' if message.role == 'assistant' else message.role %}
    {{- '<start_of_turn>' + role + '\\n' + message.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"""

# The system prompt stands before the last question, wherever that is; no prompt begins an answer.
INST = """\
{{- bos_token }}
{%- set system = messages[0].content if messages[0].role == 'system' else '' %}
{%- set rest = messages[1:] if system else messages %}
{%- for message in rest %}
    {%- if message.role == 'user' %}
        {%- if loop.last or loop.index0 == rest | length - 2 %}{% set before = system + '\\n\\n' if system else '' %}
        {%- else %}{% set before = '' %}{%- endif %}
        {{- '[INST] ' + before + message.content + ' [/INST]' }}
    {%- else %}
        {{- ' ' + message.content + eos_token }}
    {%- endif %}
{%- endfor %}"""

# The reasoning of earlier answers goes once another question follows; the last answer has a block in any case.
THINKING = """\
{%- set ns = namespace(last=-1) %}
{%- for message in messages %}{%- if message.role == 'user' %}{% set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content or '' %}
    {%- set thought = message.reasoning_content or '' %}
    {%- if '</think>' in content %}
        {%- set thought = content.split('</think>')[0].split('<think>')[-1] | trim %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' and loop.index0 > ns.last %}
        {{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}
    {%- endif %}
    {{- content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

CALLING = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}{% for tool in tools %}{{ tool | tojson + '\\n' }}{% endfor %}{{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
    {%- for call in message.tool_calls or [] %}
        {%- set call = call.function or call %}
        {{- '<tool_call>' + {'name': call.name, 'arguments': call.arguments} | tojson + '</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

FAMILIES = {
    "chatml": CHATML,
    "marked": MARKED,
    "headers": HEADERS,
    "turns": TURNS,
    "inst": INST,
    "thinking": THINKING,
    "calling": CALLING,
}
TOKENS = {"bos_token": "<s>", "eos_token": {"content": "</s>", "special": True}, "pad_token": None}

# Each of them must end in a sentence.
HOSTILE = {
    "counts far": "{% for i in range(10**9) %}x{% endfor %}",
    "counts in counts": "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "repeats a text": "{{ 'a' * 10**9 }}",
    "repeats a list": "{{ ([0] * 10**9) | length }}",
    "doubles": "{% set ns = namespace(t='aaaaaaaa') %}{% for i in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
    "fills up": "{{ 'a'.ljust(10**10) }}",
    "formats": "{{ '%10000000000d' % 1 }}",
    "replaces": "{{ ('a' * 999999).replace('a', 'a' * 99999) }}",
    "takes powers": "{{ 10 ** 10 ** 10 }}",
    "shifts": "{{ (1).__lshift__(10 ** 10) }}",
    "calls itself": "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "writes much": "{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}",
    "raises": "{{ raise_exception('No.') }}",
    "raises nothing": "{{ raise_exception() }}",
    "looks inside": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "looks at functions": "{{ raise_exception.__globals__ }}",
    "looks at modules": "{{ strftime_now.__globals__['__builtins__'].open('/etc/passwd').read() }}",
    "sets a name": "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    "changes messages": "{{ messages.append(1) }}{{ messages.clear() }}",
    "includes": "{% include '/etc/passwd' %}",
    "imports": "{% import 'os' as os %}{{ os }}",
    "divides": "{{ 1 / 0 }}",
    "asks for nothing": "{{ messages[99].content + nothing.at.all }}",
    "is half": "{% for message in messages %}",
    "is deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "is deep in blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "ends a block twice": "{% endgeneration %}",
}


def model_folder(folder: Path, template: Any = CHATML, *, name: str = "model", as_file: bool = False) -> Path:
    """The folder of a model with a chat template, in a file of its own or in the configuration."""
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    config = dict(TOKENS) if as_file else {**TOKENS, "chat_template": template}
    (path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    if as_file:
        (path / "chat_template.jinja").write_text(template, encoding="utf-8")
    return path


def add_tokenizer(folder: Path) -> None:
    """Put a small tokenizer of words into the folder of a model; marks are tokens of their own."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"[?]": 0}, unk_token="[?]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in ("<|im_start|>", "<|im_end|>", "<s>", "</s>")])
    made.enable_truncation(4)
    made.enable_padding(length=9)
    made.save(str(folder / "tokenizer.json"))
