"""What `dragoman check` finds out about a provider, and what it says of it."""

import asyncio
import os
import re
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from config.loader import load
from proxy.app import Plugins, build_gateway
from proxy.exchange import checking
from proxy.exchange.check_findings import Report, other_bases
from proxy.exchange.checking import check, check_all, wanted_models
from proxy.exchange.endpoint import Endpoint
from proxy.provider.contract import Call, Http
from proxy.provider.errors import ProviderError
from proxy.upstream.client import HttpClient, Upstream
from proxy.upstream.connection import Timeouts
from tests.vendors.script import CUT, END, SILENCE, Reply, Script
from tests.vendors.server import Recorded, Vendor

JSON = {"content-type": "application/json"}
KEY = "sk-canary-0123456789"

Checks = Callable[..., Any]


def listing(*names: str, status: int = 200, **headers: str) -> Reply:
    body = orjson.dumps({"object": "list", "data": [{"id": name} for name in names]})
    return Reply(status, (body, END), {**JSON, **headers})


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    body = orjson.dumps({"error": {"message": message, "type": "some_error", "code": None}})
    return Reply(status, (body, END), {**JSON, **headers})


def guarded(reply: Reply) -> Callable[[Recorded], Script]:
    """Answers so those alone who show the key."""
    return lambda recorded: reply if KEY in str(recorded.headers) else refusal(401)


async def reports(folder: Path, **settings: Any) -> list[Report]:
    """What is said of each provider of a configuration."""
    path = folder / "dragoman.yaml"
    path.write_text(yaml.safe_dump({"store": "memory://", **settings}, sort_keys=False))
    plugins = Plugins()
    gateway = build_gateway(load(path, {}, plugins), plugins)
    await gateway.upstream.open()
    try:
        return [report async for report in check_all(gateway)]
    finally:
        await gateway.upstream.close()


@pytest.fixture
def checked(vendor: Vendor, tmp_path: Path) -> Checks:
    """Checks one provider in front of the vendor."""

    async def one(path: str = "/v1", **options: Any) -> Report:
        entry = {"type": "openai_chat", "base_url": vendor.url + path, "api_key": KEY, **options}
        [report] = await reports(tmp_path, providers={"house": entry})
        assert KEY not in "\n".join(report.lines)
        assert all("\n" not in line for line in report.lines)
        return report

    return one


# --- all well ---------------------------------------------------------------------------------------------------------


async def test_a_provider_that_is_well(vendor: Vendor, checked: Checks) -> None:
    vendor.responder = guarded(listing("a", "b"))
    report = await checked()
    assert not report.failed
    assert re.fullmatch(
        f"house \\(openai_chat\\) {vendor.url}/v1: reachable, credential accepted, 2 models, clock (exact|[+-]1 s), "
        "plain http",
        report.line,
    )
    assert report.lines == [report.line]


async def test_a_list_that_anybody_is_given_proves_no_credential(vendor: Vendor, checked: Checks) -> None:
    vendor.always(listing("a"))
    report = await checked()
    assert "credential not looked at" in report.line
    assert not report.failed
    assert [KEY in str(request.headers) for request in vendor.requests] == [True, False]


async def test_without_a_credential_nothing_is_said_of_one(vendor: Vendor, checked: Checks) -> None:
    vendor.always(listing("a"))
    report = await checked(api_key=None)
    assert "reachable, no credential, 1 model," in report.line
    assert len(vendor.requests) == 1


async def test_the_address_is_shown_as_it_is_used_and_without_secrets(vendor: Vendor, tmp_path: Path) -> None:
    vendor.always(listing("a"))
    url = vendor.url.replace("://", "://user:canary@") + "/v1/"
    [report] = await reports(tmp_path, providers={"a": {"type": "openai_chat", "base_url": url}})
    assert f" {vendor.url}/v1: " in report.line
    assert "canary" not in "".join(report.lines)


async def test_what_needs_nobody_is_asked_nothing(tmp_path: Path) -> None:
    [report] = await reports(tmp_path, providers={"toy": {"type": "scripted"}})
    assert report.line == "toy (scripted) scripted:: nothing to reach, no credential, 1 model"
    assert not report.failed


@pytest.mark.parametrize(("seconds", "warned"), [(0, False), (50, False), (-50, False), (3600, True), (-3600, True)])
async def test_a_wrong_clock_is_noticed(vendor: Vendor, checked: Checks, seconds: int, warned: bool) -> None:
    date = format_datetime(datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds, UTC), usegmt=True)
    vendor.responder = guarded(listing("a", date=date))
    report = await checked()
    assert not report.failed
    assert any("clock is" in note for note in report.notes) == warned
    if warned:
        assert ("ahead of" if seconds > 0 else "behind") in report.notes[0]


