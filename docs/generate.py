"""Writes the reference pages that follow from the code: ``python docs/generate.py``. A test holds them up to date."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

_NOTE = "<!-- Written by docs/generate.py; do not edit. -->"


def commands() -> str:
    """Every command with its help, as the command prints it."""
    from app.cli import cli

    top = click.Context(cli, info_name="ltt", **cli.context_settings, **_WIDTH)
    return "\n".join(["# Commands", "", _NOTE, "", _EXIT_CODES, *_help_of(cli, top)])


_WIDTH = {"terminal_width": 80, "max_content_width": 80}
_EXIT_CODES = """\
Exit codes: 0 done · 1 done, with findings · 2 wrong usage · 3 input refused · 4 refused by state (busy,
conflict, no such dataset, newer schema) · 5 outside failure (disk full, network). Messages for people go to stderr;
`--json` prints exactly one JSON object to stdout.
"""


def _help_of(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _help_of(found, click.Context(found, info_name=name, parent=context, **_WIDTH))


def settings() -> str:
    """Every setting with its default and meaning."""
    from app import config

    intro = "Set them as environment variables. `ltt config` shows the values in use."
    lines = ["# Settings", "", _NOTE, "", intro, ""]
    lines += ["| name | default | meaning |", "|---|---|---|"]
    for setting in config.SETTINGS.values():
        default = "`instance/` of the checkout" if setting.name == "LTT_DATA_DIR" else f"`{setting.default}`"
        lines.append(f"| `{setting.name}` | {default if default != '``' else 'unset'} | {setting.meaning} |")
    return "\n".join([*lines, ""])


def formats() -> str:
    """Every format and layout, with what each can hold."""
    from app.core.formats import FORMATS
    from app.core.layouts import LAYOUTS
    from app.core.targets import EXPORT_TARGETS, GROUPS

    lines = ["# Formats and layouts", "", _NOTE, "", _FORMATS, "| name | format | endings |", "|---|---|---|"]
    for one in FORMATS.values():
        title = one.title if one.write else f"{one.title} (read, not written)"
        lines.append(f"| `{one.name}` | {title} | {', '.join(f'`{ending}`' for ending in one.extensions)} |")
    lines += ["", _LAYOUTS, "| name | layout | carries beside question and answer |", "|---|---|---|"]
    for layout in LAYOUTS.values():
        title = layout.title if layout.is_written else f"{layout.title} (read, not written)"
        lines.append(f"| `{layout.name}` | {title} | {', '.join(sorted(layout.holds))} |")
    lines += ["", _REASONING.rstrip()]
    lines += ["", "## Export targets", "", _TARGETS]
    lines += ["| target | for | group | written as | rules | note |", "|---|---|---|---|---|---|"]
    for target in EXPORT_TARGETS.values():
        form = f"`{target.format}:{target.layout}`" + (", folder or .zip" if target.bundle else "")
        title = f"{target.title} (legacy)" if target.is_legacy else target.title
        rules = f"`{target.profile}`" if target.profile else f"{target.source} {target.date}".strip()
        note = " ".join(filter(None, (f"{target.hint}.", target.note)))
        lines.append(f"| `{target.name}` | {title} | {GROUPS[target.group]} | {form} | {rules} | {note} |")
    lines += ["", "## Examples"]
    for one in LAYOUTS.values():
        lines += ["", f"`{one.name}`:", "", "```json", json.dumps(one.example, ensure_ascii=False), "```"]
    return "\n".join([*lines, ""])


_FORMATS = """\
A *format* is how bytes become rows. It is told by the content of a file, not by its name; `.gz`, `.zst` and a `.zip`
are opened; one with several files is read as a set ([import](import.md)).
"""
_LAYOUTS = """\
A *layout* is what a row means. `FORMAT:LAYOUT` names both, as in `jsonl:openai`. What a layout cannot carry is counted
and shown.
"""


_TARGETS = """\
An *export target* names who reads the file; it is a format and a layout with whatever else its reader wants. Its name
stands behind `--to` of `ltt export` and `ltt convert`, and in the API. [Export](export.md) tells what folders hold.
"""


_REASONING = """\
**Reasoning** (what leads to an answer) is a field of the answer, and of each assistant message before it. It is read
from the keys `reasoning_content`, `reasoning` and `thinking` of messages, from columns of these names beside a pair,
and from blocks of type `reasoning` or `thinking`; from `<think>…</think>` at the start of an answer only where that is
chosen (`--lift-thinking`, or the operation `lift-thinking`). It is written

