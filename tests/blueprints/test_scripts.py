"""Scripts of many files, joined into one."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.blueprints.scripts import join


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def test_each_stands_once_and_behind_what_it_needs(tmp_path: Path) -> None:
    write(
        tmp_path,
        app='import { a } from "./one.js";\nimport { two } from "./two.js";\n\na(two());\n',
        one="// Says a.\nconst KEY = 1;\nexport const a = (x) => {\n  // Nothing else.\n  return x + KEY;\n};\n",
        two='import { a } from "./one.js";\nconst KEY = 2;\nexport async function two() {\n  return a(KEY);\n}\n',
    )
    assert join(tmp_path, "app") == (
        "const $one = (() => {\nconst KEY = 1;\nconst a = (x) => {\nreturn x + KEY;\n};\nreturn { a };\n})();\n"
        "const $two = (() => {\nconst { a } = $one;\nconst KEY = 2;\nasync function two() {\nreturn a(KEY);\n}\n"
        "return { two };\n})();\n"
        "const $app = (() => {\nconst { a } = $one;\nconst { two } = $two;\na(two());\nreturn {  };\n})();\n"
    )


def test_a_circle_is_refused(tmp_path: Path) -> None:
    one, two = (f'import {{ x }} from "./{name}.js";\n' for name in ("two", "one"))
    with pytest.raises(ValueError, match="one, two import each other"):
        join(write(tmp_path, one=one, two=two), "one")


@pytest.mark.parametrize("text", ["export let a = 1;", "export default 1;", 'const a = await import("./one.js");'])
def test_what_cannot_be_joined_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="app.js has what cannot be joined"):
        join(write(tmp_path, app=f"{text}\n"), "app")


def test_pages_ask_for_all_of_them_at_once(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    address = page.split('<script type="module" src="')[1].split('"')[0]
    answer = client.get(address)
    assert answer.mimetype == "text/javascript" and answer.cache_control.immutable
    assert b"const $outbox" in answer.data
