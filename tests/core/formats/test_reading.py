"""Reading files as people have them: odd, damaged, hostile."""

import gzip
import io
import zipfile

import pyarrow
import pyarrow.parquet
import pytest

from app.core.errors import Invalid, LttError, TooLarge, WrongKind
from app.core.formats import BadRow, Limits, ReadOptions, Row, Source, detect, read


def rows_of(data, name="x", limits=None, **options):
    source = Source.of_bytes(data, name=name, limits=limits)
    return list(read(source, detect(source), ReadOptions(limits=limits or Limits(), **options)))


def values(rows):
    return [row.values for row in rows if isinstance(row, Row)]


def bad(rows):
    return [(row.number, row.line, row.code) for row in rows if isinstance(row, BadRow)]


GOOD = b'{"question": "a", "answer": "b"}\n'


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"question": "a", "answ', "invalid_json"),
        (b"{'question': 'a'}", "invalid_json"),
        (b'{"question": NaN, "answer": "x"}', "invalid_json"),
        (b"<<<<<<< HEAD", "invalid_json"),
        (b'{"question": "\\ud83d", "answer": "x"}', "lone_surrogate"),
        (b'{"question": "a\\u0000b", "answer": "x"}', "nul"),
        (b'{"question": ' + b"9" * 5000 + b"}", "number"),
        (b'{"question": 1e999}', "number"),
        (b'{"question": ' + b"[" * 60_000, "too_deep"),
        (b'{"question": ' + b"[" * 70 + b"]" * 70 + b"}", "too_deep"),
        (b'{"question": ' + b"[" * 600 + rb'"\u0000"' + b"]" * 600 + b"}", "too_deep"),
        (b'{"question": "caf\xe9"}', "encoding"),
        (b'["question", "answer"]', "not_object"),
    ],
)
def test_a_bad_line_never_stops_good_ones(line, code):
    rows = rows_of(GOOD + GOOD + GOOD + line + b"\n" + GOOD, name="x.jsonl", encoding="utf-8")
    assert (len(values(rows)), bad(rows)) == (4, [(4, 4, code)])


def test_every_reason_names_the_line():
    rows = rows_of(GOOD * 3 + b"{oops}\n" + GOOD, name="x.jsonl")
    assert next(row.reason for row in rows if isinstance(row, BadRow)).startswith("Line 4 ")


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert values(rows_of(b'{"question": "\\\\u0000", "answer": "x"}\n'))[0]["question"] == "\\u0000"


def test_unicode_line_separators_end_no_line():
    text = "a\u2028b\u2029c\u0085d"
    rows = rows_of(f'{{"question": "{text}", "answer": "x"}}\n'.encode() + GOOD)
    assert values(rows)[0]["question"] == text and len(rows) == 2


def test_blank_lines_and_crlf_are_no_rows():
    rows = rows_of(b"\r\n" + GOOD.replace(b"\n", b"\r\n") + b"  \r\n" + GOOD, name="x.jsonl")
    assert [row.line for row in rows] == [2, 4]


def test_two_objects_on_one_line_are_two_records():
    assert len(values(rows_of(GOOD.strip() + GOOD + GOOD, name="x.jsonl"))) == 3


@pytest.mark.parametrize(
    "document",
    [
        b'[{"q": "a"}, {"q": "b"}]',
        b'{"data": [{"q": "a"}, {"q": "b"}], "version": 1}',
        b'{\n "q": "a"\n}\n{\n "q": "b"\n}',
        b'[\n  {"q": "a"},\n  {"q": "b"}\n]\n',
    ],
)
def test_json_documents_of_many_shapes(document):
    assert [row["q"] for row in values(rows_of(document))] == ["a", "b"]


def test_an_object_keyed_by_id_keeps_the_key():
    assert values(rows_of(b'{"17": {"q": "a"}, "18": {"q": "b", "id": 5}}')) == [
        {"id": "17", "q": "a"},
        {"q": "b", "id": 5},
    ]


def test_squad_questions_come_with_their_passage():
    tree = b'{"data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [{"id": "1", "question": "Q"}]}]}]}'
    assert values(rows_of(tree)) == [{"title": "T", "context": "C", "id": "1", "question": "Q"}]