- in `openai`, `prompt-completion` and preference pairs as the key it was read from, else as `reasoning_content`;
- for a target as the key that it reads: `reasoning_content` for TRL, axolotl, Together and Fireworks, `thinking` for
  gpt-oss, none for OpenAI, Azure and Mistral;
- in `sharegpt`, `kto`, `alpaca` and `swift` as `<think>…</think>` before the answer, for LLaMA-Factory and MS-Swift;
- in `columns` as the column `reasoning`, in `anthropic` as a block of type `thinking`.

Chat templates such as Qwen3's take the reasoning of earlier turns away. For targets that train with them, a
conversation with reasoning in an earlier turn becomes a row for each turn that ends with that turn's answer. Earlier
answers in it are marked as not trained where the target reads such a mark (axolotl, MS-Swift).

**Source** (the document that a pair comes from) and **family** (other wordings of one pair share it) say what belongs
together; nothing is learned from them. In `columns` they are columns of their own. Beside other layouts they are read
where the mapping names a column for them (`--map source=COL,family=COL`), and written with other columns.
"""


def routes() -> str:
    """Every route with what it asks of a request."""
    from app import create_app
    from app.frontdoor.routes import list_routes

    with tempfile.TemporaryDirectory() as folder:
        rows = list_routes(create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"}))
    lines = ["# Routes", "", _NOTE, "", "`ltt api-routes --json` prints the same for programs.", ""]
    lines += ["| method | path | a write needs | largest body |", "|---|---|---|---|"]
    for row in rows:
        limit = f"{row.body_limit_mb} MB" if row.body_limit_mb else ""
        lines.append(f"| {row.method} | `{row.path}` | {'' if row.auth == 'none' else row.auth} | {limit} |")
    return "\n".join([*lines, ""])


def validation() -> str:
    """Every profile with its date and sources, and every rule with an example of what it finds."""
    from app.core.validation import FIXES, RULES, SEVERITIES, load_profiles

    profiles = load_profiles()
    lines = ["# Validation", "", _NOTE, "", _VALIDATION, "## Profiles", ""]
    lines += ["| profile | day | records | file | tokens | beyond | trains | export |", f"|{'---|' * 8}"]
    for one in profiles.values():
        least, most = one.limits.records_min, one.limits.records_max
        records = " ".join(f"{word} {number:,}" for word, number in (("from", least), ("to", most)) if number)
        size = f"{one.limits.megabytes:,.0f} MB" if one.limits.megabytes else ""
        tokens = f"{one.length.tokens:,}" if one.length.tokens else ""
        form = f"`{one.format}:{one.layout}`"
        cells = (
            f"`{one.name}`",
            one.date.isoformat(),
            records,
            size,
            tokens,
            one.length.beyond or "",
            one.trains,
            form,
        )
        lines.append(f"| {' | '.join(cells)} |")
    for one in profiles.values():
        lines += ["", f"### `{one.name}`", "", f"{one.title}. {one.about}".replace(".. ", ". ").strip(), ""]
        if one.reasoning.key or one.reasoning.note:
            key = f"read from `{one.reasoning.key}`. " if one.reasoning.key else ""
            lines.append(f"- Reasoning: {key}{one.reasoning.note}")
        if one.trains_setting:
            lines.append(f"- What is trained can be set: {one.trains_setting}.")
        if one.drops:
            lines.append(f"- Rows are dropped without an error for: {', '.join(f'`{code}`' for code in one.drops)}.")
        lines += [f"- {event.date.isoformat()}: {event.says}" for event in one.calendar]
        said = (f"[{each.title}]({each.url})" if each.url else each.title for each in one.sources)
        versions = (f" ({each.version})" if each.version else "" for each in one.sources)
        lines.append(f"- Sources: {'; '.join(map(''.join, zip(said, versions, strict=True)))}.")
    lines += ["", "## Rules", "", _RULES.rstrip()]
    for code, rule in RULES.items():
        using = sorted(name for name, one in profiles.items() if code in one.rules)
        by: dict[str, list[str]] = {}
        for name in using:
            by.setdefault(profiles[name].rules[code], []).append(name)
        said = [f"{SEVERITIES[each]}: {', '.join(by[each])}." for each in SEVERITIES if each in by]
        lines += ["", f"### `{code}`", "", f"**{rule.title}.** {rule.why} {' '.join(said)}"]
        if isinstance(rule.bad, (list, tuple)) and len(rule.bad) == 1 and isinstance(rule.bad[0], dict):
            lines += ["", "```json", json.dumps(rule.bad[0], ensure_ascii=False), "```"]
    lines += ["", "## Fixes", "", "A finding names one where it changes nothing but what is wrong.", ""]
    lines += ["| fix | what it does |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in FIXES.items())]
    return "\n".join([*lines, ""])


_VALIDATION = """\
`ltt validate FILE`, `ltt validate --dataset D`, `POST /api/v1/validate` and `POST /api/v1/datasets/{id}/validate` say
what a target would refuse, drop or overlook: every error of every record, with its record, line, JSON path, one
sentence, how grave it is, and a fix where one is safe. Nothing is changed.

