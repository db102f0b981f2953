"""What the import pages and commands are told, as settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.core.layouts import LAYOUTS, TARGETS
from app.core.reading import Detected
from app.core.reading.detection import DETECTED_SETTINGS, ROW_SETTINGS
from app.forms.options import read_form
from app.services.imports import Settings

SKIP = "-"
# What a column of a table can become; the empty choice keeps it beside the pair under its own name.
COLUMN_CHOICES = [
    ("", "Keep"),
    *(
        (name, TARGETS[name])
        for name in ("question", "answer", "system", "history", "tags", "reasoning", "rejected_answer", "passage")
    ),
    *((name, TARGETS[name]) for name in ("status", "split", "source", "family")),
    (SKIP, "Skip"),
]
LAYOUT_CHOICES = [(name, layout.title) for name, layout in LAYOUTS.items()]
DELIMITER_CHOICES = [(",", "Comma ,"), (";", "Semicolon ;"), ("\t", "Tab"), ("|", "Bar |")]


@dataclass(frozen=True)
class ImportForm:
    """The choices on the import page. They travel in the address while looking, in the body when importing."""

    values: Mapping[str, str]

    def reading(self) -> Settings:
        """How to read the file: what can be told before its columns are known."""
        settings = read_form(Settings, self.values, asked=self.asked, only=ROW_SETTINGS)
        if self._changed("format"):
            settings = replace(settings, delimiter=None, header=None, sheet=None)
        return replace(settings, layout=None) if self._changed("format") or self._changed("sheet") else settings

    def settings(self, found: Detected) -> Settings:
        """All choices, with the columns that were found."""
        reading = {name: getattr(self.reading(), name) for name in DETECTED_SETTINGS}
        mapping, skip = self._columns((*found.columns, *found.fields))
        said = read_form(Settings, self.values, asked=self.asked)
        return replace(said, **reading, mapping=mapping, skip=skip)

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only the page opened."""
        return "asked" in self.values

    def _changed(self, name: str) -> bool:
        """Whether this was chosen anew since the columns were shown."""
        return self.asked and self.values.get(name, "") != self.values.get(f"was_{name}", "")

    def _columns(self, columns: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The mapping and the columns to leave out. What was chosen for other columns is forgotten."""
        shown = self.values.get("columns_shown") == str(len(columns))
        sent = any(name.startswith("col.") for name in self.values)
        if not (shown and sent) or any(self._changed(name) for name in ("format", "sheet", "layout")):
            return {}, ()
        chosen = {column: self.values.get(f"col.{place}", "") for place, column in enumerate(columns)}
        # A target that was given to no column has none, whatever was found.
        mapping = dict.fromkeys(TARGETS, "")
        for column, target in chosen.items():
            if target in TARGETS:
                mapping[target] = mapping[target] or column
        return mapping, tuple(column for column, target in chosen.items() if target == SKIP)
