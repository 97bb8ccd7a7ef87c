"""The command line: what it says, and with which status it ends."""

import os
import socket
from pathlib import Path

import aiohttp
import orjson
import pytest

from proxy.cli import main
from proxy.state.opening import shown
from tests.vendors.process import Process, run
from tests.vendors.script import END, Reply
from tests.vendors.server import Vendor


def written(folder: Path, text: str) -> str:
    path = folder / "dragoman.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DRAGOMAN_")]:
        monkeypatch.delenv(name)


async def test_a_wrong_configuration_is_explained_and_nothing_starts(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "listen: nonsense\n"
        "heartbeet: 5s\n"
        "providers:\n"
        "  one: {type: openai_chad}\n"
        "  two: {type: anthropic, api_key: sk-secret-key, timeout: {connect: soon}}\n",
    )
    status, output, log = await run(["serve", "--config", path])
    assert status == 2
    assert output == ""
    assert "listening" not in log
    assert path in log
    for place, found, allowed in (
        ("listen", "nonsense", "expected"),
        ("heartbeet", "unknown key", "heartbeat"),
        ("providers.one.type", "openai_chad", "openai_chat"),
        ("providers.two.timeout.connect", "soon", "expected"),
    ):
        line = next(line for line in log.splitlines() if place in line)
        assert found in line
        assert allowed in line
    assert "sk-secret-key" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("listen: [", "dragoman.yaml"),
        ("- a\n- b\n", "mapping"),
        ("listen: 0.0.0.0:0\nproviders: {toy: {type: scripted}}\n", "clients"),
        ("providers: {toy: {type: scripted, nonsense: 1}}\n", "nonsense"),
        ("providers: {a: {type: anthropic, api_key: '${NOT_SET_ANYWHERE}'}}\n", "NOT_SET_ANYWHERE"),
        ("models: {x: nobody/y}\n", "nobody"),
    ],
    ids=["yaml", "list", "open", "option", "variable", "alias"],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bare_environment: None, text: str, says: str
) -> None:
    assert main(["check", "--config", written(tmp_path, text)]) == 2
    log = capsys.readouterr().err
    assert says in log
    assert "Traceback" not in log


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], bare_environment: None) -> None:
    assert main(["serve", "--config", str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_check_describes_a_valid_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bare_environment: None
) -> None:
    path = written(tmp_path, "providers: {house: {type: anthropic, api_key: sk-secret-key}}\nlimits: {queue: 5}\n")
    assert main(["check", "--offline", "--config", path]) == 0
    output, log = capsys.readouterr()
    assert "provider house (type anthropic)" in output
    assert "note: limits.queue" in output
    assert "store: sqlite:///" in output
    assert "valid" in output
    assert "sk-secret-key" not in output + log


async def test_check_asks_the_providers(tmp_path: Path, vendor: Vendor) -> None:
    vendor.always(Reply(200, (b'{"data":[{"id":"gpt-4o"}]}', END), {"content-type": "application/json"}))
    well = f"{{type: openai_chat, base_url: {vendor.url}/v1, api_key: sk-secret-key}}"
    gone = "{type: openai_chat, base_url: http://127.0.0.1:9/v1, api_key: sk-secret-key}"
    path = written(tmp_path, f"store: memory://\nproviders:\n  well: {well}\n  toy: {{type: scripted}}\n")
    status, output, log = await run(["check", "--config", path])
    assert (status, log) == (0, "")
    assert f"well (openai_chat) {vendor.url}/v1: reachable" in output
    path = written(tmp_path, f"store: memory://\nproviders:\n  gone: {gone}\n  well: {well}\n")
    status, output, log = await run(["check", "--config", path])
    assert status == 1
    gone_line, advice, well_line = [line for line in output.splitlines() if "127.0.0.1:" in line or "do:" in line][-3:]
    assert gone_line.startswith("gone (openai_chat) http://127.0.0.1:9/v1: FAILED: not reachable")
    assert advice.startswith("    do: ")
    assert well_line.startswith("well (openai_chat)")
    assert log == "dragoman: 1 of 2 providers cannot be used as they are configured\n"
    assert "sk-secret-key" not in output


async def test_a_store_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for store, says in (
        (f"sqlite:///{tmp_path}/file/state.db", "cannot be used"),
        (f"sqlite:///{tmp_path}/file", "cannot be used"),
        ("redis://:sk-secret-key@127.0.0.1:notaport/0", "not a URL of Redis"),
    ):
        path = written(tmp_path, f"store: {store}\nlisten: 127.0.0.1:0\nproviders: {{toy: {{type: scripted}}}}\n")
        status, output, log = await run(["serve", "--config", path])
        assert status == 2, log
        assert output == ""
        [complaint] = [line for line in log.splitlines() if line.startswith("dragoman: ")]
        assert says in complaint
        assert "listening" not in log
        assert "Traceback" not in log
        assert "sk-secret-key" not in log


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://", "memory://"),
        ("sqlite:////var/lib/state.db", "sqlite:////var/lib/state.db"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://:sk-secret@redis.example:6380/1?timeout=5", "rediss://redis.example:6380/1"),
        ("redis://h/0?password=sk-secret", "redis://h/0"),
        ("postgresql://user:sk-secret@db.example/dragoman?sslmode=require", "postgresql://db.example/dragoman"),
        ("postgresql://user:sk@sk-secret@db/dragoman", "postgresql://db/dragoman"),
        ("postgresql://user:sk/secret@db/dragoman", "postgresql://..."),
        ("postgresql://user:sk?secret@db/dragoman", "postgresql://..."),
        ("postgresql://db/dragoman?password=sk@secret", "postgresql://..."),
        ("postgresql://user:sk@[::1]:5432,other/dragoman", "postgresql://[::1]:5432,other/dragoman"),
    ],
)
def test_a_store_is_named_without_its_password(url: str, told: str) -> None:
    assert shown(url) == told


