"""Small data for tests: a dataset with pairs and a history, and texts that try to break out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.record import Record
from app.services import datasets, entries, history, pairs, tasks
from app.services.tasks import Task

# Each would do something if a page took it for markup.
MARKUP = (
    "<script>window.broken = 1</script>",
    '"><img src=x onerror="window.broken = 1">',
    "'><svg onload=window.broken=1>",
    "</textarea><script>window.broken = 1</script>",
    "</title><script>window.broken = 1</script>",
    "javascript:window.broken=1",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7}<!--",
    "&lt;b&gt; &amp;amp;",
    '" autofocus onfocus="window.broken = 1',
)


@dataclass(frozen=True)
class ProbeOptions:
    """What the task of tests is asked."""

    n: int = 0
    dataset_id: int | None = None


def declare_probe(run: Callable[[ProbeOptions, Any], Any], **more: Any) -> Task[Any]:
    """A task named probe that does what a test wants. Use with the fixture ``own_tasks``."""
    return tasks.declare(Task("probe", ProbeOptions, run, lambda options: "Probe", ("", ()), **more))


def dataset(name: str = "Tests", count: int = 3) -> int:
    """The id of a dataset with some pairs."""
    made = datasets.create_dataset(name)
    for number in range(1, count + 1):
        pairs.add_pair(made.id, f"Question {number}?", f"Answer {number}.", tags=["made"])
    return made.id


_WRAPPERS = ("{}", "</td>{}", "</textarea>{}", "</title>{}", "-->{}", '">{}', "'>{}", "]]>{}", "</script>{}")
_PAYLOADS = (
    "<script>window.broken = 1</script>",
    "<img src=x onerror=window.broken=1>",
    "<svg/onload=window.broken=1>",
    "<body onpageshow=window.broken=1>",
    "<iframe srcdoc='<script>parent.broken=1</script>'></iframe>",
    "<details open ontoggle=window.broken=1>",
    "<a href=javascript:window.broken=1 autofocus onfocus=window.broken=1>x</a>",
    "<input autofocus onfocus=window.broken=1>",
    "<video><source onerror=window.broken=1></video>",
    "<math><mtext></math><img src=x onerror=window.broken=1>",
)
# A hundred ways out of wherever a page may put a text.
ESCAPES = (*MARKUP, *(wrapper.format(payload) for wrapper in _WRAPPERS for payload in _PAYLOADS))


def hostile_dataset(texts: Sequence[str] = MARKUP) -> int:
    """A dataset whose every text tries to be markup: name, question, answer, system prompt and tags."""
    made = datasets.create_dataset(texts[0], description=texts[1], system_prompt=texts[2])
    records = [Record(text, text, text, rejected_answer=text, tags=(text[:80],)) for text in texts]
    history.create(made.id, records, summary=texts[0])
    newest = max(entry.id for entry in entries.stream_entries(made.id))
    history.delete(made.id, [newest])
    return made.id
