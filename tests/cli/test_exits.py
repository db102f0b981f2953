"""Every failure of a command is one sentence on stderr and a documented exit code."""

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy.exc import OperationalError

from app.cli.exits import Answering, error_sentence
from app.core import errors

Ltt = Callable[..., Any]


def outcome(error: BaseException) -> int:
    """The exit code that an error ends in."""
    with pytest.raises(SystemExit) as exit_, Answering():
        raise error
    return exit_.value.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadUsage("Wrong."), 2),
        (errors.Invalid("Wrong."), 3),
        (errors.TooLarge("Large."), 3),
        (errors.WrongKind("Odd."), 3),
        (errors.NotFound("None."), 4),
        (errors.Gone("Gone."), 4),
        (errors.Conflict("Changed."), 4),
        (errors.Busy("Busy."), 4),
        (errors.Unavailable("Away."), 5),
        (errors.DiskFull("Full."), 5),
        (click.UsageError("Wrong."), 2),
        (FileNotFoundError(2, "No such file", "x.csv"), 3),
        (OSError(28, "No space left on device"), 5),
        (ZeroDivisionError("defect"), 5),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_ends_in_its_exit_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(error) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert "Traceback" not in printed.err


def test_a_failing_database_is_told_in_the_users_words(capsys: pytest.CaptureFixture[str]) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    assert outcome(OperationalError("INSERT", {"answer": "secret"}, full)) == 5
    assert "disk is full" in capsys.readouterr().err


def test_debugging_shows_where_a_defect_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LTT_LOG_LEVEL", "DEBUG")
    outcome(ZeroDivisionError("defect"))
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["serve", "--host", "0.0.0.0"]])
def test_wrong_usage_is_2(ltt: Ltt, arguments: list[str]) -> None:
    assert ltt(*arguments).code == 2


def test_help_and_version_are_0(ltt: Ltt) -> None:
    assert (ltt("--help").code, ltt("--version").code) == (0, 0)


def test_the_token_is_printed_and_can_be_replaced(ltt: Ltt) -> None:
    first = ltt("token").out.splitlines()
    second = ltt("token", "--new").out.splitlines()
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_the_settings_are_printed_without_a_password(ltt: Ltt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTT_DATABASE_URL", "postgresql+psycopg://me:geheim@localhost/ltt")
    printed = ltt("config").out
    assert "geheim" not in printed
    assert "LTT_PORT=8765  (default)" in printed


def test_the_settings_are_one_json_object(ltt: Ltt) -> None:
    assert ltt("config", "--json").json["LTT_PORT"]["source"] == "default"


def test_the_routes_are_listed_for_programs(ltt: Ltt) -> None:
    routes = {(one["method"], one["path"]): one for one in ltt("api-routes", "--json").json["routes"]}
    assert routes["GET", "/healthz"]["auth"] == "none"


@pytest.mark.parametrize(
    "command", [["convert", "{}", "-", "--to", "jsonl"], ["clean", "{}", "--remove", "x"], ["dedupe", "{}"]]
)
def test_a_missing_file_is_3(ltt: Ltt, tmp_path: Path, command: list[str]) -> None:
    result = ltt(*(part.format(tmp_path / "none.csv") for part in command))
    assert (result.code, result.err) == (3, "There is no file 'none.csv'.\n")


@pytest.mark.parametrize("option", [["--delimiter", "abc"], ["--delimiter", '"'], ["--encoding", "idna"]])
def test_an_option_that_cannot_be_is_one_sentence(ltt: Ltt, tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nq,a\n")
    result = ltt("import", tmp_path / "a.csv", "--dataset", "D", "--create", *option)
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert "A delimiter is one character" in result.err or "There is no encoding" in result.err


@pytest.mark.parametrize("url", ["zzz", "nosuch://127.0.0.1/x"])
def test_an_odd_database_url_is_2(ltt: Ltt, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LTT_DATABASE_URL", url)
    result = ltt("datasets")
    assert result.code == 2 and "LTT_DATABASE_URL" in result.err


def test_an_output_that_is_no_file_is_written_and_not_replaced(ltt: Ltt, tmp_path: Path) -> None:
    source, pipe, read = tmp_path / "a.csv", tmp_path / "pipe", []
    source.write_text("question,answer\nq,a\n")
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert ltt("convert", source, pipe, "--to", "jsonl:openai").code == 0
    reader.join(10)
    assert pipe.is_fifo() and read[0].startswith(b'{"messages"')


def test_an_output_without_its_folder_says_so(ltt: Ltt, tmp_path: Path) -> None:
    ltt("demo")
    for command in (["export", "1", tmp_path / "none" / "a.jsonl"], ["export", "1", tmp_path / "none" / "a.csv"]):
        result = ltt(*command)
        assert (result.code, result.err) == (3, f"There is no folder {tmp_path / 'none'}.\n")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="There is no /dev/full here.")
def test_a_full_disk_is_told_by_a_command_without_a_database(ltt: Ltt, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nq,a\n")
    result = ltt("convert", tmp_path / "a.csv", "/dev/full", "--to", "jsonl:openai")
    assert result.code == 5 and ("No space left" in result.err or "disk is full" in result.err)


def test_a_system_error_without_a_file_has_a_sentence() -> None:
    assert error_sentence(OSError(28, "No space left on device")) == "No space left on device."


@pytest.mark.parametrize(
    "command",
    [["convert", "{0}", "{0}"], ["clean", "{0}", "--remove", "x", "--out", "{0}"], ["dedupe", "{0}", "--out", "{0}"]],
)
def test_the_file_that_is_read_is_not_written(ltt, tmp_path, command):
    (tmp_path / "a.csv").write_text("question,answer,note\nA?,B,kept\n", encoding="utf-8")
    result = ltt(*(part.format(tmp_path / "a.csv") for part in command))
    assert result.code == 2 and "is the file that is read" in result.err
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").endswith("A?,B,kept\n")
