"""``ltt export``: pairs of a dataset to files."""

import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from app.cli.files import open_output, refuse_live
from app.cli.options import takes_options
from app.cli.workspace import open_workspace, tell_search
from app.core.bundles import as_json as as_json_text
from app.core.errors import BadUsage, Invalid
from app.core.filters import Filters
from app.core.formats import format_of_name
from app.core.formats.compress import compression_of_name
from app.core.options import merge_options
from app.core.record import SPLITS
from app.core.spec import parse_target
from app.core.text import plural
from app.services import datasets
from app.services import export as service
from app.services.export import ExportOptions


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("out", metavar="OUT")
@click.option(
    "--to",
    metavar="TARGET|F:L",
    help="Export target (ltt targets), or format and layout.  [default: by the name of OUT]",
)
@click.option(
    "--split",
    "splits",
    type=click.Choice([*SPLITS, "each", "all"]),
    multiple=True,
    help="Only pairs of this split; can be given again. With each: a file for every split.  [default: all]",
)
@takes_options(Filters, "filters", splits=())
@takes_options(ExportOptions, "options")
@click.option(
    "--preset", metavar="NAME", help="Choices that were kept on the export page; what is said here counts more."
)
@click.option("--prove", is_flag=True, help="Read each file back and compare it. Exit code 1 where it differs.")
@click.option("--manifest", is_flag=True, help="Write OUT.manifest.json beside the files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    dataset: str,
    out: str,
    to: str | None,
    splits: tuple[str, ...],
    preset: str | None,
    prove: bool,
    manifest: bool,
    as_json: bool,
    filters: Filters,
    options: ExportOptions,
) -> int:
    """Write the pairs of dataset D to OUT (- is stdout).

    OUT may end in .gz or .zst. Targets of several files (huggingface, llama-factory, axolotl, mlx) are written as a
    folder, or as a .zip.

    By default the approved pairs once any is approved, else every answered pair that is not rejected.
    """
    to_stdout, path = out == "-", Path(out)
    if prove and to_stdout:
        raise BadUsage("What goes to stdout cannot be read back. Name a file.", code="no_proof")
    if "each" in splits and to_stdout:
        raise BadUsage("A file for every split cannot go to stdout. Name a file.", code="no_folder")
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        if preset is not None:
            kept = service.read_preset(dataset_id, preset)
            to = to or kept.name
            filters, options = merge_options(kept.filters, filters), merge_options(kept, options)
            splits = splits or kept.filters.splits
        spec = parse_target(to or ("jsonl:openai" if to_stdout else ""), out)
        named = tuple(one for one in SPLITS if one in splits)
        chosen = replace(filters, splits=() if {"all", "each"} & set(splits) else named)
        options = replace(options, compression=compression_of_name(out)).complete(spec, chosen)
        tell_search(dataset_id, chosen.text, is_frozen=bool(options.snapshot))
        _refuse_leaks(dataset_id, options, each="each" in splits)
        if options.bundle:
            result = _write_bundle(dataset_id, options, out, prove=prove or as_json)
            return _end(result, as_json, to_stdout=to_stdout)
        parts = {out: options}
        if "each" in splits:
            packed = path.suffix if options.compression else ""
            plain = Path(out.removesuffix(packed))
            names = {one: str(plain.with_name(f"{plain.stem}.{one}{plain.suffix}{packed}")) for one in SPLITS}
            parts = {names[one]: replace(options, filters=replace(filters, splits=(one,))) for one in SPLITS}
        tally = service.Tally() if as_json or manifest else None
        result = _write_files(dataset_id, parts, prove=prove or as_json or manifest, to_stdout=to_stdout, tally=tally)
        if "each" in splits and (number := service.count_by_split(dataset_id, options).get(None)):
            result["left_out"].append({"reason": "without a split", "records": number})
        if tally is not None and manifest and not to_stdout:
            Path(f"{out}.manifest.json").write_bytes(
                as_json_text(service.build_manifest(dataset_id, options, result, tally))
            )
    return _end(result, as_json, to_stdout=to_stdout)


def _refuse_leaks(dataset_id: int, options: ExportOptions, *, each: bool) -> None:
    """Raise Conflict where something leaks between splits; where that is allowed, say it."""
    asked = replace(options, filters=replace(options.filters, splits=SPLITS)) if each else options
    found = service.find_split_leaks(dataset_id, asked) if options.allow_leaks else None
    service.require_no_leaks(dataset_id, asked)
    if found is not None and found.total:
        click.echo(found.tell(), err=True)


