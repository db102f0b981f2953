"""Whatever happens to the bytes of a file, it is read or refused in a sentence of ours."""

import csv
import io
import random

import pytest

from app.core.conversion import ConvertOptions
from app.core.errors import DiskFull, Invalid, LttError, TooLarge, WrongKind
from app.core.formats import BadRow, Limits, ReadOptions, Row, Source
from app.core.formats.csv import CSV, open_table
from app.core.formats.foreign import each, refusing
from app.core.reading import plan_reading, read_records
from tests.mutations import SEEDS, mutate, read_everywhere, seeds


def records_of(data, name="", **settings):
    source = Source.of_bytes(data, name=name, limits=settings.pop("limits", None))
    plan, _ = plan_reading(source, ConvertOptions(**settings))
    return list(read_records(source, plan))


def read_all(numbers, caplog):
    """Read the files of some seeds; fails with the seed of one that is not refused in words."""
    for seed in numbers:
        file = mutate(seed)
        try:
            read_everywhere(file)
        except BaseException as error:
            error.add_note(f"This is {file.name} after an accident: pytest {__file__} --mutated-file {seed}")
            raise
        assert not caplog.records, f"{file.name}, --mutated-file {seed}: {caplog.text}"


@pytest.mark.parametrize("part", range(10))
def test_a_damaged_file_is_read_or_refused_in_words(part, caplog):
    read_all(seeds(part * 100, 100), caplog)


def test_freshly_damaged_files_are_read_or_refused_in_words(request, caplog):
    asked, one = request.config.getoption("--mutated-files"), request.config.getoption("--mutated-file")
    if not asked and one is None:
        pytest.skip("--mutated-files N reads N more files, each time others")
    read_all(seeds(random.SystemRandom().randrange(10**9), asked) if one is None else [one], caplog)


@pytest.mark.parametrize("name", SEEDS)
def test_every_file_can_be_read_or_is_refused_before_anything_happens_to_it(name, caplog):
    records = None
    try:
        records = records_of(SEEDS[name], name)
    except LttError:
        assert name in ("page.html", "document.docx", "old.xls")
    if records is not None:
        assert any(not isinstance(one, BadRow) for one in records)
    assert not caplog.records


def test_what_a_library_raises_is_told_with_its_reason():
    told = pytest.raises(WrongKind, match=r"^It is damaged \(no such page\)\.$")
    with told as caught, refusing("It is damaged ({reason}).", ValueError, code="damaged"):
        raise ValueError("no such page.\nAt line 7")
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    ("error", "expected"),
    [(MemoryError(), TooLarge), (RecursionError(), Invalid), (AttributeError("'x' has no y"), Invalid)],
)
def test_a_library_may_raise_anything(error, expected):
    def items():
        yield 1
        raise error

    with pytest.raises(expected):
        list(each(items(), "It is damaged ({reason}).", code="damaged", kind=Invalid))


def test_a_panic_of_a_library_in_rust_is_told_and_no_other_end_of_the_process():
    panic = type("PanicException", (BaseException,), {})("index out of bounds")
    for error, expected in ((panic, Invalid), (KeyboardInterrupt(), KeyboardInterrupt), (SystemExit(), SystemExit)):
        with pytest.raises(expected), refusing("It is damaged ({reason}).", code="damaged", kind=Invalid):
            raise error


@pytest.mark.parametrize("error", [DiskFull("The disk is full."), OSError(28, "No space left on device")])
def test_a_full_disk_and_a_refusal_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, refusing("It is damaged ({reason}).", code="damaged"):
        raise error
    assert caught.value is error


def test_an_error_that_is_perhaps_ours_is_logged_with_its_place_and_without_the_text_of_the_file(caplog):
    secret = "a text" + " of the file"
    caplog.set_level("WARNING", logger="app")
    with pytest.raises(WrongKind), refusing("It is damaged ({reason}).", OSError, code="damaged"):
        raise TypeError(secret)
    assert "TypeError" in caplog.text and "test_mutated_files.py" in caplog.text and secret not in caplog.text
    caplog.clear()
    with pytest.raises(WrongKind), refusing("It is damaged ({reason}).", OSError, code="damaged"):
        raise OSError("cut off")
    assert not caplog.records


def test_how_long_a_cell_may_be_depends_on_no_table_that_was_read_before():
    table = b"question,answer\nq," + b"x" * 200_000 + b"\n"
    before = csv.field_size_limit()
    for limits, fits in ((Limits(field_bytes=100_000), False), (Limits(), True), (Limits(field_bytes=150_000), False)):
        if fits:
            assert len(records_of(table, limits=limits)) == 1
        else:
            with pytest.raises(TooLarge, match="LTT_MAX_FIELD_MB"):
                records_of(table, limits=limits)
    assert csv.field_size_limit() == before


