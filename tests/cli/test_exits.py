"""Every failure of a command is one sentence on stderr and a documented exit code."""

import sqlite3
from collections.abc import Callable
from typing import Any

import click
import pytest
from sqlalchemy.exc import OperationalError

from app.cli.exits import Answering
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