@pytest.mark.parametrize("wrapper", [b"[%s]", b'{"data": [%s]}', b"%s"])
def test_a_large_document_is_streamed_the_same(wrapper, monkeypatch):
    monkeypatch.setattr("app.core.formats.json.AT_ONCE", 100)
    joint = b"\n " if wrapper == b"%s" else b", "
    items = joint.join(b'{\n"q": "text %d",\n "n": 1.5}' % n for n in range(50))
    rows = values(rows_of(wrapper % items))
    assert [row["q"] for row in rows] == [f"text {n}" for n in range(50)] and rows[0]["n"] == 1.5


def test_a_comma_too_many_is_named_with_its_line():
    with pytest.raises(Invalid, match="Line 2: a comma too many"):
        rows_of(b'[{"q": "a"},\n{"q": "b"},\n]')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_although_the_texts_hold_others(delimiter):
    table = 'question|answer\nWhat, why; how?|"One, two;\tthree"\nAnd?|"A ""quoted"", word\nin two lines"\n'
    data = "\n".join(line for line in table.split("\n")).replace("|", delimiter)
    if delimiter in ",;":
        data = data.replace("What, why; how?", '"What, why; how?"')
    rows = values(rows_of(data.encode()))
    assert rows[1] == {"question": "And?", "answer": 'A "quoted", word\nin two lines'}


def test_sep_line_title_and_blank_row_stand_above_the_header():
    rows = rows_of(b"sep=;\r\nOur FAQ\r\n\r\nQuestion;Answer\r\nA?;B.\r\nC?;D.\r\n")
    assert values(rows) == [{"Question": "A?", "Answer": "B."}, {"Question": "C?", "Answer": "D."}]
    assert rows[0].line == 5


def test_an_unclosed_quote_is_one_bad_row_at_the_line_where_it_opened():
    rows = rows_of(b'question,answer\na,b\nc,"never closed\nd,e\nf,g\n')
    assert values(rows) == [{"question": "a", "answer": "b"}] and bad(rows) == [(2, 3, "open_quote")]
    assert "f,g" in rows[1].raw


def test_an_odd_quote_inside_a_text_is_only_a_sign():
    rows = rows_of(b'question,answer\nHow long?,a 5" pipe\nWhy?,a 6" pipe\n')
    assert [row["answer"] for row in values(rows)] == ['a 5" pipe', 'a 6" pipe']


def test_ragged_rows_are_bad_when_text_would_be_lost_and_filled_otherwise():
    rows = rows_of(b"question,answer\na,b,c,d\ne\nf,g,,\n" + b"h,i\n" * 4)
    assert bad(rows) == [(1, 2, "too_many_fields")]
    assert values(rows)[:2] == [{"question": "e", "answer": ""}, {"question": "f", "answer": "g"}]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(ends):
    assert len(values(rows_of(ends.join(["question,answer", "a,b", "c,d", ""]).encode()))) == 2


def test_line_ends_inside_quotes_are_kept_exactly():
    rows = values(rows_of(b'question,answer\r\nq,"a\r\nb\nc\rd"\r\n'))
    assert rows[0]["answer"] == "a\r\nb\nc\rd"


def test_nothing_is_taken_for_a_number_a_date_or_nothing():
    cells = ["01067", "1,50", "1E5", "2024-03-04", "TRUE", "NA", "None", "nan", "1.10", " x "]
    table = "question;answer\n" + "".join(f"q;{cell}\n" for cell in cells)
    assert [row["answer"] for row in values(rows_of(table.encode()))] == cells


def test_a_long_text_is_read_and_a_longer_one_refused():
    table = b"question,answer\nq," + b"x" * 200_000 + b"\nq,y\n"
    assert len(values(rows_of(table))[0]["answer"]) == 200_000
    with pytest.raises(TooLarge, match="LTT_MAX_FIELD_MB"):
        rows_of(b'question,answer\nq,"' + b"x" * 300_000 + b'"\nq,y\n', limits=Limits(field_bytes=150_000))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Frage;Antwort\nWie heißt das?;Schön für 5 €, „gut“.\nÄrger?;Süß.\n", "cp1252"),
        ("问题,答案\n什么是微调？,微调是在你自己的例子上继续训练模型。\n为什么？,因为有用。\n", "gb18030"),
        ("質問,回答\nこれは何ですか？,これはテストのためのファイルです。\nなぜですか？,役に立つからです。\n", "cp932"),
        ("질문,답변\n이것은 무엇입니까?,이것은 시험을 위한 파일입니다.\n왜요?,도움이 되니까요.\n", "cp949"),
        ("question,answer\nwhat?,ünïcode\nwhy?,so\n", "utf-16"),
        ("question,answer\nwhat?,ünïcode\nwhy?,so\n", "utf-8-sig"),
        ("question,answer\nwhat?,plain words\nwhy?,so\n", "utf-16-le"),
    ],
)
def test_encodings_are_found(text, encoding):
    rows = values(rows_of(text.encode(encoding)))
    assert [list(row.values()) for row in rows] == [
        line.split(";" if ";" in text else ",", 1) for line in text.split("\n")[1:-1]
    ]