@pytest.mark.parametrize("date", ["yesterday", "", "Mon, 99 Nov 9999 99:99:99 GMT"])
async def test_a_date_that_is_none_says_nothing(vendor: Vendor, checked: Checks, date: str) -> None:
    vendor.responder = guarded(listing("a", date=date))
    assert "clock" not in (await checked()).line


async def test_an_answer_from_a_cache_is_as_old_as_it_says(vendor: Vendor, checked: Checks) -> None:
    date = format_datetime(datetime.fromtimestamp(datetime.now(UTC).timestamp() - 500, UTC), usegmt=True)
    vendor.responder = guarded(listing("a", date=date, age="500"))
    assert not (await checked()).notes


async def test_configured_models_that_are_not_listed_are_named(vendor: Vendor, tmp_path: Path) -> None:
    vendor.always(listing("gpt-5.4", "llama:latest"))
    chat = {"type": "openai_chat", "base_url": f"{vendor.url}/v1"}
    [report] = await reports(
        tmp_path,
        providers={"a": {**chat, "models": {"gpt-5.4": {}, "gpt-5.5": {}, "llama": {}, "mine": {"base_model": "x"}}}},
        models={"fast": "a/gpt-5.4", "slow": ["a/nothing-like-it", "a/gpt-5.5"], "any-*": "a/*"},
        default_model="a/of-default",
        compaction={"model": "a/of-compaction"},
    )
    assert not report.failed
    assert list(report.notes) == [
        "the configured model nothing-like-it is not in its list",
        "the configured model gpt-5.5 is not in its list; did you mean gpt-5.4?",
        "the configured model of-default is not in its list",
        "the configured model of-compaction is not in its list",
    ]


async def test_an_empty_list_is_no_failure_and_noticed(vendor: Vendor, checked: Checks) -> None:
    vendor.responder = guarded(listing())
    report = await checked()
    assert not report.failed
    assert "0 models" in report.line
    assert "empty" in report.notes[0]


# --- failures that answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "fact", "advice"),
    [
        (refusal(401, f"Incorrect API key provided: {KEY}"), "credential refused (401)", "key"),
        (refusal(403, f"{KEY} lacks the scope model.read"), "*** lacks the scope model.read", "permissions"),
        (refusal(404, "Not Found"), "answered 404: ", "look at base_url"),
        (refusal(405), "answered 405", "look at base_url"),
        (refusal(429, "slow down"), "answered 429: slow down", "wait"),
        (refusal(500, "a\nb\x1b[31mc"), "answered 500: a b [31mc", "try again"),
        (refusal(502, "x" * 5000), "answered 502: xxx", "try again"),
        (refusal(302, location="https://user:pw@else.test/v1/models?key=1"), "redirect", "https://else.test/v1/models"),
        (Reply(200, (b"<!DOCTYPE html><p>", END), {"content-type": "text/html"}), "a web page", "/v1"),
        (Reply(200, (b"{", END), JSON), "answered 200", "no list of models"),
        (Reply(200, (), {**JSON}), "answered 200", "no list of models"),
    ],
    ids=["401", "403", "404", "405", "429", "500", "502", "redirect", "html", "not_json", "empty"],
)
async def test_a_failure_says_what_to_do(vendor: Vendor, checked: Checks, reply: Reply, fact: str, advice: str) -> None:
    vendor.always(reply)
    report = await checked()
    assert report.failed
    assert "FAILED: " in report.line
    assert fact in report.line
    assert len(report.line) < 500
    assert len(report.advice) == 1
    assert advice in report.advice[0]


