"""`dragoman usage`: what was spent, read from the store, also while the server runs."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiohttp
import orjson
import pytest
import structlog

from proxy.cli import main
from proxy.state.opening import store_from
from proxy.state.records import Spending, SpendRow
from tests.vendors.process import ROOT, Process, run
from tests.vendors.server import Vendor

COST = "0.0000975"
"""Of 11 tokens at 2.50 USD and 7 at 10 USD a million."""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("DRAGOMAN_")]:
        monkeypatch.delenv(name)
    # A command may set the log of its process up, which here is that of all tests.
    earlier = structlog.get_config()
    yield
    structlog.configure(**earlier)


def written(folder: Path, store: str, more: str = "") -> str:
    path = folder / "dragoman.yaml"
    path.write_text(f"store: {store}\nlisten: 127.0.0.1:0\n{more}")
    return str(path)


def row(number: int, *, model: str = "gpt-4o", cost: int | None = 97_500_000, at: float | None = None) -> SpendRow:
    return SpendRow(
        id=f"resp_{number:032x}",
        at=time.time() if at is None else at,
        client="shop",
        provider="chat",
        model=model,
        outcome="completed",
        input_tokens=11,
        cache_read_tokens=0,
        cache_write_tokens=0,
        output_tokens=7,
        reasoning_tokens=0,
        source="provider",
        cost=cost,
        price_source=None if cost is None else "config",
        attempts=1,
        duration_ms=10,
        first_output_ms=None,
    )


async def keep(url: str, *rows: SpendRow) -> None:
    store = store_from(url, durability="process")
    await store.open()
    for start in range(0, len(rows), 500):
        await store.add_spend([Spending(one) for one in rows[start : start + 500]], time.time())
    await store.close()


def kept(url: str, *rows: SpendRow) -> None:
    asyncio.run(keep(url, *rows))


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration whose SQLite store holds three rows, one of them without a price."""
    url = f"sqlite:///{tmp_path}/spent.db"
    kept(url, row(1), row(2), row(3, model="unknown", cost=None))
    return written(tmp_path, url)


