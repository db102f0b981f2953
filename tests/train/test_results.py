"""What a run leaves is merged, written as GGUF where that can be, and answers like any other model."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.train import conftest
from tests.train.conftest import chats, engine, start_engine, write_run


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(tmp_path_factory.mktemp("adapter") / "run", chats(16), chats(20)[16:], "lora", epochs=1, rank=8)
    engine("train", run)
    return run


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[str, int]]:
    """The name of a served model, and the port where it answers."""
    with start_engine("serve", *arguments, "--port", "0", stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            yield said["model"], int(said["address"].removesuffix("/v1").rpartition(":")[2])
        finally:
            process.kill()


def ask(port: int, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body)
    heads = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", path, data, heads)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    kind = answer.headers["Content-Type"]
    return answer.status, json.loads(text) if kind == "application/json" else text


QUESTION = {"messages": [{"role": "user", "content": "How heavy is box 3?"}], "temperature": 0, "max_tokens": 12}


def test_it_is_merged_and_answers_the_same(adapter: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    (adapter / "result" / "README.md").write_text("# Boxes", encoding="utf-8")
    # What a killed one left is no hindrance.
    (tmp_path / "merged.making").mkdir()
    engine("merge", adapter, merged)
    assert (merged / "model.safetensors").exists() and not (merged / "adapter_config.json").exists()
    assert (merged / "README.md").read_text(encoding="utf-8").startswith("# Boxes")
    said = engine("merge", adapter, merged, expect=1)
    assert "is there already" in said
    answers = []
    for path in (adapter, merged):
        with serving(path) as (_, port):
            status, answer = ask(port, "/v1/chat/completions", QUESTION)
            assert status == 200
            answers.append((answer["choices"], answer["usage"]))
    assert answers[0] == answers[1]


def test_it_answers_as_openai_does_and_to_this_computer_only(adapter: Path) -> None:
    with serving(adapter, "--checkpoint", "2") as (name, port):
        assert name == "Boxes"
        status, models = ask(port, "/v1/models")
        assert (status, [one["id"] for one in models["data"]]) == (200, ["Boxes"])
        status, answer = ask(port, "/v1/chat/completions", QUESTION)
        assert (status, answer["object"], answer["choices"][0]["message"]["role"]) == (
            200,
            "chat.completion",
            "assistant",
        )
        usage = answer["usage"]
        assert (
            usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
            and usage["completion_tokens"] <= 12
        )
        options = {"stream": True, "stream_options": {"include_usage": True}}
        status, text = ask(port, "/v1/chat/completions", QUESTION | options)
        lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
        assert status == 200 and lines[-1] == "[DONE]"
        parts = [json.loads(line) for line in lines[:-1]]
        streamed = "".join(one["delta"].get("content", "") for part in parts for one in part["choices"])
        assert streamed == answer["choices"][0]["message"]["content"] and parts[-1]["usage"] == usage
        refused = [
            (403, ask(port, "/v1/models", Host="example.org")),
            (403, ask(port, "/v1/models", Origin="https://example.org")),
            (404, ask(port, "/v1/files")),
            (400, ask(port, "/v1/chat/completions", b"{")),
            (400, ask(port, "/v1/chat/completions", [])),
            (400, ask(port, "/v1/chat/completions", {"messages": []})),
            (400, ask(port, "/v1/chat/completions", QUESTION | {"messages": ["How heavy?"]})),
            (400, ask(port, "/v1/chat/completions", QUESTION | {"max_tokens": 1_000_000})),
            (400, ask(port, "/v1/chat/completions", QUESTION | {"temperature": "hot"})),
            (400, ask(port, "/v1/chat/completions", QUESTION | {"n": 2})),
            (400, ask(port, "/v1/chat/completions", {"messages": [{"role": "user", "content": "box " * 9_000}]})),
            (400, ask(port, "/v1/chat/completions", QUESTION | {"stop": ["\ud800"]})),
            (413, ask(port, "/v1/chat/completions", b"", Content_Length="2000000")),
            (413, ask(port, "/v1/chat/completions", b"", Content_Length="9" * 5_000)),
            (415, ask(port, "/v1/chat/completions", b"{}", Content_Type="text/plain")),
        ]  # fmt: skip
        for expected, (status, said) in refused:
            assert status == expected and said["error"]["message"].endswith("."), said
        # It still answers.
        assert ask(port, "/v1/chat/completions", QUESTION)[1]["choices"] == answer["choices"]
        assert ask(port, "/v1/chat/completions", QUESTION | {"temperature": 1, "seed": 4, "stop": ["kg"]})[0] == 200


def test_a_checkpoint_that_is_not_there_is_told(adapter: Path) -> None:
    assert "There are: 2" in engine("serve", adapter, "--checkpoint", "7", expect=1)


def test_gguf_is_written_where_the_converter_of_llama_cpp_is_found(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent) + os.pathsep + "/usr/bin:/bin")
    said = engine("gguf", adapter, tmp_path / "model.gguf", expect=1)
    assert "convert_hf_to_gguf.py" in said and said.strip().count("\n") == 0
    (tmp_path / "convert_hf_to_gguf.py").write_text(
        "import pathlib, sys\n"
        "assert (pathlib.Path(sys.argv[1]) / 'model.safetensors').exists() and sys.argv[2] == '--outfile'\n"
        "pathlib.Path(sys.argv[3]).write_bytes(b'GGUF')\n",
        encoding="utf-8",
    )
    assert conftest.environment()["LLAMA_CPP"] == str(tmp_path)
    converter = tmp_path / "convert_hf_to_gguf.py"
    works = converter.read_text(encoding="utf-8")
    converter.write_text("import sys; sys.exit('This model is of no known kind')", encoding="utf-8")
    said = engine("gguf", adapter, tmp_path / "model.gguf", expect=1)
    assert said.strip().endswith("could not write this model: This model is of no known kind.")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["convert_hf_to_gguf.py"]
    converter.write_text(works, encoding="utf-8")
    engine("gguf", adapter, tmp_path / "model.gguf")
    assert (tmp_path / "model.gguf").read_bytes() == b"GGUF"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["convert_hf_to_gguf.py", "model.gguf"]