async def test_gemini_refuses_a_key_with_400(vendor: Vendor, checked: Checks) -> None:
    error = {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
    vendor.always(Reply(400, (orjson.dumps({"error": error}), END), JSON))
    report = await checked("/v1beta", type="gemini")
    assert "credential refused (400)" in report.line


@pytest.mark.parametrize(
    ("path", "right"),
    [("", "/v1"), ("/v1/v1", "/v1"), ("/chat", "/v1"), ("/openai/v1", "/v1"), ("/v1/chat/completions", "/v1")],
)
async def test_a_base_url_that_would_do_is_found(vendor: Vendor, checked: Checks, path: str, right: str) -> None:
    vendor.responder = lambda recorded: (
        listing("a") if recorded.path == f"{right}/models" else Reply(404, (b"<html>not here", END))
    )
    report = await checked(path)
    assert report.failed
    assert report.advice == [f"write base_url: {vendor.url}{right}, where something answers"]
    assert [KEY in str(request.headers) for request in vendor.requests][1:] == [False] * (len(vendor.requests) - 1)


def test_other_bases_are_never_the_same_and_never_double() -> None:
    for base in ("http://h", "http://h/v1", "http://h/v1/v1", "http://h/a/v1", "https://h:1/x"):
        others = other_bases(base)
        assert base not in others
        assert len(set(others)) == len(others)
        assert not any("/v1/v1" in other for other in others)


# --- failures that do not ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "fact", "advice"),
    [
        ("http://127.0.0.1:9/v1", "127.0.0.1:9 refused the connection", "start the server"),
        ("http://[::1]:9/v1", "not reachable", ""),
        ("http://no-such-host.invalid/v1", "the name no-such-host.invalid is not known", "DNS"),
        ("http://127.0.0.1:99999/v1", "could not be asked", "base_url"),
        ("http:///v1", "could not be asked", "base_url"),
    ],
)
async def test_an_address_where_nobody_is(tmp_path: Path, base_url: str, fact: str, advice: str) -> None:
    [report] = await reports(tmp_path, providers={"a": {"type": "openai_chat", "base_url": base_url}})
    assert report.failed
    assert fact in report.line
    assert advice in report.advice[0]


async def test_a_key_that_no_header_can_have(vendor: Vendor, checked: Checks) -> None:
    report = await checked(api_key=f"{KEY}\nx: y")
    assert report.failed
    assert "could not be asked" in report.line
    assert "key" in report.advice[0]
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("reply", "fact"),
    [
        (Reply(200, (CUT,), {**JSON, "content-length": "9"}), "closed the connection"),
        (Reply(200, (b"{", SILENCE), JSON), "no answer came in time"),
    ],
    ids=["cut", "silent"],
)
async def test_answers_that_do_not_end(
    vendor: Vendor, checked: Checks, monkeypatch: pytest.MonkeyPatch, reply: Reply, fact: str
) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 0.2)
    vendor.always(reply)
    report = await checked()
    assert report.failed
    assert fact in report.line


async def test_a_check_ends(vendor: Vendor, checked: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LIMIT", 0.2)
    vendor.always(Reply(200, (SILENCE,), JSON))
    report = await checked()
    assert report.failed
    assert "no answer" in report.line
    assert (await vendor.arrival()).path == "/v1/models"


async def test_many_are_asked_at_the_same_time_and_told_in_order(vendor: Vendor, tmp_path: Path) -> None:
    all_here = asyncio.Event()

    def held(recorded: Recorded) -> Script:
        if len(vendor.requests) == 3:
            all_here.set()
        return Reply(200, (b'{"data":[]}', END), JSON, held=all_here)

    vendor.responder = held
    chat = {"type": "openai_chat", "base_url": f"{vendor.url}/v1"}
    found = await reports(tmp_path, providers={"c": chat, "a": chat, "b": chat})
    assert [report.name for report in found] == ["c", "a", "b"]


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The address of a server with a certificate of its own, and the certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "5", "-subj", "/O=House of Tests/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=-3, stderr=-3)
    assert await process.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readuntil(b"\r\n\r\n")) and not reader.at_eof():
            status = b"200 OK" if KEY.encode() in head else b"401 No"
            body = b'{"data":[{"id":"a"}]}'
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", certificate
    server.close()


async def test_tls_is_told(secure: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, certificate = secure
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(certificate))
    entry = {"type": "openai_chat", "base_url": f"{url}/v1", "api_key": KEY}
    [report] = await reports(tmp_path, providers={"a": entry})
    assert not report.failed
    assert ", TLSv1.3, certificate of House of Tests until 20" in report.line
    assert "plain http" not in report.line
    assert report.notes[0].startswith("its certificate ends on ")


