"""What people choose of a run, declared once for the page, the command and the API."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import Invalid
from app.core.options import option
from app.core.training import METHODS, TOY, Base, TrainingSettings, usual_settings
from app.services import entries

MAX_NAME, MAX_NOTE, MAX_BASE = 200, 10_000, 4_000


@dataclass(frozen=True, slots=True)
class RunChoices:
    """A run as it is asked for. ``where`` is local, bundle or the id of a connection.

    Without ``snapshot`` it is the newest snapshot of the pairs as they are, which is made where there is none.
    """

    dataset_id: int
    snapshot: str = option("", "Snapshot", "Train on this snapshot.", metavar="S")
    where: str = option("local", "Where", "local, bundle, or the name of a connection.", metavar="PLACE")
    base: str = option("toy", "Base model", "toy, a folder, or the name of a model.", metavar="M")
    licence: str = option("", "Licence", "The licence of the base model, as you confirm it.", metavar="TEXT")
    method: str = option("lora", "Method", choices=METHODS)
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    seed: int = option(42, "Seed", "The same seed repeats the run.", between=(0, 2**31 - 1), metavar="N")
    held_out: int = option(
        0, "Held out", "Percent of the training pairs that become validation where there is none.", between=(0, 50)
    )
    name: str = option("", "Name", "What to call it.", metavar="TEXT")
    note: str = option("", "Note", "What to remember of it.", metavar="TEXT")
    override: str = option("", "Start anyway", "Why, although something has to be fixed first.", metavar="REASON")
    sweep: str = option("", "Sweep", flag="")
    price: str = option("", "Price", "What a service asks for a million trained tokens.", metavar="X")
    confirmed: str = option(
        "", "Confirmed sum", "What a run at a service costs, as --plan says it.", flag="--confirm", metavar="SUM"
    )

    def checked(self) -> "RunChoices":
        """The choices themselves. Raises Invalid for what does not go together."""
        if self.method not in METHODS:
            raise Invalid(f"There is no method {self.method!r}. Use one of {', '.join(METHODS)}.", code="no_method")
        if self.find_base().kind == "toy" and self.method in ("lora", "qlora"):
            said = "A toy model is trained with all its weights: choose the method full, dpo or kto."
            raise Invalid(said, code="toy_method")
        self.settings.checked()
        for text, what, most in (
            (self.name, "name", MAX_NAME),
            (self.base, "base model", MAX_BASE),
            (self.licence, "licence", MAX_NAME),
            (self.note, "note", MAX_NOTE),
            (self.override, "reason", MAX_NOTE),
        ):
            check_words(text, what, most)
        return self

    def find_base(self) -> Base:
        """The base model that ``base`` names: toy, a folder of this computer, or a model by its name."""
        if self.base in ("", "toy"):
            return TOY
        # Not Path's ways: they raise for users and names that cannot be, and for folders of others.
        folder = Path(os.path.expanduser(self.base))
        if os.path.isdir(folder):
            return Base("folder", folder.name, str(folder.absolute()), self.licence)
        return Base("hub", self.base, None, self.licence)


def check_words(text: str, what: str, most: int) -> None:
    """Raise Invalid for what is too long, or what no database keeps."""
    if len(text) > most:
        raise Invalid(
            f"The {what} is longer than {most:,} characters. Shorten it.", code=f"long_{what.replace(' ', '_')}"
        )
    entries.check_text(text, what)


def usual_choices(dataset_id: int, *, base: str = "toy") -> RunChoices:
    """What is chosen where nobody says anything."""
    kind, method = ("toy", "full") if base in ("", "toy") else ("hub", "lora")
    return RunChoices(dataset_id, base=base, method=method, settings=usual_settings(kind, method))
