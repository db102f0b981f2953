"""The front door: whom the server answers, what a write needs, and what every answer carries."""

import re

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient

from app import config, keys
from app.frontdoor import answers, hosts, takes_uploads
from app.frontdoor.headers import CONTENT_SECURITY_POLICY, STATIC_POLICY
from app.frontdoor.routes import list_routes

FOREIGN = ["evil.com", "evil.com:8765", "localhost.evil.com", "127.0.0.1.evil.com", "", "a, b", "192.168.1.5:8765"]
OWN = [
    "localhost",
    "LOCALHOST:8765",
    "localhost.:8765",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.8.9.1",
    "[::1]:8765",
    "[::1]",
]


@pytest.fixture
def paths(app: Flask) -> list[str]:
    """A concrete address for every route, and some that do not exist."""
    rules = [
        re.sub(r"<(?:(\w+):)?\w+>", lambda m: "css/x" if m[1] == "path" else "1", r.path) for r in list_routes(app)
    ]
    return [*rules, "/static/nothing.css", "/no/such/page", "/api/v1/nothing"]


@pytest.fixture
def open_app(app: Flask) -> Flask:
    """The application with a page and an API endpoint that write, an upload and a defect."""
    app.add_url_rule("/write", "write", lambda: "written", methods=["POST"])
    app.add_url_rule("/api/v1/write", "api_write", lambda: jsonify(got=request.get_json()), methods=["POST"])
    for path in ("/upload", "/api/v1/upload"):
        app.add_url_rule(path, path, takes_uploads(lambda: str(len(request.get_data()))), methods=["POST"])
    app.add_url_rule("/defect", "defect", lambda: 1 // 0)
    return app


@pytest.fixture
def token(app: Flask) -> dict[str, str]:
    """The header of a script that knows the API token."""
    return {"Authorization": f"Bearer {keys.api_token(config.data_dir(app.config))}"}


@pytest.mark.parametrize("header", FOREIGN)
def test_a_foreign_host_is_refused_on_every_route(stranger: FlaskClient, paths: list[str], header: str) -> None:
    for path in paths:
        answer = stranger.get(path, headers={"Host": header})
        assert answer.status_code == 421, path
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("header", OWN)
def test_this_machines_names_are_served(stranger: FlaskClient, header: str) -> None:
    assert stranger.get("/healthz", headers={"Host": header}).status_code == 200


def test_a_configured_name_is_served() -> None:
    assert hosts.is_own("ltt.example:8765", frozenset({"ltt.example"}))
    assert not hosts.is_own("ltt.example:8765")


def test_a_request_from_another_machine_is_refused(stranger: FlaskClient) -> None:
    answer = stranger.get("/healthz", environ_base={"REMOTE_ADDR": "192.168.1.7"})
    assert answer.status_code == 403
    assert answer.json["error"]["code"] == "foreign_peer"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Cookie": "session=x"},
    ],
)
@pytest.mark.parametrize("path", ["/write", "/api/v1/write"])
def test_a_write_from_elsewhere_is_refused(open_app: Flask, path: str, headers: dict[str, str]) -> None:
    answer = open_app.test_client(use_cookies=False).post(path, json={}, headers=headers)
    assert answer.status_code == 403


def test_a_write_that_says_nothing_about_itself_is_refused(open_app: Flask) -> None:
    client = open_app.test_client(use_cookies=False)
    assert client.post("/write").status_code == 403
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        answer = client.post("/api/v1/write", data=b"x", headers=headers)
        assert (answer.status_code, answer.json["error"]["code"]) == (401, "no_token")
        assert "ltt token" in answer.json["error"]["message"] and answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/write", "/api/v1/write"])
def test_a_foreign_origin_is_refused_even_with_the_token(open_app: Flask, path: str, token: dict[str, str]) -> None:
    for headers in ({"Origin": "https://evil.com"}, {"Sec-Fetch-Site": "cross-site"}):
        assert open_app.test_client().post(path, json={}, headers={**token, **headers}).status_code == 403


@pytest.mark.parametrize("path", ["/write", "/api/v1/write"])
def test_a_script_with_the_token_may_write(open_app: Flask, path: str, token: dict[str, str]) -> None:
    body = {"json": {}} if path.startswith("/api/") else {"data": {}}
    assert open_app.test_client().post(path, **body, headers=token).status_code == 200


def test_a_token_beside_a_cookie_does_not_replace_the_csrf_token(open_app: Flask, token: dict[str, str]) -> None:
    answer = open_app.test_client(use_cookies=False).post("/write", headers={**token, "Cookie": "a=b"})
    assert answer.status_code == 403


