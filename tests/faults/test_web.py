"""What pages elsewhere, odd clients and hostile patterns may not do (D51 to D84)."""

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.traffic import TOKEN, Editors, lines, quantile
from tests.serving import ROOT, Server, run_ltt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
Show = Callable[[str], None]


def test_d64_the_cookie_is_small_and_belongs_to_this_folder(server: Server, start: Callable[..., Server]) -> None:
    names = set()
    for one in (server, start("--no-worker")):
        [cookie] = one.ask("GET", "/datasets/new").headers.get_all("Set-Cookie")
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and len(cookie) <= 4096
        names.add(cookie.split("=")[0])
    assert len(names) == 2


def test_d68_no_address_leads_to_another_site(server: Server) -> None:
    dataset_id = server.make_dataset()
    for aim in ("//evil.com", "/\\evil.com", "https:evil.com", "https://evil.com", "javascript:alert(1)"):
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        for name in ("next", "back", "to", "url"):
            for path in ("/settings/theme", f"/datasets/{dataset_id}/archive", f"/datasets/{dataset_id}/unarchive"):
                answer = server.ask("POST", f"{path}?{name}={aim}", f"{name}={aim}&theme=dark", Referer=aim, **form)
                assert answer.status < 500
                assert re.match(r"/(?![/\\])|$", answer.headers.get("Location", "")), f"{path} {name}={aim}"


def test_d73_secrets_stand_in_no_answer_log_file_or_command_line(server: Server) -> None:
    dataset_id = server.make_dataset()
    server.bring(dataset_id, lines(10))
    assert server.ask("POST", "/backup").status == 303
    secrets = {server.token.encode(), *(path.read_bytes().strip() for path in server.folder.glob("*.key"))}
    paths = [
        "/",
        "/settings",
        "/backup",
        "/jobs/",
        "/api/v1/datasets",
        "/api/v1/jobs",
        "/api/v1/openapi.json",
        "/readyz",
    ]
    paths += [f"/datasets/{dataset_id}/{page}" for page in ("pairs", "history", "export", "settings")]
    texts = [server.ask("GET", path).body for path in [*paths, f"/api/v1/datasets/{dataset_id}/export", "/no/such"]]
    texts += [server.ask("GET", "/", Authorization="Bearer wrong").body, server.log.read_bytes()]
    texts += [path.read_bytes() for path in (server.folder / "backups").iterdir()]
    texts += [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [server.process.pid, *server.children()]]
    texts.append(run_ltt(server.folder, "config", "--json").stdout.encode())
    assert len(secrets) == 2
    assert not [text[:200] for text in texts for secret in secrets if secret in text or secret.hex().encode() in text]


# The second and the third are slow in this engine too. The fourth calls itself, the last is far too long.
SLOW = ("(a+)+$", "(a|aa)+$", "^(a|a?)+$", "(?R)?a", "(a|b)" * 100_000)


def test_d75_a_slow_pattern_ends_in_time_and_holds_up_nobody(server: Server, full: bool, show: Show) -> None:
    dataset_id = server.make_dataset()
    server.bring(dataset_id, f"question,answer\nSlow?,{'a' * 50}!\n".encode(), "x.csv")
    # What was read before gives no time to the text that is slow.
    texts = [*("b" * 800_000 for _ in range(5)), "a" * 800_000 + "!"]
    rows = "".join(f"q{number},{text}\n" for number, text in enumerate(texts))
    long_id = server.make_dataset()
    server.bring(long_id, f"question,answer\n{rows}".encode(), "long.csv")
    waits: list[float] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            began = time.monotonic()
            if server.ask("GET", f"/datasets/{dataset_id}/pairs").status == 200:
                waits.append((time.monotonic() - began) * 1000)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with server.unharmed(90):
            said = {pattern: refusal_of_pattern(server, dataset_id, pattern, full) for pattern in SLOW}
            said["long"] = refusal_of_pattern(server, long_id, "(a|aa)+$", full)
    finally:
        stop.set()
        watcher.join()
    assert "too slow" in said["(a|aa)+$"] and "too slow" in said["long"]
    p99 = quantile(waits, 99)
    show(f"{len(waits)} page views beside it, p99 {p99:.0f} ms")
    assert not full or p99 <= 500


