"""Every snippet of the documents works: configurations load, programs and curl lines run against a gateway, commands
and their arguments exist."""

import asyncio
import contextlib
import io
import re
import shlex
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from config.loader import load
from proxy.app import Plugins
from proxy.cli import _parser
from tests.docs.markdown import ROOT, SHELLS, Snippet, snippets
from tests.vendors.gateway import Gateway, Gateways

_GATEWAY = re.compile(r"(?:http://)?(?:localhost|127\.0\.0\.1):8080")

_shell = [snippet for snippet in snippets(*SHELLS) if any(words[0] == "curl" for words in snippet.commands())]
_commands = [(snippet, words) for snippet in snippets(*SHELLS) for words in snippet.commands() if words[0] != "curl"]


def _name(value: object) -> str:
    return " ".join(value[:3]) if isinstance(value, list) else str(value)


@pytest.fixture
async def gateway(gateways: Gateways) -> Gateway:
    """Every model's name leads to the scripted model."""
    return await gateways.start(models={"*": "toy/*"})


# --- configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=str)
def test_configurations_load(snippet: Snippet, tmp_path: Path) -> None:
    path = tmp_path / "dragoman.yaml"
    path.write_text(snippet.text)
    variables = {name: f"sk-{name.lower()}-0123456789" for name in re.findall(r"\$\{(\w+)\}", snippet.text)}
    load(path, variables, Plugins())


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_toml_is_valid(snippet: Snippet) -> None:
    assert tomllib.loads(snippet.text)


# --- programs ---------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # of the SDK
@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
async def test_programs_run(snippet: Snippet, gateway: Gateway) -> None:
    text = _GATEWAY.sub(gateway.url, snippet.text)
    code = compile("\n" * (snippet.line - 1) + text, str(snippet.document), "exec")
    namespace: dict[str, Any] = {"__name__": "snippet"}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        await asyncio.to_thread(exec, code, namespace)
    for value in namespace.values():
        if isinstance(value, openai.OpenAI):
            value.close()
    if "print(" in text:
        assert output.getvalue().strip()


@pytest.mark.parametrize("snippet", _shell, ids=str)
async def test_curl_lines_run(snippet: Snippet, gateway: Gateway) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not on this machine")
    for words in snippet.commands():
        if words[0] != "curl":
            continue
        _, *arguments = (_GATEWAY.sub(gateway.url, word) for word in words)
        process = await asyncio.create_subprocess_exec(
            curl, "--silent", "--max-time", "8", *arguments, stdout=-1, stderr=-1
        )
        output, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        assert output, shlex.join(words)
        assert b'"error":{"' not in output.replace(b" ", b""), output.decode()


# --- other commands ---------------------------------------------------------------------------------------------------


def _check_make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in arguments:
        assert "=" in target or target in targets


def _check_pip(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    for wanted in arguments[1:]:
        if wanted.startswith("."):
            assert set(re.findall(r"\w+", wanted)) <= set(extras)
        else:
            assert any(known.startswith(wanted) for known in project["dependency-groups"]["test"])


def _check_dragoman(arguments: list[str]) -> None:
    assert _parser().parse_args(arguments).command


def _check_python(arguments: list[str]) -> None:
    assert arguments[0] == "-m"
    assert (ROOT / arguments[1].replace(".", "/") / "__main__.py").exists()


def _check_docker(arguments: list[str]) -> None:
    if "-f" in arguments:
        assert (ROOT / arguments[arguments.index("-f") + 1]).is_file()
    else:
        assert arguments[0] == "run"


def _check_kubectl(arguments: list[str]) -> None:
    if arguments[0] == "apply":
        assert arguments[1] == "-k"
        assert (ROOT / arguments[2] / "kustomization.yaml").is_file()
    else:
        assert arguments[:3] == ["create", "secret", "generic"]


def _check_helm(arguments: list[str]) -> None:
    assert arguments[0] in ("install", "test")
    assert arguments[0] == "test" or (ROOT / arguments[2] / "Chart.yaml").is_file()


def _check_file(arguments: list[str]) -> None:
    assert (ROOT / ".ci/run").is_file()


CHECKS: Mapping[str, Callable[[list[str]], None]] = {
    "make": _check_make,
    "pip": _check_pip,
    "dragoman": _check_dragoman,
    "python": _check_python,
    "docker": _check_docker,
    "kubectl": _check_kubectl,
    "helm": _check_helm,
    ".ci/run": _check_file,
}


@pytest.mark.parametrize(("snippet", "words"), _commands, ids=_name)
def test_commands_exist(snippet: Snippet, words: list[str]) -> None:
    CHECKS[words[0]](words[1:])


def test_every_language_is_checked() -> None:
    checked = {"yaml", "toml", "python", *SHELLS}
    unchecked = defaultdict(list)
    for snippet in snippets("bash", "json", "yml", "py", "shell"):
        unchecked[snippet.language].append(str(snippet))
    assert not unchecked, f"snippets in these languages are not checked; the checked ones are {sorted(checked)}"
