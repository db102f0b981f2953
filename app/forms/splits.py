"""What the page of splits is told. All of it stands in the address, so that a view is a link."""

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.core.errors import BadUsage
from app.core.options import options_of, read_text
from app.core.record import SPLITS
from app.core.splits import WHY, SplitOptions

PRESETS = ("80/10/10", "90/5/5", "90/10/0")
_OPTIONS = {one.name: one for one in options_of(SplitOptions)}


@dataclass(frozen=True)
class SplitForm:
    """The choices on the page; ``usual`` are those that it begins with."""

    values: "MultiDict[str, str]"
    usual: SplitOptions

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only the page opened."""
        return "asked" in self.values

    @property
    def shares(self) -> dict[str, str]:
        """The share of each split as it stands in its field."""
        preset = self.values.get("preset", "")
        if preset in PRESETS or not self.asked:
            ratios = preset if preset in PRESETS else self.usual.ratios
            return dict(zip(SPLITS, ratios.split("/"), strict=True))
        return {name: self.values.get(name, "").strip() for name in SPLITS}

    @property
    def groups(self) -> tuple[str, ...]:
        """What is ticked."""
        return tuple(self.values.getlist("group_by")) if self.asked else self.usual.group_by

    def text(self, name: str) -> str:
        """What stands in the field of an option."""
        one = _OPTIONS[name]
        value = getattr(self.usual, name)
        if self.asked:
            return self.values.get(one.word, "").strip()
        return "" if value is None else str(value) if not isinstance(value, bool) else "01"[value]

    def options(self) -> SplitOptions:
        """The choices. Raises BadUsage and Invalid where they make no sense."""
        if not self.asked:
            return self.usual
        if any(not share for share in self.shares.values()):
            raise BadUsage("A share is missing. Write 0 where a split is not wanted.", code="bad_ratios")
        said = {name: read_text(_OPTIONS[name], text) for name in ("minimum", "seed") if (text := self.text(name))}
        lock = {"1": True, "0": False}.get(self.text("lock"))
        ratios = "/".join(self.shares.values())
        return SplitOptions(ratios=ratios, group_by=self.groups, stratify=self.text("stratify"), lock=lock, **said)

    @property
    def why(self) -> str:
        """Which kind of leak is shown; none is all of them."""
        name = self.values.get("why", "")
        return name if name in WHY else ""
