"""The lines that tests run are counted as they are."""

import ast
import inspect
import os
import subprocess
import sys

from tests import lines

SAMPLE = inspect.cleandoc(
    '''
    """Described."""
    from __future__ import annotations


    def same(function):
        """Give it back."""
        return function


    @same
    @same
    def choose(value):
        if value == 1:
            said = "one"
        elif value == 2:
            said = "two"
        else:
            said = "many"
        try:
            len(value)
        except AttributeError:
            raise
        except TypeError:
            said += "!"
        finally:
            said += "."
        match value:
            case 3:
                return ""
            case 4:
                return said
        while value:
            value -= 1
        else:
            said += "?"
        return said


    class Empty:
        """Described."""

        size: int = 0

        async def run(self):
            async with self:
                pass
    '''
)


def lines_of(*words: str) -> set[int]:
    """The numbers of the lines of the sample that begin with a word."""
    return {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.strip().startswith(words)}


def run_sample(*values: int) -> tuple[list[str], set[int]]:
    """What the sample says to values, and which of its lines were run by that."""
    marks = bytearray(100)
    names: dict[str, object] = {"__name__": "sample", "__lines__": marks}
    exec(compile(lines.marking(ast.parse(SAMPLE), 20), "sample.py", "exec", dont_inherit=True), names)
    assert names["__doc__"] == "Described." and names["Empty"].__doc__ == "Described."
    said = [names["choose"](value) for value in values]
    assert not any(marks[:20])
    run = {number - 20 for number, mark in enumerate(marks) if mark}
    return said, run | lines.implied(ast.parse(SAMPLE), run)


def test_what_is_run_is_marked_and_nothing_else() -> None:
    said, run = run_sample(2)
    assert said == ["two!.?"]
    unseen = ('said = "one"', 'said = "many"', "raise", "case", 'return ""', "async with", "pass")
    silent = ('"""', "else:", "finally:")
    lone = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.strip() == "return said"}
    written = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.strip()}
    assert run == written - lines_of(*unseen, *silent) - {min(lone)}


def test_heads_that_were_tried_before_were_run_too() -> None:
    said, run = run_sample(4)
    assert said == ["many!."]
    assert lines_of("case", "except", "@same", "from __future__") <= run
    assert not lines_of('return ""', "raise", "while") & run


def test_a_process_marks_in_the_file_that_all_share(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lines, "HOOK", tmp_path / "hook.pth")
    lines.begin(tmp_path)
    asked = f"{(tmp_path / 'hook.pth').read_text()}\nimport app.core.text, os; os._exit(0)"
    own = {"COUNTED_LINES": str(tmp_path), "PYTHONPATH": str(lines.ROOT)}
    subprocess.run([sys.executable, "-c", asked], env={**os.environ, **own}, check=True, timeout=60)
    marks = (tmp_path / "lines").read_bytes()
    places = {str(path.relative_to(lines.ROOT)): first for path, first in lines.places()}
    assert not any(path.startswith("app/providers/engine/") for path in places)
    path, first = "app/core/text.py", places["app/core/text.py"]
    source = ast.parse((lines.ROOT / path).read_text(encoding="utf-8"))
    functions = [one for one in source.body if isinstance(one, ast.FunctionDef)]
    assert functions and all(marks[first + one.lineno] for one in functions)
    assert not any(marks[first + one.body[-1].lineno] for one in functions)
    others = places["app/web.py"]
    assert not any(marks[others : others + lines.height(lines.ROOT / "app/web.py")])


def test_too_few_lines_are_told(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(lines, "HOOK", tmp_path / "hook.pth")
    sample = tmp_path / "app" / "sample.py"
    sample.parent.mkdir()
    sample.write_text(SAMPLE, encoding="utf-8")
    monkeypatch.setattr(lines, "places", lambda: iter([(sample, 0)]))
    monkeypatch.setattr(lines, "ROOT", tmp_path)
    lines.begin(tmp_path / "marks")
    assert (tmp_path / "hook.pth").exists()
    assert not lines.report(tmp_path / "marks", 95)
    assert "0%" in capsys.readouterr().out
    assert not (tmp_path / "hook.pth").exists()
    marks = tmp_path / "marks" / "lines"
    marks.write_bytes(b"\1" * len(marks.read_bytes()))
    assert lines.report(tmp_path / "marks", 95)