A file in the target's own form is checked row by row as it is; any other file, and a dataset, as it would be exported
for that target. `--profile` takes several names with commas between them, or `all`: the result is a matrix of what each
target keeps, drops and refuses. `dropped` are the records that a target does not train, `rejected` those of them over
which it refuses the file or stops. `--against FILE` finds records and questions that stand in another file too.

Severities: *Must fix* (`error`), *Look at* (`warning`), *Hint* (`hint`). All findings are counted; `--limit N` says how
many are listed. The worst stand first.

**The overview** of a dataset keeps what its last check found: what must be fixed, what to look at and hints, each with
the pairs meant (*Show*, or `finding=CODE` of the list and the API) and a button that puts it right and says in how many
pairs: a step of cleaning opens as a preview of just these pairs; repeats are deleted (of equal pairs one stays),
messages of one speaker merged, weights and keys mended, what says nothing rejected, each as one step with undo; what
only a person can write opens the first pair. All findings are counted; up to 5,000 for each rule and target are
listed. A pair that was rewritten since leaves the list, and the page says how much was changed since; where that is up
to 200 pairs, *Recheck* looks at those alone. A check looks at all pairs that are not rejected, approved or not; where
an export takes the approved ones alone, the page says how many these are, and leads to the review where the target
wants more. Whether there are too few or too many follows their number without a check. A finding can be waived
with a reason, and a lint switched off, for this dataset. The API has the same: `POST …/check`, `GET …/check` and
`GET …/findings`, `POST …/findings/CODE/fix` and
`…/aside`.

**Fix all.** *Fix N pairs at once…* on the overview shows what all safe fixes would do together, with the first pairs
before and after, and does it as one step: texts whose fault a step of cleaning finds itself, mends, and repeats.
Personal data and keys, refusals, and answers that somebody has to write are left to you, and findings that you untick
or waived are left alone. `ltt validate --dataset D --fix` checks, fixes and says what is still wrong; with `--dry-run`
it says what would change. `POST …/findings/fix` takes `{"codes": […], "dry_run": true}`. Waivers by which the last
check found nothing are listed on the overview, to be taken back.

