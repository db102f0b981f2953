"""Counts which lines of the program the tests run, at a fraction of what tracing costs Python 3.11.

    python -m tests.lines begin FOLDER       build the program anew, so that each of its statements marks its line
    COUNTED_LINES=FOLDER python -m pytest    marks; so do all commands, servers and workers that tests start
    python -m tests.lines report FOLDER 95   show what was not run; fails where less than 95 % was

A tracer slows down every function, also those of other packages, and what it saw in a process that is killed is lost.
Here one file, which all processes share as memory, has a byte for each line: ``__lines__[4711] = 1`` stands before the
statement of that line. What is shown is made by coverage, from these marks. One thing is not seen: the head of an
``except`` or ``case`` that was tried and did not match, where no later one did.
"""

import ast
import fnmatch
import marshal
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from coverage import Coverage, CoverageData

ROOT = Path(__file__).resolve().parents[1]
# Done at the start of each Python of the environment, where there are lines to be counted.
HOOK = Path(sysconfig.get_path("purelib")) / "counted_lines.pth"
CALL = """\
import os; f = os.environ.get("COUNTED_LINES"); f and exec(open(f + "/start.py", encoding="utf-8").read(), {"folder": f})
"""
START = """\
import builtins, marshal, mmap
from importlib.machinery import SourceFileLoader

usual = SourceFileLoader.get_code


def get_code(loader, name):
    if name.partition(".")[0] == "app":
        try:
            with open(f"{folder}/{name}.code", "rb") as file:
                return marshal.load(file)
        except FileNotFoundError:
            pass
    return usual(loader, name)


with open(f"{folder}/lines", "r+b") as file:
    builtins.__lines__ = mmap.mmap(file.fileno(), 0)
SourceFileLoader.get_code = get_code
"""


def begin(folder: Path) -> None:
    """Build what marks its lines, with no line marked."""
    folder.mkdir(parents=True, exist_ok=True)
    last = 0
    for path, first in places():
        tree = marking(ast.parse(path.read_bytes()), first)
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        (folder / f"{name}.code").write_bytes(marshal.dumps(compile(tree, path, "exec", dont_inherit=True)))
        last = first + height(path)
    (folder / "lines").write_bytes(bytes(last))
    (folder / "start.py").write_text(START, encoding="utf-8")
    HOOK.write_text(CALL, encoding="utf-8")


def report(folder: Path, least: float) -> bool:
    """Show what was not run. Whether enough was."""
    HOOK.unlink(missing_ok=True)
    marks = (folder / "lines").read_bytes()
    data = CoverageData(str(folder / "coverage"))
    for path, first in places():
        run = {line for line in range(1, height(path)) if marks[first + line]}
        data.add_lines({str(path): run | implied(ast.parse(path.read_bytes()), run)})
        data.touch_file(str(path))
    data.write()
    coverage = Coverage(data_file=str(folder / "coverage"))
    coverage.load()
    return coverage.report() >= least


def places() -> Iterator[tuple[Path, int]]:
    """The files whose lines count, and where in the marks each has its own."""
    omitted, first = Coverage().get_option("run:omit"), 0
    for path in sorted((ROOT / "app").rglob("*.py")):
        if not any(fnmatch.fnmatch(str(path), pattern) for pattern in omitted):
            yield path, first
            first += height(path)


def height(path: Path) -> int:
    """How many marks a file has: one for each line, from 1."""
    return path.read_bytes().count(b"\n") + 2


def marking(tree: ast.Module, first: int) -> ast.Module:
    """A module whose statements mark their lines before they do anything."""
    for node in list(ast.walk(tree)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                setattr(node, field, list(_marked(node, field, block, first)))
    return tree


def _marked(node: ast.AST, field: str, block: list[ast.stmt], first: int) -> Iterator[ast.stmt]:
    # The head of these has no place for a mark before it.
    if isinstance(node, ast.ExceptHandler):
        yield _mark(node, first)
    elif isinstance(node, ast.match_case):
        yield _mark(node.pattern, first)
    described = field == "body" and isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    for number, statement in enumerate(block):
        text = described and number == 0 and _is_text(statement)
        if not text and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            yield _mark(statement, first)
        yield statement


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _mark(node: ast.AST, first: int) -> ast.stmt:
    statement = ast.parse(f"__lines__[{first + node.lineno}] = 1").body[0]
    for part in ast.walk(statement):
        if "lineno" in part._attributes:
            ast.copy_location(part, node)
    return statement


def implied(tree: ast.Module, run: set[int]) -> set[int]:
    """Lines that were run because others were: decorators, imports from the future, heads that were tried before."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__" and run:
            found.add(node.lineno)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno in run:
            found.update(one.lineno for one in node.decorator_list)
        heads: list[int] = []
        if isinstance(node, ast.Try):
            heads = [one.lineno for one in node.handlers]
        elif isinstance(node, ast.Match):
            heads = [one.pattern.lineno for one in node.cases]
        tried = [number for number, line in enumerate(heads) if line in run]
        found.update(heads[: max(tried, default=0)])
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[2]).resolve()
    if sys.argv[1] == "begin":
        begin(folder)
    elif not report(folder, float(sys.argv[3])):
        sys.exit(f"Less than {sys.argv[3]} % of the lines were run.")