async def test_a_certificate_that_nobody_vouches_for(secure: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = secure
    entry = {"type": "openai_chat", "base_url": f"{url}/v1", "api_key": KEY}
    [report] = await reports(tmp_path, providers={"a": entry})
    assert report.failed
    assert "its certificate was not verified (self-signed certificate)" in report.line
    assert "SSL_CERT_FILE" in report.advice[0]


async def test_tls_where_there_is_none(vendor: Vendor, tmp_path: Path) -> None:
    entry = {"type": "openai_chat", "base_url": vendor.url.replace("http:", "https:") + "/v1", "api_key": KEY}
    [report] = await reports(tmp_path, providers={"a": entry})
    assert report.failed
    assert "no TLS at 127.0.0.1" in report.line
    assert "http://" in report.advice[0]


async def test_no_tls_where_there_is_some(secure: tuple[str, Path], tmp_path: Path) -> None:
    entry = {"type": "openai_chat", "base_url": secure[0].replace("https:", "http:") + "/v1", "api_key": KEY}
    [report] = await reports(tmp_path, providers={"a": entry})
    assert report.failed
    assert "https://" in report.advice[0]


# --- credentials and plugins ------------------------------------------------------------------------------------------


class _Odd:
    """A provider with a list, an address and a credential of the test's own."""

    type = "odd"

    def __init__(self, base_url: str, models: Any = (), authorized: Any = None) -> None:
        self.base_url = base_url
        self._models = models
        self._authorized = authorized

    def credential_headers(self) -> tuple[str, ...]:
        return ("X-Key",)

    async def authorize(self, call: Call, http: Http) -> dict[str, str]:
        if isinstance(self._authorized, str):
            await http.request("POST", self._authorized, body=b"secret=canary")
        if isinstance(self._authorized, Exception):
            raise self._authorized
        return {"x-key": KEY}

    async def list_models(self, http: Http) -> Any:
        if isinstance(self._models, Exception):
            raise self._models
        return self._models


async def one(provider: Any) -> Report:
    upstream = Upstream()
    await upstream.open()
    try:
        return await check(Endpoint("odd", provider, HttpClient(upstream, Timeouts())), upstream)
    finally:
        await upstream.close()


async def test_a_provider_without_a_list_is_reached_all_the_same(vendor: Vendor) -> None:
    vendor.always(refusal(404))
    report = await one(_Odd(vendor.url))
    assert not report.failed
    assert "reachable, credential not checked, no list of models at this provider" in report.line
    assert [(request.method, KEY in str(request.headers)) for request in vendor.requests] == [("GET", False)]


async def test_a_provider_without_a_list_that_is_not_there() -> None:
    report = await one(_Odd("http://127.0.0.1:9"))
    assert report.failed
    assert "refused the connection" in report.line


async def test_a_list_that_is_elsewhere_is_no_reason_to_look_for_another_base(vendor: Vendor) -> None:
    class Elsewhere(_Odd):
        async def list_models(self, http: Http) -> Any:
            await http.request("GET", f"{vendor.url}/control/models")
            raise ProviderError("model_unknown", "not here")

    vendor.always(refusal(404))
    report = await one(Elsewhere("http://127.0.0.1:9/runtime"))
    assert report.failed
    assert "answered 404: not here" in report.line
    assert len(vendor.requests) == 1


async def test_a_credential_that_cannot_be_had(vendor: Vendor) -> None:
    error = ProviderError("bad_credential", "none")
    error.__cause__ = FileNotFoundError(2, "No such file or directory", "/secrets/key.json")
    report = await one(_Odd(vendor.url, authorized=error))
    assert report.failed
    assert "no credential could be had: [Errno 2] No such file or directory: '/secrets/key.json'" in report.line
    assert vendor.requests == []


async def test_an_issuer_of_credentials_that_is_not_there(vendor: Vendor) -> None:
    report = await one(_Odd(vendor.url, authorized="http://127.0.0.1:9/token"))
    assert report.failed
    assert "no credential could be had, 127.0.0.1:9 not reachable" in report.line
    assert "canary" not in str(report)


@pytest.mark.parametrize("models", [ZeroDivisionError("canary"), ["a", 1, None], {"a": 1}, None, 7])
async def test_a_plugin_that_is_broken_breaks_nothing(vendor: Vendor, models: Any) -> None:
    vendor.always(listing("a"))
    report = await one(_Odd(vendor.url, models))
    assert report.lines
    assert "canary" not in str(report)


async def test_the_models_that_are_wanted_are_those_of_their_provider(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.yaml"
    toys = {"a": {"type": "scripted"}, "b": {"type": "scripted", "models": {"y": {}}}}
    path.write_text(yaml.safe_dump({"store": "memory://", "providers": toys, "models": {"x": ["a/1", "b/2"]}}))
    plugins = Plugins()
    assert wanted_models(build_gateway(load(path, {}, plugins), plugins)) == {"a": ["1"], "b": ["2", "y"]}
