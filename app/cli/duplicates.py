"""``ltt dedupe``: duplicates, conflicts and variants in a file or a dataset."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.conversion import output
from app.cli.files import open_file, target_of
from app.cli.workspace import open_workspace

if TYPE_CHECKING:
    from app.core.duplicates.files import Duplicates, Texts
    from app.core.duplicates.search import Meaning

SIDES = ("question", "answer", "pair")
METHODS = ("exact", "normalised", "near", "semantic")


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Look at this dataset instead of a file: name or id.")
@click.option("--on", "side", type=click.Choice(SIDES), default="question", show_default=True, help="What to compare.")
@click.option("--method", type=click.Choice(METHODS), default="near", show_default=True, help="How alike copies are.")
@click.option(
    "--threshold",
    type=click.IntRange(80, 100),
    default=90,
    show_default=True,
    help="For near and semantic: the least score.",
)
@click.option("--model", metavar="FOLDER", help="For semantic: the folder of a static model (model2vec).")
@click.option("--against", metavar="FILE", help="Which of the records does this other file have too?")
@click.option("--groups", metavar="OUT", help="Write a JSON line for each group here (- is stdout).")
@click.option("--out", metavar="OUT", help="Write FILE without its surplus copies here (- is stdout).")
@click.option("--from", "kind", metavar="F[:L]", help="Format and layout of FILE.  [default: detected]")
@click.option("--map", "mapping", metavar="T=COL,…", help="Which column is what: question=COL,answer=COL,…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def dedupe(file: str | None, dataset: str | None, as_json: bool, **choices: Any) -> int:
    """Find copies, conflicts and variants in FILE (- is stdin) or a dataset, and change neither.

    Of copies the first is kept in --out. Conflicts (one question, several answers) and variants (another number, name,
    date, unit or a "not") are listed and never removed. Exit code 1 where something was found.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and choices["out"]:
        raise click.UsageError("--out is for files. Settle the duplicates of a dataset on its page.")
    if [choices["groups"], choices["out"], "-" if as_json else None].count("-") > 1:
        raise click.UsageError("Only one of --groups, --out and --json can go to stdout.")
    return _Dedupe(file, dataset, choices, as_json).run()


class _Dedupe:
    """One command."""

    def __init__(self, file: str | None, dataset: str | None, choices: dict[str, Any], as_json: bool) -> None:
        self.file, self.dataset, self.choices, self.as_json = file, dataset, choices, as_json
        self.refused = 0

    def run(self) -> int:
        """Search, write what was asked for, tell; returns the exit code."""
        from app.core.duplicates.files import duplicates, level_of

        meaning = self._meaning()
        records = self._records()
        level = level_of(self.choices["method"], self.choices["threshold"])
        show = _show if sys.stderr.isatty() else None
        found = duplicates(records, level, meaning=meaning, progress=show)
        if self.choices["groups"]:
            with output(self.choices["groups"], reads=self.file) as target:
                for line in found.lines():
                    target.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        written = self._write(found) if self.choices["out"] else None
        self._tell(found, written)
        return 1 if found.copies or found.conflicts or found.variants or self.refused else 0

    def _meaning(self) -> "Meaning | None":
        """What finds the same in other words, where it is asked for."""
        from app.core.duplicates import semantic

        if (self.choices["method"] == "semantic") != bool(self.choices["model"]):
            raise click.UsageError("--method semantic and --model FOLDER belong together.")
        return semantic.meaning(Path(self.choices["model"])) if self.choices["model"] else None

    def _records(self) -> "Texts":
        from app.core.duplicates.files import Texts

        records = Texts(self.choices["side"])
        if self.dataset is not None:
            self._add_dataset(records)
        else:
            records.add_records(self._read(str(self.file), self.choices["kind"], self.choices["mapping"]))
        records.own = len(records.names)
        if self.choices["against"]:
            records.add_records(self._read(self.choices["against"], None, None))
        return records

    def _add_dataset(self, records: "Texts") -> None:
        from app.models import Entry
        from app.services import datasets, entries

        with open_workspace():
            dataset_id = datasets.find_dataset(str(self.dataset)).id
            for rows in entries.stream(dataset_id, columns=(Entry.id, Entry.question, Entry.answer)):
                for row in rows:
                    records.add(*row)

    def _read(self, file: str, kind: str | None, mapping: str | None) -> "Iterator[tuple[int, Any]]":
        """The records of a file with their row numbers; rows that are none are counted."""
        from app.core.conversion import records
        from app.core.formats import BadRow

        for one in records(*open_file(file, kind, mapping)):
            if isinstance(one, BadRow):
                self.refused += 1
            else:
                yield one[0].number, one[1]

    def _write(self, found: "Duplicates") -> int:
        """Write the file once more, without surplus copies; returns the number of records."""
        from app.core import conversion

        if self.file == "-":
            raise click.UsageError("--out reads the file twice, which stdin does not allow. Name a FILE.")
        source, plan = open_file(str(self.file), self.choices["kind"], self.choices["mapping"])
        places = iter(range(found.records.own))
        surplus = found.surplus
        keep = lambda record: [] if next(places) in surplus else [record]  # noqa: E731
        with output(self.choices["out"], reads=self.file) as target:
            spec = target_of(plan, self.choices["out"])
            return conversion.convert(source, target, plan, spec, keep_extra=True, change=keep).written

    def _tell(self, found: "Duplicates", written: int | None) -> None:
        facts = {
            "records": found.records.own,
            "groups": len(found.copies),
            "duplicates": len(found.surplus),
            "conflicts": len(found.conflicts),
            "variants": len(found.variants),
            "families": len(found.found.families),
            "quarantined": self.refused,
            "written": written,
        }
        if self.as_json:
            click.echo(json.dumps(facts))
            return
        parts = (
            f"{facts['records']:,} records: {facts['groups']:,} groups of copies with {facts['duplicates']:,} to spare",
            f"{facts['conflicts']:,} conflicts",
            f"{facts['variants']:,} groups of variants",
            f"{facts['families']:,} families",
        )
        click.echo("; ".join(parts) + ".", err=True)


def _show(share: float, message: str) -> None:
    click.echo(f"\r{share:.0%} {message}          ", err=True, nl=share >= 1)