**What is trained.** `--trained` shows each record as the target reads it, with what is trained between ⟦ and ⟧ and what
is cut between ✂ and ✂; the page *What is trained* (from the overview, the editor of a pair, the check of a file) and
`GET /api/v1/datasets/{id}/entries/{entry_id}/trained` show the same. Records are written as plain ChatML until a chat
template is chosen: `--template` takes the folder of a model (`chat_template.jinja` or `tokenizer_config.json`, and its
`tokenizer.json` for exact counts where `tokenizers` is installed), `chatml`, or a template that an installed package
ships (`trl:qwen3_training`, `mistral:v7`; `GET /api/v1/templates` lists them). A dataset keeps its template, and its
checks go by it. Where a template marks what the model says (`{% generation %}`), that is trained; else each answer is
what it adds to its prompt, and of answers that the template rewrites later nothing is claimed. `--trains` says what was
set otherwise than by default, such as `answers` for TRL's `assistant_only_loss`. Templates run in a process with
bounds on time and memory ([decision 28](decisions/0028-templates-of-strangers.md)).
**Cost.** `tokens.billed` is what one epoch reads: a record over the limit counts as the limit where it is cut, else not
at all. `cost` is that times the epochs of the target, or `--epochs N`, times `--price X` of a million tokens, with the
formula. No prices ship with the program; the overview keeps those that you enter.

**A mended copy.** `ltt validate FILE --fix OUT`, *Mend a copy* on the page *Check a file*, and
`POST /api/v1/validate/mended` write a copy in which what has a safe fix is put right: a key that is not known is left
out, null becomes `""`, a weight 0 or 1, arguments and tools are written as the target reads them, results of parallel
calls are joined, what stands after the last answer goes, equal rows are kept once. The copy is UTF-8, one record a
line. All other rows and keys stay letter by letter; what is said then is about the copy. The file itself is never
changed. Rows that cannot be read are not in the copy: they are counted, and the exit code is 1. Where two targets want
opposite things of one place, it stays as it is. Texts are not touched: that is what *Clean* does.

**In a pipeline:** exit code 0 where nothing must be fixed, 1 where something must, 2 for wrong usage, 3 where the file
cannot be read or it is not clear what its columns mean (say it by `--from` and `--map`).

```yaml
- run: ltt validate data/train.jsonl --profile openai-sft,together --against data/test.jsonl --json > findings.json
```

A profile is a JSON file in `app/core/validation/profiles`. Your own go into the folder `profiles` of the data folder;
one with the name of ours takes its place. `extends` names a profile whose values hold where yours says nothing else,
its own name included; of an object say only what differs, and null takes a value away:

```json
{"extends": "openai-sft", "date": "2026-12-01", "limits": {"records_min": 50}, "rules": {"unknown-key": "error"}}
```