def test_a_quotation_mark_that_is_never_closed_is_told_with_its_line():
    rows = "".join(f"q{number},a{number}\n" for number in range(50))
    [*good, bad] = records_of(f'question,answer\n{rows}"open,{rows}'.encode())
    assert len(good) == 50 and bad.code == "open_quote" and "line 52" in bad.reason
    with pytest.raises(TooLarge, match=r"row 51 \(line 52\).*never closed"):
        records_of(f'question,answer\n{rows}"open,{rows}'.encode(), limits=Limits(line_bytes=200))


def outcome_of(rows):
    """What was read, up to the refusal that ended it."""
    found = []
    try:
        for row in rows:
            found.append((row.number, row.code) if isinstance(row, BadRow) else (row.number, *row.values.values()))
    except LttError as error:
        found.append(error.message)
    return found


def read_in_batches(source, options):
    """The rows of a table as a quick import reads them."""
    with open_table(source, options) as table:
        for batch in table.read_batches(40):
            if batch.records is None or any(len(one) != len(table.names) or not any(one) for one in batch.records):
                yield from table.rows_of(batch.lines)
            else:
                for number, cells in enumerate(batch.records, table.place.row + 1):
                    yield Row(number, None, dict(zip(table.names, cells, strict=True)))
                table.pass_over(batch)


@pytest.mark.parametrize("part", range(4))
def test_a_table_read_in_batches_is_the_table_that_is_read_by_rows(part):
    pieces = ["q", "a,b", ",", '"', '""', "\n", "\n", "\r\n", "x" * 30, '"in\nside"', "é", "\x00", "\udcff", ""]
    for seed in range(part * 1_000, part * 1_000 + 1_000):
        chance = random.Random(seed)
        text = "q,a\n" + "".join(chance.choice(pieces) for _ in range(chance.randrange(60)))
        source = Source.of_bytes(text.encode("utf-8", "surrogateescape"), name="x.csv")
        limits = Limits(field_bytes=chance.choice((25, 60, 10**6)), line_bytes=chance.choice((50, 90, 10**6)))
        options = ReadOptions(delimiter=",", header=True, skip_lines=0, encoding="utf-8", limits=limits)
        assert outcome_of(read_in_batches(source, options)) == outcome_of(CSV.read(source, options)), seed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "gb18030", "euc-jp"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "markdown", "transcript"])
def test_what_cannot_be_decoded_spoils_its_own_row_alone(encoding, kind):
    question, answer = "何です?", "何X何"
    shapes = {
        "csv": ("question,answer\n", f"{question},{answer}\n"),
        "jsonl": ("", f'{{"question": "{question}", "answer": "{answer}"}}\n'),
        "markdown": ("| question | answer |\n|---|---|\n", f"| {question} | {answer} |\n"),
        "transcript": ("", f"Q: {question}\nA: {answer}\n\n"),
    }
    head, row = shapes[kind]
    broken = row.encode(encoding).replace("X".encode(encoding), {"utf-16-le": b"\x00\xd8"}.get(encoding, b"\xff"))
    data = head.encode(encoding) + row.encode(encoding) * 3 + broken + row.encode(encoding) * 3
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    found = records_of(data, encoding="utf-16" if encoding == "utf-16-le" else encoding)
    assert [isinstance(one, BadRow) for one in found] == [False] * 3 + [True] + [False] * 3
    assert found[3].code == "encoding"


@pytest.mark.parametrize("name", ["idna", "unicode_escape", "rot13", "undefined", "no such", "utf-8\x00", ""])
def test_what_is_no_encoding_of_files_is_refused(name):
    if name:
        with pytest.raises(Invalid, match="no encoding"):
            records_of(b"question,answer\nq,a\n", encoding=name)


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("records", [0, 17])
def test_deep_nesting_is_refused_and_takes_no_memory(depth, records):
    rows = (
        b"["
        + (b'{"question": "How?", "answer": "' + b"x" * 1024 * 1024 + b'"},') * records
        + b"[" * depth
        + b"]" * depth
        + b"]"
    )
    with pytest.raises(Invalid) as caught:
        assert any(isinstance(one, BadRow) for one in records_of(rows, "a.json"))
        raise Invalid("", code="too_deep")
    assert caught.value.code == "too_deep"


def test_the_depth_of_json_is_counted_outside_of_its_texts():
    from app.core.formats.nesting import Shallow

    texts = b'{"a\\\\": "[[[ \\" {{{", "b": ["]]", "\\\\"]}' * 2000
    for step in (1, 7, 64):
        stream = Shallow(texts[:5], io.BytesIO(texts[5:]), Limits())
        assert b"".join(iter(lambda: stream.read(step), b"")) == texts  # noqa: B023
