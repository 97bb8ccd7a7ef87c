"""`dragoman translate`: a request as a vendor would get it, without a server, a network or a configuration."""

import io
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from proxy.app import Plugins
from proxy.cli import main
from tests.vendors.gateway import Gateway
from tests.vendors.process import run
from tests.vendors.server import Vendor

REQUEST: dict[str, Any] = {
    "model": "gpt-4o",
    "input": "Good day — ünïcode",
    "text": {"verbosity": "low"},
    "metadata": {"a": "b"},
}

MODELS = {
    "anthropic": "anthropic/claude-opus-5",
    "azure": "azure/gpt-5.6-sol",
    "bedrock": "bedrock/anthropic.claude-opus-5-v1:0",
    "cohere": "cohere/command-a-03-2025",
    "gemini": "gemini/gemini-3.5-flash",
    "mistral": "mistral/mistral-large-latest",
    "ollama": "ollama/qwen3",
    "openai_chat": "openai_chat/gpt-5.6-sol",
    "responses": "responses/gpt-5.6-sol",
    "scripted": "scripted/any",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("DRAGOMAN_")]:
        monkeypatch.delenv(name)
    # The command sets the log of its process up, which here is that of all tests.
    earlier = structlog.get_config()
    yield
    structlog.configure(**earlier)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[object], str]:
    def write(request: object) -> str:
        path = tmp_path / "request.json"
        path.write_bytes(request if isinstance(request, bytes) else orjson.dumps(request))
        return str(path)

    return write


def translated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The object that the command prints, which has to end well."""
    assert main(["translate", *arguments]) == 0, capsys.readouterr().err
    output, complaint = capsys.readouterr()
    assert complaint == ""
    told: dict[str, Any] = orjson.loads(output)
    assert told["object"] == "dragoman.dry_run"
    return told


def test_every_shipped_type_needs_no_configuration() -> None:
    assert set(MODELS) >= set(Plugins())


@pytest.mark.parametrize("model", [*(MODELS[name] for name in Plugins()), "openai/gpt-5.6-sol", "groq/llama-3.3-70b"])
def test_a_provider_is_named_by_its_type(
    model: str, written: Callable[[object], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", unplugged)
    monkeypatch.setattr(socket.socket, "connect", unplugged)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.setenv(name, "sk-canary-0123456789")
    told = translated(capsys, "--model", model, written(REQUEST))
    provider, _, name = model.partition("/")
    assert (told["provider"], told["model"]) == (provider, name)
    assert REQUEST["input"] in str(told["request"]["body"])
    assert "canary" not in str(told)
    assert "placeholder" not in str(told)
    assert {"path": "input[0]", "disposition": "exact", "reason": ""} in told["conversions"]


def test_what_is_printed_can_be_read_by_people_and_by_programs(
    written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["translate", "--model", MODELS["anthropic"], written(REQUEST)]
    assert main(arguments) == 0
    pretty = capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    compact = capsys.readouterr().out
    assert pretty.startswith('{\n  "object": "dragoman.dry_run",\n')
    assert compact.count("\n") == 1
    assert orjson.loads(pretty) == orjson.loads(compact)
    assert "ünïcode" in pretty


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(orjson.dumps(REQUEST))))
    assert translated(capsys, "--model", MODELS["gemini"], "-")["provider"] == "gemini"


async def test_it_is_what_the_gateway_answers(
    gateway: Gateway, vendor: Vendor, tmp_path: Path, written: Callable[[object], str]
) -> None:
    config = tmp_path / "dragoman-0.yaml"
    for model in ("chat/gpt-4o", "claude/claude-sonnet-5", "google/gemini-3.5-flash"):
        dry = await gateway.create(path="/v1/responses?dry_run=true", **{**REQUEST, "model": model})
        status, output, log = await run(
            ["translate", "--config", str(config), "--json", "--model", model, written(REQUEST)]
        )
        assert (status, log) == (0, "")
        assert output.encode() == dry.body + b"\n"
    assert vendor.connections == set()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        ({"conversation": "conv_1"}, "conv_1"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "msg_1"),
        ({"temperature": "warm"}, "temperature"),
        ({"nonsense": 1}, "nonsense"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"input": ""}, "input"),
    ],
)
def test_a_refusal_is_said(
    change: dict[str, Any], says: str, written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["translate", "--model", MODELS["anthropic"], written({**REQUEST, **change})]) == 1
    output, complaint = capsys.readouterr()
    assert output == ""
    assert complaint.startswith("dragoman: ")
    assert says in complaint


def test_strict_refuses_losses(written: Callable[[object], str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "--strict", "--model", MODELS["anthropic"], written(REQUEST)]) == 1
    assert "'text.verbosity'" in capsys.readouterr().err


def test_a_model_that_nobody_has_is_said_with_those_who_are_there(
    written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["translate", "--model", "nobody/x", written(REQUEST)]) == 1
    complaint = capsys.readouterr().err
    assert "'nobody/x'" in complaint
    assert "anthropic" in complaint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"a": "\\ud800"}'])
def test_a_file_that_holds_no_request_is_misuse(
    content: bytes, written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(content)
    assert main(["translate", "--model", MODELS["anthropic"], path]) == 2
    output, complaint = capsys.readouterr()
    assert output == ""
    assert path in complaint
    assert "Traceback" not in complaint


def test_a_missing_file_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        assert main(["translate", "--model", MODELS["anthropic"], str(path)]) == 2
        assert str(path) in capsys.readouterr().err


def test_a_wrong_configuration_is_misuse(
    tmp_path: Path, written: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "dragoman.yaml"
    config.write_text("nonsense: 1\n")
    assert main(["translate", "--config", str(config), "--model", MODELS["anthropic"], written(REQUEST)]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_nothing_is_written_down(
    tmp_path: Path,
    written: Callable[[object], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "dragoman.yaml"
    config.write_text(f"store: sqlite:///{tmp_path}/state.db\nproviders: {{toy: {{type: scripted}}}}\n")
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(config))
    assert translated(capsys, "--model", "toy/any", written({**REQUEST, "store": True}))["provider"] == "toy"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dragoman.yaml", "request.json"]