def _write_bundle(dataset_id: int, options: ExportOptions, out: str, *, prove: bool) -> dict[str, Any]:
    """Write a target of several files as a folder or as a .zip."""
    if out == "-":
        for piece in service.stream_export(
            dataset_id, options, partial(service.record_sent, dataset_id, options, way="command")
        ):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return {"files": [], "left_out": [], "losses": [], "changed": []}
    refuse_live(out, "Name another file to write.")
    if format_of_name(out) is not None or compression_of_name(out):
        said = f"{options.target} is a folder of files. Name a folder, or a file that ends in .zip."
        raise BadUsage(said, code="no_folder")
    if not Path(out).absolute().parent.is_dir():
        raise Invalid(f"There is no folder {Path(out).parent}.", code="no_folder")
    made = service.write_folder(dataset_id, options, Path(out), prove=prove)
    packed, size = None, sum(int(file["bytes"]) for file in made["files"])
    if Path(out).is_file():
        with Path(out).open("rb") as file:
            packed, size = hashlib.file_digest(file, "sha256").hexdigest(), Path(out).stat().st_size
    facts = {"revision": made.pop("revision"), "pairs_hash": made.pop("pairs_hash")}
    records = made["records"]
    service.record_export(dataset_id, options, way="command", records=records, size=size, sha256=packed, **facts)
    return made


def _end(result: dict[str, Any], as_json: bool, *, to_stdout: bool) -> int:
    """Say what was written; 1 where that is nothing, or a file did not come back as it was sent."""
    came_back, is_nothing = result.get("round_trip"), result.get("records") == 0
    if as_json:
        print(json.dumps(result, ensure_ascii=False), file=sys.stderr if to_stdout else sys.stdout)
    else:
        _tell(result)
    # Where the one object of --json is on stderr already, a sentence would spoil it.
    if is_nothing and not (as_json and to_stdout):
        stays = ", ".join(f"{plural(one['records'], 'pair')} {one['reason']}" for one in result["left_out"])
        why = f"what was chosen stays out ({stays})" if stays else "no pair was chosen"
        click.echo(f"Nothing was written: {why}. Choose other pairs or another target.", err=True)
    return int(is_nothing or bool(came_back and came_back["differences"]))


def _tell(result: dict[str, Any]) -> None:
    for file in result["files"]:
        click.echo(f"{file['path']}: {plural(file['records'], 'pair')}, {plural(file['bytes'], 'byte')}", err=True)
    for one in result["left_out"]:
        click.echo(f"Left out: {plural(one['records'], 'pair')} {one['reason']}", err=True)
    for one in result["losses"]:
        click.echo(f"Not held by this layout: {one['what']} of {plural(one['records'], 'pair')}", err=True)
    for one in result["changed"]:
        click.echo(f"Changed: {plural(one['records'], 'pair')} {one['what']}", err=True)
    if came_back := result.get("round_trip"):
        sent, back, differences = came_back["records"], came_back["back"], came_back["differences"]
        click.echo(f"Round trip: {sent:,} out, {back:,} back, {plural(differences, 'difference')}", err=True)


def _write_files(
    dataset_id: int, parts: dict[str, ExportOptions], *, prove: bool, to_stdout: bool, tally: "service.Tally | None"
) -> dict[str, Any]:
    """Write the files, one after the other; returns the result object, with the counts of what was written."""
    files, proofs, counts, counted, revision = [], [], [], 0, 0
    first = next(iter(parts.values()))
    for path, options in parts.items():
        split = options.filters.splits[0] if len(options.filters.splits) == 1 else None
        proof = None
        with open_output(path) as out:
            if stat.S_ISREG(os.fstat(out.fileno()).st_mode):
                # What goes to a pipe or a terminal cannot be read again.
                proof = service.Proof(options, split or "") if prove and not to_stdout else None
                written = service.write_export(dataset_id, options, out, proof, tally)
            else:
                # Who reads from a pipe may be slow, and the database must not wait for that.
                with tempfile.TemporaryFile() as aside:
                    written = service.write_export(dataset_id, options, aside, tally=tally)
                    aside.seek(0)
                    shutil.copyfileobj(aside, out, 1024 * 1024)
        if proof is not None:
            proofs.append(proof.compare(Path(path)))
        counts.append(written.counts)
        revision = revision or written.revision
        sent = service.Sent(written.pairs, written.revision, written.bytes, written.sha256)
        # Of several files the hash is told by no one of them.
        sent.hash = written.hash if len(parts) == 1 else None
        service.record_sent(dataset_id, options, sent, way="command")
        files.append({"path": path, "split": split, **written.as_dict()})
        if tally is not None:
            files[-1]["tokens"] = tally.tokens.total() - counted
            counted = tally.tokens.total()
    result: dict[str, Any] = {"files": files, "records": sum(file["records"] for file in files)}
    result |= {name: [line for one in counts for line in one[name]] for name in ("left_out", "losses", "changed")}
    result["formulas"] = sum(one["formulas"] for one in counts)
    result["snapshot"] = service.name_snapshot(dataset_id, first, revision)
    if len(proofs) == len(parts):
        result["round_trip"] = service.add_trips(proofs).as_dict()
    return result
