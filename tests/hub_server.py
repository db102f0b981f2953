"""A small server that speaks the part of the Hub's API with which datasets are made, read and pushed."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_only-for-tests-0123456789"


class Hub:
    """What the server holds: repositories with their files, and who may see them. ``status`` makes it fail."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.commits: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.status = 0
        self.address = ""


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """A running server, and what it holds."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None: ...

        def answer(self, status: int, body: object = b"", **headers: str) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def refuse(self, status: int, code: str) -> None:
            self.answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            hub.requests.append(f"{self.command} {path}")
            if hub.status:
                self.answer(hub.status, {"error": "no"})
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.answer(401, {"error": "Invalid credentials"})
            elif path == "/api/validate-yaml":
                self.answer(200, {"errors": [], "warnings": []})
            elif path == "/api/repos/create":
                asked = json.loads(body)
                name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
                if name in hub.files:
                    self.answer(409, {"url": f"{hub.address}/datasets/{name}", "error": "You already created this"})
                    return
                hub.files[name] = {}
                hub.private[name] = asked.get("private", False) or asked.get("visibility") == "private"
                self.answer(200, {"url": f"{hub.address}/datasets/{name}", "name": name, "id": name})
            elif found := re.fullmatch(r"(?:/api)?/datasets/([^/]+/[^/]+)(?:/(\w+)/main(?:/(.*))?)?", path):
                self.on_repo(found[1], found[2] or "", found[3] or "", body)
            else:
                self.answer(404, {"error": f"no such page: {path}"})

        def on_repo(self, repo: str, action: str, path: str, body: bytes) -> None:
            files = hub.files.get(repo)
            if files is None:
                self.refuse(404, "RepoNotFound")
            elif action == "resolve":
                if path not in files:
                    self.refuse(404, "EntryNotFound")
                else:
                    self.answer(200, files[path], ETag='"' + "e" * 40 + '"', X_Repo_Commit="c" * 40)
            elif action == "preupload":
                asked = json.loads(body)["files"]
                self.answer(
                    200,
                    {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]},
                )
            elif action == "commit":
                self.commit(repo, [json.loads(line) for line in body.splitlines()])
            elif action == "tree":
                self.answer(
                    200,
                    [{"type": "file", "path": one, "size": len(data), "oid": "0" * 40} for one, data in files.items()],
                )
            else:
                siblings = [{"rfilename": one} for one in files]
                self.answer(
                    200,
                    {
                        "id": repo,
                        "sha": "c" * 40,
                        "siblings": siblings,
                        "private": hub.private[repo],
                        "tags": [],
                        "downloads": 0,
                        "likes": 0,
                    },
                )

        def commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
            for line in lines:
                value = line["value"]
                if line["key"] == "header":
                    hub.commits.append(value)
                elif line["key"] == "file":
                    hub.files[repo][value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "deletedFile":
                    del hub.files[repo][value["path"]]
            url = f"{hub.address}/datasets/{repo}/commit/{'c' * 40}"
            self.answer(200, {"success": True, "commitOid": "c" * 40, "commitUrl": url, "hookOutput": ""})

        do_GET = do_POST = do_HEAD = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
