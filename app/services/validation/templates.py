"""Chat templates by what somebody named: one of ours, of an installed package, or the folder of a model.

A folder is named by commands, and by writes that carry a token, never by an address that is only read: whoever can
read our pages must not have files rendered. See docs/decisions/0028.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.errors import Invalid
from app.core.record import Message
from app.core.validation.training import Template, Written
from app.services.bounded import open_bounded

# Our own plain form, which needs no template.
PLAIN = "chatml"
MAX_NAME = 1_000


@dataclass(frozen=True)
class _Bounded:
    """A chat template in a child process."""

    name: str
    family: str
    counts: bool
    call: Callable[..., Any]

    def write(self, messages: Sequence[Message], tools: Sequence[object]) -> Written:
        """The conversation in the words of the template. Raises TooLarge past a bound."""
        written: Written = self.call("write", messages, tools)
        return written


def is_folder(said: str) -> bool:
    """Whether a text names a folder, and not a template by its name."""
    return bool(said) and said != PLAIN and not said.startswith(("trl:", "mistral:"))


@contextmanager
def open_template(said: str) -> Iterator[Template | None]:
    """The template that a text names, in a process with bounds; None for our own plain form.

    Raises Invalid or NotFound where there is none, TooLarge where it passes a bound.
    """
    if said in ("", PLAIN):
        yield None
        return
    with open_bounded(_load, said, doing="Writing by this chat template") as call:
        name, family, counts = call("about")
        yield _Bounded(name, family, counts, call)


def require_template(said: str) -> str:
    """The name of a template that can be opened; that of a folder in full."""
    said = said.strip()
    if len(said) > MAX_NAME or "\0" in said:
        raise Invalid("That is no folder: its name is too long.", code="no_template")
    if is_folder(said):
        said = str(_path_of(said).absolute())
    with open_template(said):
        return "" if said == PLAIN else said


def _path_of(said: str) -> Path:
    try:
        return Path(said).expanduser()
    except RuntimeError as error:
        raise Invalid("That is no folder: there is no such user here.", code="no_template") from error


def list_templates() -> dict[str, str]:
    """The names of the templates that need no folder, with their titles."""
    from app.providers.templates import list_installed

    return {PLAIN: "ChatML, plain", **list_installed()}


def _load(said: str) -> Any:
    from app.providers.templates import load_folder, load_installed

    return load_folder(_path_of(said)) if is_folder(said) else load_installed(said)
