"""Small data for tests: a dataset with pairs and a history, and texts that try to break out."""

from app.services import datasets, history, pairs

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


def dataset(name: str = "Tests", count: int = 3) -> int:
    """The id of a dataset with some pairs."""
    made = datasets.create(name)
    for number in range(1, count + 1):
        pairs.add(made.id, f"Question {number}?", f"Answer {number}.", tags=["made"])
    return made.id


def hostile_dataset() -> int:
    """A dataset whose every text tries to be markup: name, question, answer, system prompt and tags."""
    made = datasets.create(MARKUP[0])
    for text in MARKUP:
        pairs.add(made.id, text, text, system=text, tags=[text[:80]])
    history.delete(made.id, [history_id(made.id)])
    return made.id


def history_id(dataset_id: int) -> int:
    """The id of the newest pair."""
    from app.services import entries

    return max(entry.id for entry in entries.stream_entries(dataset_id))
