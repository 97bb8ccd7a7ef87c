"""A provider in a distribution of its own: the one that is written anew, and the example of the documents."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.cli import main
from proxy.testing.scaffold import LONGEST_NAME, ScaffoldError, new_provider
from tests.vendors.process import Process
from tests.vendors.script import END, Reply
from tests.vendors.server import Recorded, Vendor

from .distributions import ROOT, environment_with, install, tool

EXAMPLE = ROOT / "docs/examples/dragoman-parrot"
NAMES = ("a", "b" * LONGEST_NAME, "acme_one")


def run(command: Sequence[str], folder: Path, target: Path) -> str:
    """What a program says that ends well in the folder."""
    done = subprocess.run(
        command, cwd=folder, env=environment_with(target), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made(name: str, folder: Path) -> Path:
    new_provider(name, folder / "made")
    return folder / "made"


@pytest.mark.parametrize("name", NAMES)
def test_a_new_provider_is_in_good_form(name: str, tmp_path: Path) -> None:
    distribution = made(name, tmp_path)
    run([tool("ruff"), "check", "--no-cache"], distribution, tmp_path)
    run([tool("ruff"), "format", "--check", "--no-cache"], distribution, tmp_path)


def test_types_are_right(tmp_path: Path) -> None:
    for distribution in (made("acme", tmp_path), EXAMPLE):
        # What both import is read once.
        said = run([tool("mypy"), f"--cache-dir={tmp_path / 'cache'}"], distribution, tmp_path)
        assert "no issues found" in said


def test_a_new_provider_passes_its_tests(tmp_path: Path) -> None:
    distribution, target = made("acme", tmp_path), tmp_path / "target"
    install(distribution, target)
    said = run([tool("python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"], distribution, target)
    assert " passed" in said
    assert "skipped" not in said


def test_the_example_passes_its_tests(tmp_path: Path) -> None:
    install(EXAMPLE, tmp_path)
    said = run([tool("python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"], EXAMPLE, tmp_path)
    assert " passed" in said
    assert "skipped" not in said


# --- in the gateway ---------------------------------------------------------------------------------------------------


async def answer(
    tmp_path: Path, distribution: Path, kind: str, reply: Callable[[Recorded], Reply], stream: bool
) -> Any:
    """What a client gets of a gateway with the distribution's provider; and what the vendor was asked."""
    target = tmp_path / "target"
    install(distribution, target)
    async with Vendor() as vendor:
        vendor.responder = reply
        path = tmp_path / "dragoman.yaml"
        path.write_text(
            "listen: 127.0.0.1:0\nstore: memory://\nproviders:\n"
            f"  it: {{type: {kind}, base_url: '{vendor.url}', api_key: sk-0123456789}}\n"
        )
        async with (
            Process("serve", "--config", str(path), environ=environment_with(target)) as process,
            aiohttp.ClientSession() as session,
        ):
            url = f"http://127.0.0.1:{await process.listening()}/v1/responses"
            body = {"model": "it/m-1", "input": "Greet", "stream": stream}
            async with asyncio.timeout(20), session.post(url, json=body) as response:
                text = await response.text()
                assert response.status == 200, text
        return text, vendor.last


GREETING: dict[str, Any] = {"text": "Hello", "end": "stop", "usage": {"input": 12, "output": 1}}


async def test_a_gateway_asks_a_new_provider(tmp_path: Path) -> None:
    reply = Reply(200, (json.dumps(GREETING).encode(), END), {"content-type": "application/json"})
    text, asked = await answer(tmp_path, made("acme", tmp_path), "acme", lambda recorded: reply, stream=False)
    response = json.loads(text)
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert response["usage"]["total_tokens"] == 13
    assert asked.path == "/v1/generate"
    assert asked.headers["authorization"] == "Bearer sk-0123456789"
    assert asked.json == {"model": "m-1", "messages": [{"role": "user", "text": "Greet"}], "stream": False}


async def test_a_gateway_streams_from_the_example(tmp_path: Path) -> None:
    lines = [
        {"kind": "said", "text": "Hello"},
        {"kind": "over", "why": "done", "counts": {"heard": 12, "spoken": 1}},
    ]
    pieces = [json.dumps(line).encode() + b"\n" for line in lines]
    reply = Reply(200, (*pieces, END), {"content-type": "application/x-ndjson"})
    text, asked = await answer(tmp_path, EXAMPLE, "parrot", lambda recorded: reply, stream=True)
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {")]
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"
    assert events[-1]["response"]["usage"]["input_tokens"] == 12
    assert asked.path == "/v2/speak"
    assert asked.headers["x-parrot-key"] == "sk-0123456789"


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "here"
    assert main(["new-provider", "acme", "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    for path in folder.rglob("*.*"):
        assert f"wrote {path}" in said
    assert (folder / "dragoman_acme/encode.py").is_file()
    assert not any("{{" in path.read_text() and "name}}" in path.read_text() for path in folder.rglob("*.*"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Acme",
        "acme-one",
        "1acme",
        "_acme",
        "acme_",
        "a__b",
        "class",
        "../acme",
        "acme/one",
        "x" * 25,
        "ärger",
        "a\n",
    ],
)
def test_bad_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="cannot be a provider's type"):
        new_provider(name, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_types_that_exist_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-provider", "anthropic", "--folder", str(tmp_path / "made")]) == 2
    assert "already" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "made"
    kept.mkdir()
    for folder in (kept, tmp_path / "link"):
        if folder != kept:
            folder.symlink_to(tmp_path / "nowhere")
        assert main(["new-provider", "acme", "--folder", str(folder)]) == 2
        assert "exists already" in capsys.readouterr().err
    assert list(kept.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["new-provider", "acme", "--folder", str(tmp_path / "file/made")]) == 2
    said = capsys.readouterr().err
    assert "cannot write" in said
    assert "Traceback" not in said