def test_a_wrong_token_is_refused(stranger: FlaskClient) -> None:
    answer = stranger.get("/healthz", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_our_own_page_needs_its_csrf_token(open_app: Flask) -> None:
    from flask_wtf.csrf import generate_csrf

    open_app.add_url_rule("/form", "form", lambda: generate_csrf())
    client = open_app.test_client()
    own = {"Sec-Fetch-Site": "same-origin"}
    token = client.get("/form").text
    assert client.post("/write", headers=own).status_code == 403
    assert client.post("/write", headers={**own, "X-CSRFToken": token}).status_code == 200
    assert client.post("/write", data={"csrf_token": token}).status_code == 200
    assert client.post("/write", data={"csrf_token": token}, headers={"Origin": "http://localhost"}).status_code == 200


def test_our_own_page_may_call_the_api(open_app: Flask) -> None:
    answer = open_app.test_client().post("/api/v1/write", json={"a": 1}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.json == {"got": {"a": 1}}


def test_no_route_allows_other_origins(stranger: FlaskClient, paths: list[str]) -> None:
    for path in paths:
        asked = {"Origin": "https://evil.com", "Access-Control-Request-Method": "POST"}
        answer = stranger.options(path, headers=asked)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")], path


def test_every_answer_carries_the_headers(stranger: FlaskClient, paths: list[str]) -> None:
    for path in [*paths, "/healthz"]:
        answer = stranger.get(path)
        is_file = path.startswith("/static/") and answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == (STATIC_POLICY if is_file else CONTENT_SECURITY_POLICY)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert path.startswith("/static/") or answer.headers["Cache-Control"] == "no-store"


def test_the_policy_allows_nothing_inline() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_a_defect_tells_nothing_but_its_request(open_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    for accept in ("text/html", "application/json"):
        answer = open_app.test_client().get("/defect", headers={"Accept": accept})
        assert answer.status_code == 500
        assert answer.headers["X-Request-Id"] in answer.text
        assert not re.search(rf"Traceback|ZeroDivision|\.py\b|{config.ROOT}", answer.text)


def test_debug_mode_cannot_be_switched_on(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from app import create_app

    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert not create_app({"LTT_DATA_DIR": str(data_dir)}).debug


def test_errors_have_one_json_shape(stranger: FlaskClient) -> None:
    answer = stranger.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert set(answer.json["error"]) == {"code", "message", "request_id", "details"}
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-Id"]


def test_a_body_over_the_limit_is_refused_by_its_length(open_app: Flask, token: dict[str, str]) -> None:
    announced = {"CONTENT_LENGTH": str(3 * 1024 * 1024)}
    answer = open_app.test_client().post(
        "/api/v1/write", headers=token, content_type="application/json", environ_overrides=announced
    )
    assert answer.status_code == 413
    assert answer.json["error"]["details"] == {"limit_mb": 2, "setting": "LTT_MAX_FORM_MB"}


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/upload", "multipart/form-data; boundary=x", 200),
        ("/api/v1/upload", "text/csv", 200),
        ("/api/v1/upload", "application/x-www-form-urlencoded", 200),
        ("/upload", "application/x-www-form-urlencoded", 413),
        ("/upload", "text/csv", 413),
        ("/upload", "", 413),
        ("/write", "multipart/form-data; boundary=x", 413),
    ],
)
def test_only_a_file_may_be_larger_than_a_form(
    open_app: Flask, token: dict[str, str], path: str, kind: str, status: int
) -> None:
    body = b"x" * 3 * 1024 * 1024
    answer = open_app.test_client().post(path, data=body, headers=token, content_type=kind)
    assert answer.status_code == status


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/write", "application/json"), ("/upload", "multipart/form-data")])
def test_a_packed_body_is_refused(open_app: Flask, token: dict[str, str], path: str, kind: str) -> None:
    headers = {**token, "Content-Encoding": "gzip", "Accept": "application/json"}
    answer = open_app.test_client().post(path, data=b"{}", headers=headers, content_type=kind)
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "wrong_encoding")
    headers["Content-Encoding"] = "identity"
    assert open_app.test_client().post(path, data=b"{}", headers=headers, content_type=kind).status_code == 200


def test_a_form_of_a_million_fields_is_refused(open_app: Flask, token: dict[str, str]) -> None:
    form = {"data": "a&" * 1_000_000, "content_type": "application/x-www-form-urlencoded"}
    assert open_app.test_client().post("/write", headers=token, **form).status_code == 413


def test_no_csrf_token_is_looked_for_in_a_raw_file(open_app: Flask) -> None:
    from flask_wtf.csrf import generate_csrf

    open_app.add_url_rule("/form", "form", lambda: generate_csrf())
    client = open_app.test_client()
    token = client.get("/form").text
    answer = client.post("/api/v1/upload", data={"csrf_token": token})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "csrf")
    assert client.post("/api/v1/upload", data=b"q,a", headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize("body", ["{", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 100_000, "", "\x00"])
def test_malformed_json_is_a_400(open_app: Flask, token: dict[str, str], body: str) -> None:
    answer = open_app.test_client().post("/api/v1/write", data=body, content_type="application/json", headers=token)
    assert answer.status_code == 400


def test_the_api_takes_no_forms(open_app: Flask, token: dict[str, str]) -> None:
    answer = open_app.test_client().post("/api/v1/write", data={"a": "1"}, headers=token)
    assert answer.status_code == 415


def test_who_sends_too_much_by_a_page_reads_what_to_do() -> None:
    _, body = answers.refusal_body(answers.Refusal(413, "too_large", "That is more than 2 MB."), "1", as_json=False)
    assert "<h1>Too large</h1>" in body.decode() and "the browser still has what you typed" in body.decode()