| field | meaning |
|---|---|
| `title`, `about`, `date`, `sources` | what it is, and of which day and from where its facts are |
| `shapes`, `layout`, `format` | the forms of rows that the target reads; the layout and format in which we write |
| `refuses` | what an error stops: the `file`, the `run` or `nothing` |
| `drops`, `takes` | rules whose rows the target drops, or takes as they are |
| `limits` | `megabytes`, `records_min`, `records_max`, `records_advised`, `images`, `image_megabytes`, `weight_min` |
| `roles`, `row_keys`, `message_keys` | the names that are known, by the key of the role and by shape |
| `arguments`, `tools` | arguments of tool calls are `text` or an `object`, tools a `list` or `text`, or `any` |
| `first`, `last`, `banned`, `file_names` | who speaks first and last, refused words, names of files that are read |
| `length` | `tokens`, what is done `beyond` them (`cut`, `drop`, `refuse`), which end it `keeps`, the `setting` |
| `trains`, `trains_by_shape`, `trains_setting` | what is trained by default, in some forms otherwise; its setting |
| `weights`, `weight_key` | whether an answer of weight 0 is not trained, and the key that says so |
| `reasoning` | the key that it is read from, or `<think>`; none where the target has no place for it |
| `template` | true where conversations are written by the chat template of the model, which can be named |
| `epochs` | how many it runs: `usual`, for few or many records by `examples_min`, `most`, `examples_max`; `source` |
| `models` | `name`, `tokens`, `records_min`, `records_max`, `price` (a million tokens), `currency`, `reasoning` |
| `calendar` | days with what was announced for them, and how grave it is `before` and `after` |
| `rules` | each rule that is used, with its severity |
"""
_RULES = """\
A profile says which rules it uses and how grave each is. Examples are rows that the rule finds.
"""


def lints() -> str:
    """Every lint with why it matters, an example and what puts it right."""
    from app.core.validation import SEVERITIES
    from app.core.validation.lints import LINTS

    lines = ["# Lints", "", _NOTE, "", _LINTS]
    for one in LINTS.values():
        lines += [f"## `{one.code}`: {one.title}", "", f"{SEVERITIES[one.severity]}. {one.why}", ""]
        if one.sees_all:
            lines += ["It looks at all pairs together."]
        else:
            shown = one.bad[0]
            lines += [f"Found in: {_shown(shown.question)} → {_shown(shown.answer) if shown.answer else 'nothing'}"]
        lines += [
            "",
            f"Put right by the cleaning operation `{one.step.operation}`." if one.step else "Put right by hand.",
            "",
        ]
    return "\n".join(lines)


_LINTS = """\
What makes a pair poor material whatever trains on it. `ltt validate` tells them beside the rules of a target
(`--no-lint` leaves them out); none of them is a must-fix.
"""


def _shown(text: str) -> str:
    seen = "".join("⏎" if c == "\n" else c if c.isprintable() else "·" for c in text)
    return f"```` {seen} ````"


def rules() -> str:
    """Every rule and lint with what it finds, what it passes, and what puts it right."""
    from app.core.validation import RULES
    from app.core.validation.lints import LINTS

    lines = [
        "# Rules and lints",
        "",
        _NOTE,
        "",
        _FIXTURES,
        "| code | looks at | for | finds | passes |",
        f"|{'---|' * 5}",
    ]
    for rule in RULES.values():
        cells = _fixture(rule.bad), _fixture(rule.good)
        lines.append(f"| `{rule.code}` | {_LEVELS[rule.level]} | `{rule.profile}` | {' | '.join(cells)} |")
    for lint in LINTS.values():
        cells = _fixture([_pair(one) for one in lint.bad]), _fixture([_pair(one) for one in lint.good])
        level = "all pairs" if lint.sees_all else "a pair"
        lines.append(f"| `{lint.code}` | {level} | any | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


_FIXTURES = """\
What each rule of [validation](validation.md) and each [lint](lints.md) finds, and what it passes. The tests try each of
these on the target that is named: the first is found, the second is not. Long ones are cut here.
"""
_LEVELS = {
    "row": "a row",
    "texts": "the texts of a row",
    "set": "all rows",
    "file": "the file",
    "trained": "what is trained",
}


def _pair(record: Any) -> dict[str, Any]:
    said = {name: getattr(record, name) for name in ("system", "question", "answer", "tags")}
    return {name: value for name, value in said.items() if value or name == "answer"}


def _fixture(example: Any) -> str:
    """An example in a cell of a table: its first row and how many there are, its bytes, or what is known of a file."""
    from app.core.validation import FileFacts
    from app.core.validation.rules.base import TwoFiles
    from app.core.validation.training import Trained

    if isinstance(example, bytes):
        return _cell(repr(example)[2:-1])
    if isinstance(example, FileFacts):
        usual = FileFacts()
        told = {
            name: value for name in FileFacts.__slots__ if (value := getattr(example, name)) != getattr(usual, name)
        }
        return _cell(", ".join(f"{name} {value}" for name, value in told.items()) or "nothing special")
    if isinstance(example, Trained):
        found = example.refused or example.unclear or ", ".join(example.lost) or f"reasoning {example.reasoning}"
        return _cell(f"a template's outcome: {found}")
    more = ""
    if isinstance(example, TwoFiles):
        example, more = example.rows, " beside another file"
    example = example() if callable(example) else example
    if not example:
        return f"no row{more}"
    # Where rows differ, the last one is what it is about.
    shown = _cell(json.dumps(example[-1], ensure_ascii=False, default=str))
    return f"{shown}{f' after {len(example) - 1:,} more' if len(example) > 1 else ''}{more}"


def _cell(text: str) -> str:
    plain = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text).replace("|", "\\|")
    plain = plain if len(plain) <= 640 else f"{plain[:540]} … {plain[-80:]}"
    return f"```` {plain} ````"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "formats.md": formats,
    "lints.md": lints,
    "settings.md": settings,
    "routes.md": routes,
    "rules.md": rules,
    "validation.md": validation,
}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")