async def test_a_default_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    path = written(tmp_path, "listen: 127.0.0.1:0\nproviders: {toy: {type: scripted}}\n")
    status, _, log = await run(["serve", "--config", path], {"DRAGOMAN_STATE_DIR": str(tmp_path / "file")})
    assert status == 2
    assert "DRAGOMAN_STATE_DIR" in log
    assert "Traceback" not in log


def test_providers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines.keys() >= {"anthropic", "openai_chat", "scripted"}
    assert "ANTHROPIC_API_KEY" in lines["anthropic"]
    assert "OPENAI_API_KEY" in lines["responses"]


def test_an_unknown_command_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


async def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, log = await run(["serve", "--port", str(port)], {"OPENAI_API_KEY": "sk-secret-key"})
    assert status == 1
    assert f"127.0.0.1:{port}" in log
    assert "in use" in log
    assert "Traceback" not in log


async def test_keys_of_the_environment_are_configuration_enough(vendor: Vendor) -> None:
    environ = {
        "OPENAI_API_KEY": "sk-secret-openai",
        "OPENAI_BASE_URL": f"{vendor.url}/base/v1",
        "ANTHROPIC_API_KEY": "sk-secret-anthropic",
        "DRAGOMAN_LISTEN": "127.0.0.1:0",
    }
    async with Process("serve", environ=environ) as process, aiohttp.ClientSession() as http:
        port = await process.listening()
        body = orjson.dumps({"model": "gpt-4o", "input": "hi"})
        async with http.post(f"http://127.0.0.1:{port}/v1/responses", data=body) as answer:
            assert answer.status == 200
        process.process.terminate()
        status, _ = await process.end()
    assert status == 0
    log = process.log.decode()
    assert "provider openai (type responses), from OPENAI_API_KEY, OPENAI_BASE_URL" in log
    assert "provider anthropic (type anthropic), from ANTHROPIC_API_KEY" in log
    assert "only this machine reaches" in log
    assert "sk-secret" not in log
    assert vendor.last.path == "/base/v1/responses"
    assert vendor.last.headers["authorization"] == "Bearer sk-secret-openai"


async def test_without_anything_it_says_what_to_do() -> None:
    async with Process("serve", "--port", "0") as process:
        await process.listening()
    log = process.log.decode()
    assert "no provider is configured" in log
    assert "OPENAI_API_KEY" in log
    assert "dragoman demo" in log


async def test_a_client_key_of_the_environment_guards(vendor: Vendor) -> None:
    environ = {
        "OPENAI_API_KEY": "sk-x-vendor",
        "OPENAI_BASE_URL": vendor.url,
        "DRAGOMAN_CLIENT_KEY": "sk-secret-client",
    }
    async with Process("serve", "--port", "0", environ=environ) as process, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{await process.listening()}/v1/models"
        async with http.get(url) as answer:
            assert answer.status == 401
        async with http.get(url, headers={"authorization": "Bearer sk-secret-client"}) as answer:
            assert answer.status == 200
    assert "sk-secret" not in process.log.decode()


async def test_the_command_line_beats_environment_and_file(tmp_path: Path) -> None:
    path = written(tmp_path, "listen: 127.0.0.1:1\nproviders: {toy: {type: scripted}}\n")
    environ = {"DRAGOMAN_CONFIG": path, "DRAGOMAN_LISTEN": "127.0.0.1:2"}
    async with Process("serve", "--host", "127.0.0.1", "--port", "0", environ=environ) as process:
        assert await process.listening() > 2
