"""What the import pages and commands are told, as settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.layouts import LAYOUTS, TARGETS
from app.services.imports import Settings
from app.services.imports.detecting import Found

SKIP = "-"
# What a column of a table can become; the empty choice keeps it beside the pair under its own name.
COLUMN_CHOICES = [
    ("", "Keep"),
    *((name, TARGETS[name]) for name in ("question", "answer", "system", "tags", "rejected_answer", "passage")),
    *((name, TARGETS[name]) for name in ("status", "split")),
    (SKIP, "Skip"),
]
LAYOUT_CHOICES = [(name, layout.title) for name, layout in LAYOUTS.items()]
DELIMITER_CHOICES = [(",", "Comma ,"), (";", "Semicolon ;"), ("\t", "Tab"), ("|", "Bar |")]
_TEXTS = ("format", "layout", "encoding", "delimiter", "sheet")


@dataclass(frozen=True)
class ImportForm:
    """The choices on the import page. They travel in the address while looking, in the body when importing."""

    values: Mapping[str, str]

    def reading(self) -> Settings:
        """How to read the file: what can be told before its columns are known."""
        texts = {name: self.values.get(name) or None for name in _TEXTS}
        header = self.values.get("header") == "1" if self.values.get("header_asked") else None
        if self._changed("format"):
            texts["delimiter"], header, texts["sheet"] = None, None, None
        if self._changed("format") or self._changed("sheet"):
            texts["layout"] = None
        safe = self._ticked("spreadsheet_safe") if self.values.get("spreadsheet_safe_asked") else None
        return Settings(**texts, header=header, spreadsheet_safe=safe)  # type: ignore[arg-type]

    def settings(self, found: Found) -> Settings:
        """All choices, with the columns that were found."""
        mapping, skip = self._columns(found.columns)
        given = self.values.get
        return self.reading().but(
            mapping=mapping,
            skip=skip,
            alpaca_input=given("alpaca_input") or "newline",
            on_duplicate=given("on_duplicate") or "keep",
            allow_unanswered=self._ticked("allow_unanswered"),
            system=(given("system") or "").replace("\r\n", "\n") or None,
            tags=tuple(" ".join(tag.split()) for tag in (given("tag") or "").split(",") if tag.strip()),
            html_to_markdown=self._ticked("html_to_markdown"),
            strict=self._ticked("strict"),
            remember=not self.asked or self._ticked("remember"),
        )

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only the page opened."""
        return "asked" in self.values

    def chose(self, name: str) -> bool:
        """Whether the form says something about this."""
        return bool(self.values.get(name))

    def _ticked(self, name: str) -> bool:
        return self.values.get(name) == "1"

    def _changed(self, name: str) -> bool:
        """Whether this was chosen anew since the columns were shown."""
        return self.asked and self.values.get(name, "") != self.values.get(f"was_{name}", "")

    def _columns(self, columns: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The mapping and the columns to leave out. What was chosen for other columns is forgotten."""
        shown = self.values.get("columns_shown") == str(len(columns))
        if not shown or any(self._changed(name) for name in ("format", "sheet", "layout")):
            return {}, ()
        chosen = {column: self.values.get(f"col.{place}", "") for place, column in enumerate(columns)}
        mapping: dict[str, str] = {}
        for column, target in chosen.items():
            if target in TARGETS:
                mapping.setdefault(target, column)
        return mapping, tuple(column for column, target in chosen.items() if target == SKIP)