def printed(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> str:
    assert main(["usage", *arguments]) == 0
    output, log = capsysbinary.readouterr()
    assert log == b""
    return output.decode()


def test_the_table_is_the_default(config: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = printed(capsysbinary, "--config", config).splitlines()
    assert lines[0].startswith("What was spent from 2")
    assert lines[2].split() == [
        *("client", "model", "requests", "input", "cache", "read", "cache", "write", "output", "reasoning"),
        *("unpriced", "cost", "USD"),
    ]
    assert [line.split() for line in lines[4:6]] == [
        ["shop", "gpt-4o", "2", "22", "0", "0", "14", "0", "0", "0.000195"],
        ["shop", "unknown", "1", "11", "0", "0", "7", "0", "18", "-"],
    ]
    assert lines[7].split() == ["total", "3", "33", "0", "0", "21", "0", "18", "0.000195"]
    assert lines[-1] == "unpriced: 18 tokens of unknown have no price"


def test_csv_and_json_say_the_same(config: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    answer = json.loads(printed(capsysbinary, "--config", config, "--format", "json", "--by", "model"))
    sheet = printed(capsysbinary, "--config", config, "--format", "csv", "--by", "model")
    rows = list(csv.DictReader(io.StringIO(sheet, newline="")))
    data = [{name: "" if value is None else str(value) for name, value in one.items()} for one in answer["data"]]
    assert rows == data
    assert [one["cost_usd"] for one in answer["data"]] == ["0.000195", None]
    assert answer["total"]["cost_usd"] == "0.000195"


def test_a_span_without_rows_says_so(config: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    said = printed(capsysbinary, "--config", config, "--since", "2020-01-01", "--until", "2020-02-01")
    assert said == "Nothing was spent from 2020-01-01T00:00:00Z to 2020-02-01T00:00:00Z.\n"


def test_a_span_reaches_back_from_now(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    url = f"sqlite:///{tmp_path}/spent.db"
    now = time.time()
    kept(url, row(1, at=now - 60), row(2, at=now - 7_200), row(3, at=now - 40 * 86_400))
    config = written(tmp_path, url)
    for arguments, requests in (
        (("--since", "1h"), 1),
        (("--since", "12h"), 2),
        ((), 2),
        (("--since", "90d"), 3),
        (("--since", "90d", "--until", "1h"), 2),
    ):
        answer = json.loads(printed(capsysbinary, "--config", config, "--format", "json", *arguments))
        assert answer["total"]["requests"] == requests, arguments


def test_ten_thousand_models_with_names_that_are_hostile(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    url = f"sqlite:///{tmp_path}/spent.db"
    kept(url, *(row(number, model=f"=\x1b[2J\n\x9b31m{number}", cost=10**17 + number) for number in range(10_000)))
    config = written(tmp_path, url)
    for form in ("table", "csv", "json"):
        said = printed(capsysbinary, "--config", config, "--format", form, "--by", "model")
        assert {sign for sign in said if not sign.isprintable()} <= {"\r", "\n"}
        assert len(said) > 10_000
    total = f"{10_000 * 10**5:,}.{sum(range(10_000)):012}"
    assert total in printed(capsysbinary, "--config", config)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--by", "clint"), "--by: found 'clint', expected some of client, provider, model"),
        (("--since", "yesterday"), "--since: found 'yesterday', expected a duration"),
        (("--until", "2026-02-30"), "--until: found '2026-02-30'"),
        (("--since", "1d", "--until", "2d"), "not before the end"),
    ],
)
def test_a_wrong_query_is_misuse(
    config: str, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], says: str
) -> None:
    assert main(["usage", "--config", config, *arguments]) == 2
    output, log = capsys.readouterr()
    assert output == ""
    assert says in log


def test_an_unknown_format_is_misuse(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["usage", "--config", config, "--format", "xml"])
    assert ended.value.code == 2
    assert "table" in capsys.readouterr().err


def test_what_is_in_memory_is_asked_of_the_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--config", written(tmp_path, "memory://")]) == 2
    assert "/admin/usage" in capsys.readouterr().err


def test_a_store_that_does_not_exist_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "nowhere/spent.db"
    assert main(["usage", "--config", written(tmp_path, f"sqlite:///{file}")]) == 2
    assert f"no store {file}" in capsys.readouterr().err
    assert not file.parent.exists()


def test_the_default_store_need_not_exist_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGOMAN_STATE_DIR", str(tmp_path / "state"))
    assert main(["usage"]) == 2
    assert str(tmp_path / "state/dragoman.db") in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_file_that_is_no_store_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spent.db"
    file.write_text("this is no database" * 100)
    assert main(["usage", "--config", written(tmp_path, f"sqlite:///{file}")]) == 2
    assert f"{file} cannot be used" in capsys.readouterr().err
    assert file.read_text() == "this is no database" * 100


def test_a_server_that_cannot_be_reached_is_said_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for url in ("redis://:sk-secret@127.0.0.1:1/0", "postgresql://u:sk-secret@127.0.0.1:1/d"):
        assert main(["usage", "--config", written(tmp_path, url)]) == 1
        log = capsys.readouterr().err
        assert "127.0.0.1:1" in log
        assert "cannot be reached" in log
        assert "sk-secret" not in log


def test_a_reader_that_leaves_early_is_no_failure_of_ours(config: str) -> None:
    kept(f"sqlite:///{Path(config).parent}/spent.db", *(row(number, model=f"m{number}") for number in range(9_000)))
    code = f"from proxy.cli import main; raise SystemExit(main(['usage', '--config', {config!r}, '--by', 'model']))"
    for unbuffered in ("", "1"):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stderr:
            with process.stdout:
                assert process.stdout.readline().startswith(b"What was spent")
            assert process.stderr.read() == b""
        assert process.wait(20) == 1


async def test_what_a_running_server_has_kept_is_read_beside_it(tmp_path: Path, vendor: Vendor) -> None:
    config = written(
        tmp_path,
        f"sqlite:///{tmp_path}/spent.db",
        "admin: {listen: 127.0.0.1:0, key: sk-admin-canary}\n"
        f"providers: {{chat: {{type: openai_chat, base_url: '{vendor.url}/v1', api_key: sk-vendor, dialect: openai, "
        "models: {gpt-4o: {price: {input: 2.5, output: 10}}}}}\n",
    )
    async with Process("serve", "--config", config) as process, aiohttp.ClientSession() as http:
        port = await process.listening()
        administration = await process.entry("administration listening")
        assert administration["address"] == "127.0.0.1:0"
        body = orjson.dumps({"model": "chat/gpt-4o", "input": "hi"})
        for _ in range(3):
            async with http.post(f"http://127.0.0.1:{port}/v1/responses", data=body) as answer:
                assert answer.status == 200
                assert answer.headers["x-dragoman-cost-usd"] == COST
        url = f"http://127.0.0.1:{administration['port']}/admin/usage?by=client,provider,model"
        async with http.get(url, headers={"authorization": "Bearer sk-admin-canary"}) as answer:
            served = await answer.json()
        # What the administration told is in the store.
        status, output, log = await run(
            ["usage", "--config", config, "--format", "json", "--by", "client,provider,model"]
        )
    assert (status, log) == (0, "")
    told = json.loads(output)
    assert (told["data"], told["total"]) == (served["data"], served["total"])
    assert told["total"]["cost_usd"] == "0.0002925"
    assert "admin: /admin/usage on 127.0.0.1:0" in process.log.decode()
    assert "sk-admin-canary" not in process.log.decode()


async def test_redis_is_read_as_well(tmp_path: Path, fresh_redis_url: str) -> None:
    await check_shared_store(tmp_path, fresh_redis_url)


async def test_postgresql_is_read_as_well(tmp_path: Path, fresh_postgres_url: str) -> None:
    await check_shared_store(tmp_path, fresh_postgres_url)


async def check_shared_store(tmp_path: Path, url: str) -> None:
    await keep(url, row(1), row(2), row(3, model="=\x1b[2J unknown", cost=None))
    config = written(tmp_path, url)
    status, output, log = await run(["usage", "--config", config, "--format", "csv"])
    assert (status, log) == (0, "")
    assert [line.split(",") for line in output.splitlines()[1:]] == [
        ['"shop"', '"gpt-4o"', "2", "22", "0", "0", "14", "0", "0", "0.000195", "0"],
        ['"shop"', '"\'=\\x1b[2J unknown"', "1", "11", "0", "0", "7", "0", "18", "", "0"],
    ]


async def test_what_was_spent_survives_the_server(tmp_path: Path) -> None:
    config = written(tmp_path, f"sqlite:///{tmp_path}/spent.db", "providers: {toy: {type: scripted}}\n")
    async with Process("serve", "--config", config) as process, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{await process.listening()}/v1/responses"
        async with http.post(url, data=orjson.dumps({"model": "toy/any", "input": "/say hi"})) as answer:
            assert answer.status == 200
        process.process.terminate()
        assert (await process.end())[0] == 0
    status, output, _ = await run(["usage", "--config", config, "--by", "provider,outcome", "--format", "csv"])
    assert status == 0
    assert [line.split(",")[:3] for line in output.splitlines()[1:]] == [['"toy"', '"completed"', "1"]]


async def test_an_address_that_is_taken_is_named(tmp_path: Path, vendor: Vendor) -> None:
    config = written(tmp_path, "memory://", f"admin: {{listen: '127.0.0.1:{vendor.port}', key: sk-admin-canary}}\n")
    status, _, log = await run(["serve", "--config", config])
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{vendor.port}" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("admin: {listen: 127.0.0.1:9}", "admin.key: is missing"),
        ("admin: {listen: 127.0.0.1:9, key: k}\nlisten: 127.0.0.1:9", "admin.listen: found the address of listen"),
        (
            "admin: {listen: 127.0.0.1:9, key: k}\nmetrics: {listen: 127.0.0.1:9}",
            "admin.listen: found the address of metrics.listen",
        ),
        (
            "admin: {listen: 127.0.0.1:9, key: k}\nclients: [{name: a, key: b}, {name: c, key: k}]",
            "admin.key: found the key of clients[1]",
        ),
        ("admin: {listen: 127.0.0.1:9, key: ''}", "admin.key"),
    ],
)
def test_an_administration_that_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    path = tmp_path / "dragoman.yaml"
    path.write_text(f"{text}\n")
    assert main(["check", "--config", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_a_key_without_an_address_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["check", "--offline", "--config", written(tmp_path, "memory://", "admin: {key: sk-admin-canary}\n")]) == 0
    )
    output = capsys.readouterr().out
    assert "note: admin.key: has no effect without admin.listen" in output
    assert "sk-admin-canary" not in output