def test_a_guess_is_called_a_guess():
    found = detect(Source.of_bytes("Frage;Antwort\nWie?;Schön für 5 €.\n".encode("cp1252")))
    assert any("guess" in warning for warning in found.warnings)


def test_a_chosen_encoding_wins():
    rows = values(rows_of("q;a\nWie?;Schön\nWo?;Hier\n".encode("cp850"), encoding="cp850"))
    assert rows[0]["a"] == "Schön"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<html><table>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "LFS"),
        (bytes(range(256)) * 20, "binary"),
        (b"PAR1 and no footer", "Parquet"),
        (b"SQLite format 3\x00 and garbage", "SQLite"),
        (b"PK\x03\x04 half of an upload", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
    ],
)
def test_other_kinds_are_refused_by_name(data, said):
    with pytest.raises(WrongKind, match=said):
        rows_of(data, name="x.csv")


@pytest.mark.parametrize("data", [b"", b"\n\n ", b"\xef\xbb\xbf", b"\x00\x00"])
def test_an_empty_file_says_so(data):
    with pytest.raises(Invalid, match="no records"):
        rows_of(data)


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "../"), data)
    return out.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(data=data), lambda data: zipped(__evil=data)])
def test_one_packed_file_is_read_and_nothing_is_unpacked(pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(values(rows_of(pack(GOOD * 3)))) == 3
    assert list(tmp_path.parent.glob("evil*")) == []


def test_a_bomb_is_stopped_by_its_limit():
    with pytest.raises(TooLarge, match="LTT_MAX_DECODED_MB"):
        rows_of(gzip.compress(GOOD * 200_000), limits=Limits(decoded_bytes=2 * 1024 * 1024))


def test_a_cut_off_gzip_is_called_damaged():
    with pytest.raises(Invalid, match="damaged or cut off"):
        rows_of(gzip.compress(GOOD * 50_000)[:-2000])


@pytest.mark.parametrize("limit", [{"rows": 2}, {"columns": 1}])
def test_limits_name_what_raises_them(limit):
    with pytest.raises(TooLarge, match="Raise it with LTT_MAX_"):
        rows_of(b"question,answer\na,b\nc,d\ne,f\n", limits=Limits(**limit))


@pytest.mark.parametrize("seed", range(40))
def test_garbage_is_refused_in_words_or_read(seed):
    import random

    random.seed(seed)
    start = random.choice(
        [b"", b"{", b"[", b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"SQLite format 3\x00", b"question,answer\n"]
    )
    data = start + bytes(random.choices(range(256), k=random.randrange(1, 3000)))
    try:
        rows_of(data)
    except LttError as error:
        assert error.message.endswith((".", "?"))


def parquet_of(**columns):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out, compression="brotli")
    return out.getvalue()


def test_a_date_that_nothing_can_hold_is_one_bad_row():
    days = pyarrow.array([0, 2**31 - 1, 1], pyarrow.int32()).cast(pyarrow.date32())
    rows = rows_of(parquet_of(question=["a", "b", "c"], day=days), name="x.parquet")
    assert bad(rows) == [(2, None, "out_of_range")]
    assert [row["day"] for row in values(rows)] == ["1970-01-01", "1970-01-02"]


def test_a_parquet_bomb_is_refused_by_what_it_says_of_itself(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet_of(question=["a" * 8_000_000 + str(n) for n in range(10)]))
    source = Source.of_path(path)
    with pytest.raises(TooLarge, match=r"Parquet file.*200 times.*LTT_MAX_RATIO"):
        next(read(source, detect(source), ReadOptions()))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "faq.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("faq.csv", b"question,answer\n" + b"a,b\n" * 20_000_000)
    with pytest.raises(TooLarge, match=r"zip file.*200 times.*LTT_MAX_RATIO"):
        Source.of_path(path)