def refusal_of_pattern(server: Server, dataset_id: int, pattern: str, full: bool) -> str:
    """What a preview says of a pattern: a refusal, or nothing where the engine is quicker than it looks."""
    step = {"operation": "find-replace", "options": {"find": pattern, "replace": "", "mode": "regex"}}
    began = time.monotonic()
    answer = server.ask("POST", f"/api/v1/datasets/{dataset_id}/clean/preview", {"steps": [step]})
    took = time.monotonic() - began
    assert answer.status in (200, 422), f"{pattern[:20]}: {answer.status} {answer.body[:300]!r}"
    assert took < (2 if full else 20), f"{pattern[:20]} took {took:.1f} s"
    return answer.json["error"]["message"] if answer.status == 422 else ""


def test_d78_half_open_connections_starve_nobody(server: Server, full: bool, show: Show) -> None:
    crowd: list[socket.socket] = []
    waits = []
    try:
        for _ in range(300 if full else 200):
            crowd.append(server.connect())
            crowd[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        for _ in range(100 if full else 20):
            began = time.monotonic()
            assert server.ask("GET", "/api/v1/datasets").status == 200
            waits.append((time.monotonic() - began) * 1000)
    finally:
        for one in crowd:
            one.close()
    p95 = quantile(waits, 95)
    show(f"{len(crowd)} half-open, p95 {p95:.0f} ms")
    assert not full or p95 <= 500


def test_d83_every_locked_package_has_its_hashes(server: Server) -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        packages = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())
        unpinned = [
            one for one in packages if not one.startswith("#") and not ("==" in one and "--hash=sha256:" in one)
        ]
        assert packages and unpinned == []
    database = server.ask("GET", "/readyz").json["database"]
    assert database["version"] and "checkpoints under it" in database["mode"]


def test_d84_an_export_while_others_edit_is_one_state(server: Server, full: bool, show: Show) -> None:
    editors = Editors.of_new_dataset(server, 64)
    rows = 200_000 if full else 25_000
    server.bring(editors.dataset_id, lines(rows))
    # What is loaded once, such as the model that tells the language of such a text, is no part of the growth.
    added = {"question": "Which crate?", "answer": "Quondam vexing zephyrs jolt blighted fjord wharves nymphlike."}
    assert server.ask("POST", f"/api/v1/datasets/{editors.dataset_id}/entries", added).status == 201
    assert server.ask("GET", f"/datasets/{editors.dataset_id}/pairs").status == 200
    at_rest = server.forget_peak()
    with editors.at_work(4):
        for _ in range(5 if full else 2):
            before = set(editors.saved)
            began = time.monotonic()
            sent = server.ask("GET", f"/api/v1/datasets/{editors.dataset_id}/export?to=jsonl:openai")
            ended = time.monotonic()
            exported = [json.loads(line)["messages"][-1]["content"] for line in sent.body.splitlines()]
            assert len(exported) == rows + 65
            held = {token for text in exported for token in TOKEN.findall(text)}
            saved = dict(editors.saved)
            assert before <= held
            # One state: what was saved before the newest save in it began is in it too.
            newest = max((saved[token][0] for token in held if token in saved), default=began)
            assert {token for token, (_, done) in saved.items() if done < newest} <= held
            assert not [token for token in held if token in saved and saved[token][0] > ended]
    editors.assert_nothing_lost()
    grown = server.memory_mb() - at_rest
    show(f"{rows:,} pairs, {len(editors.saved)} edits meanwhile, {grown:.0f} MB more than the {at_rest:.0f} before")
    assert grown <= 60
