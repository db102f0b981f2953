"""Errors become a sentence and an exit code here and nowhere else."""

import os
import sys
import traceback
from types import TracebackType

import click

from app.core import errors

CODES: dict[type[BaseException], int] = {
    errors.BadUsage: 2,
    errors.Invalid: 3,
    errors.TooLarge: 3,
    errors.WrongKind: 3,
    errors.NotFound: 4,
    errors.Gone: 4,
    errors.Conflict: 4,
    errors.Busy: 4,
    errors.Unavailable: 5,
    errors.DiskFull: 5,
    click.UsageError: 2,
    click.FileError: 3,
    click.Abort: 130,
    KeyboardInterrupt: 130,
    FileNotFoundError: 3,
    IsADirectoryError: 3,
    NotADirectoryError: 3,
    PermissionError: 3,
    FileExistsError: 3,
}
_FAILED = 5


class Answering:
    """``with Answering():`` around a command. Whatever leaves it becomes one sentence on stderr and an exit code."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, SystemExit):
            return
        if isinstance(error, BrokenPipeError):
            # The reader of our output has left, as ``| head`` does. What is still buffered has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0)
        if isinstance(error, click.exceptions.Exit):
            raise SystemExit(error.exit_code)
        known: BaseException = error
        if "sqlalchemy" in sys.modules:
            from app.models import failures

            known = failures.translate(error) or error
        click.echo(error_sentence(known), err=True)
        raise SystemExit(exit_code(known)) from None


def exit_code(error: BaseException) -> int:
    """The exit code of an error."""
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), _FAILED)


def error_sentence(error: BaseException) -> str:
    """The error in one sentence. A defect of ours shows where it happened when LTT_LOG_LEVEL is DEBUG."""
    if isinstance(error, errors.LttError):
        return error.message
    if isinstance(error, click.ClickException):
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "ltt"
        return f"{error.format_message()} See: {command} --help"
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "Stopped. Nothing that was not finished has been kept."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename is not None else f"{error.strerror}."
    if os.environ.get("LTT_LOG_LEVEL", "").upper() == "DEBUG":
        return "".join(traceback.format_exception(error))
    return f"Something went wrong in this program ({type(error).__name__}). LTT_LOG_LEVEL=DEBUG shows where."
