"""The Codex CLI, run as people run it: `codex exec` with a provider of their own, in a folder with files.

A program of the same protocol as the others, and of the standard library only: `run.py CODEX`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HELLO = 'greeting: "hello" \\o/ \u00e9\ncolour: red\n'

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)

SECONDS = 30


class FailedError(Exception):
    """A scenario did not come out as it should; the message says what was found."""


@dataclass(frozen=True)
class Outcome:
    """What one run of `codex exec --json` printed, and the files that it left."""

    events: list[dict[str, Any]]
    status: int
    files: Mapping[str, str]
    log: str

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The finished items of one type: messages, commands, changes of files."""
        items = [event["item"] for event in self.events if event["type"] == "item.completed"]
        return [item for item in items if item["type"] == kind]

    @property
    def text(self) -> str:
        """The last message."""
        said: list[str] = [item["text"] for item in self.of_type("agent_message")]
        return said[-1] if said else ""

    def expect(self, holds: bool, what: str) -> None:
        """Fail with what was printed."""
        if not holds:
            raise FailedError(f"{what}; exit {self.status}, {json.dumps(self.events)[-1500:]} {self.log[-500:]}")

    def expect_completed(self) -> None:
        """The turn came to its end."""
        self.expect(self.status == 0 and self.events[-1]["type"] == "turn.completed", "the turn was not completed")


def codex(prompt: str, *options: str, files: Mapping[str, bytes] = {}, key: str = "", model: str = "",
          catalog: Literal["file", "gateway", "none"] = "file") -> Outcome:  # fmt: skip
    """Run `codex exec` in a new folder with these files. `catalog`: where it finds out what the model can do."""
    model = model or os.environ["MODEL"]
    with tempfile.TemporaryDirectory() as made:
        home, folder = Path(made, "home"), Path(made, "work")
        home.mkdir()
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (home / "catalog.json").write_text(json.dumps({"models": [catalog_entry(model)]}), encoding="utf-8")
        (home / "config.toml").write_text(configuration(model, catalog, home / "catalog.json"), "utf-8")
        command = [sys.argv[1], "exec", "--json", "--skip-git-repo-check", "--ephemeral",
                   "--dangerously-bypass-approvals-and-sandbox", *options, prompt]  # fmt: skip
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "CODEX_HOME": str(home),
            "GATEWAY_KEY": key or os.environ["API_KEY"],
        }
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise FailedError(f"not done after {SECONDS} s: {late.stdout!r} {late.stderr!r}"[-2000:]) from None
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        left = {
            path.name: path.read_text(encoding="utf-8", errors="replace") for path in folder.iterdir() if path.is_file()
        }
        return Outcome(events, done.returncode, left, done.stderr)


def configuration(model: str, catalog: str, file: Path) -> str:
    """The user's config.toml. A JSON string is a TOML string, too."""
    lines = [
        f"model = {json.dumps(model)}",
        'model_provider = "gateway"',
        'model_reasoning_effort = "medium"',
        'model_reasoning_summary = "auto"',
        "check_for_update_on_startup = false",
        *([f"model_catalog_json = {json.dumps(str(file))}"] if catalog == "file" else []),
        *(["[features]", "api_key_model_discovery = true"] if catalog == "gateway" else []),
        "[analytics]",
        "enabled = false",
        "[model_providers.gateway]",
        'name = "gateway"',
        f"base_url = {json.dumps(os.environ['BASE_URL'])}",
        'env_key = "GATEWAY_KEY"',
        'wire_api = "responses"',
        "request_max_retries = 0",
        "stream_max_retries = 0",
        *([f"model_catalog_url = {json.dumps(os.environ['BASE_URL'] + '/models')}"] if catalog == "gateway" else []),
    ]
    return "\n".join(lines)


def catalog_entry(model: str) -> dict[str, Any]:
    """What Codex has to know of a model to offer it the patch tool as a custom tool with a grammar."""
    return {
        "slug": model,
        "display_name": model,
        "description": "A model behind the gateway.",
        "default_reasoning_level": "medium",
        "supported_reasoning_levels": [{"effort": "medium", "description": "As it comes."}],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": 1,
        "base_instructions": "You are a coding agent.",
        "supports_reasoning_summaries": True,
        "support_verbosity": False,
        "apply_patch_tool_type": "freeform",
        "truncation_policy": {"mode": "tokens", "limit": 10000},
        "supports_parallel_tool_calls": True,
        "context_window": 200000,
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"],
    }


# --- scenarios -------------------------------------------------------------------------------------------------------


def text() -> None:
    """One turn, and its usage."""
    outcome = codex("say hello")
    outcome.expect_completed()
    outcome.expect(outcome.text == "Hello from the model.", f"the text is {outcome.text!r}")
    usage = outcome.events[-1]["usage"]
    outcome.expect(usage["input_tokens"] > 0 and usage["output_tokens"] > 0, "no usage came")


def tools() -> None:
    """Without a catalogue the patch goes through the shell: read the file, patch it, finish."""
    outcome = codex("codex: read and patch", files={"hello.txt": HELLO.encode()}, catalog="none")
    expect_patched(outcome)


def apply_patch() -> None:
    """With the catalogue the patch is the input of a custom tool, which Codex itself applies."""
    expect_patched_itself(codex("codex: read and patch", files={"hello.txt": HELLO.encode()}))


def catalogue() -> None:
    """The same with what the gateway says of a model whose name means nothing to Codex."""
    model = f"house-{os.environ['MODEL']}"
    outcome = codex("codex: read and patch", files={"hello.txt": HELLO.encode()}, model=model, catalog="gateway")
    expect_patched_itself(outcome)
    outcome.expect(not outcome.of_type("error"), "Codex does not know the model")


def expect_patched_itself(outcome: Outcome) -> None:
    """The patch was applied, and not through the shell."""
    expect_patched(outcome)
    commands = [item["command"] for item in outcome.of_type("command_execution")]
    outcome.expect(not any("apply_patch" in command for command in commands), "the patch went through the shell")
    outcome.expect(len(outcome.of_type("file_change")) == 1, "no change of files was reported")


def expect_patched(outcome: Outcome) -> None:
    """The model read the colour, and the patch is in the files to the letter."""
    outcome.expect_completed()
    outcome.expect(outcome.text == "It was red and is green.", f"the text is {outcome.text!r}")
    wanted = {"hello.txt": HELLO.replace("red", "green"), "made.txt": "made by the model\n"}
    outcome.expect(outcome.files == wanted, f"the files are {outcome.files}")


def parallel() -> None:
    """Two commands in one answer."""
    outcome = codex("codex: two at once", files={"first.txt": b"alpha\n", "second.txt": b"beta\n"})
    outcome.expect_completed()
    outcome.expect(len(outcome.of_type("command_execution")) == 2, "there were not two commands")
    found = re.fullmatch(r"2 results: .*alpha.*\|.*beta.*", outcome.text, re.DOTALL)
    outcome.expect(found is not None, f"the text is {outcome.text!r}")


def structured() -> None:
    """`--output-schema`."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "temperature": {"type": "integer"}},
        "required": ["city", "temperature"],
        "additionalProperties": False,
    }
    outcome = codex("structured", "--output-schema", "schema.json", files={"schema.json": json.dumps(schema).encode()})
    outcome.expect_completed()
    report = json.loads(outcome.text)
    outcome.expect(report.keys() == {"city", "temperature"}, f"the text is {outcome.text!r}")
    outcome.expect(isinstance(report["temperature"], int), f"the text is {outcome.text!r}")


def image() -> None:
    """`--image`: the model saw these bytes."""
    outcome = codex("look at the image", "--image=dot.png", files={"dot.png": PNG})
    outcome.expect_completed()
    found = re.search(r"\b[0-9a-f]{8,64}\b", outcome.text)
    digest = hashlib.sha256(PNG).hexdigest()
    outcome.expect(found is not None and digest.startswith(found[0]), f"{outcome.text!r}, the digest is {digest}")


def reasoning() -> None:
    """The model thinks and calls a tool; Codex, which keeps nothing on the server, sends its thoughts back, which the
    model insists on. (What it prints of them are summaries, and not every model gives some.)"""
    outcome = codex("think")
    outcome.expect_completed()
    outcome.expect(outcome.text != "", "there is no answer")


def namespace() -> None:
    """A member of a group of tools is called, finds its way to Codex, and starts another agent."""
    outcome = codex("codex: ask an agent")
    outcome.expect_completed()
    outcome.expect("The agent says: " in outcome.text, f"the text is {outcome.text!r}")
    outcome.expect("Hello from the model." in outcome.text, f"the text is {outcome.text!r}")


def errors() -> None:
    """Each ends the turn, and the user reads why."""
    for outcome, word in (
        (codex("say hello", key="sk-wrong"), "401"),
        (codex("say hello", model="no-such-model"), "no-such-model"),
        (codex("fail 429"), "429"),
    ):
        outcome.expect(outcome.status != 0 and outcome.events[-1]["type"] == "turn.failed", "the turn did not fail")
        message = outcome.events[-1]["error"]["message"]
        outcome.expect(word in message, f"the message is {message!r}")


SCENARIOS: dict[str, Callable[[], None]] = {
    "text": text,
    "tools": tools,
    "parallel": parallel,
    "structured": structured,
    "image": image,
    "reasoning": reasoning,
    "errors": errors,
    "apply_patch": apply_patch,
    "catalogue": catalogue,
    "namespace": namespace,
}

SKIPPED = {
    "stream": "Codex streams in every scenario",
    "custom_tool": "its custom tool is apply_patch",
}


def main() -> None:
    """Run what was asked for; one line each."""
    asked = [name for name in os.environ.get("SCENARIOS", "").split(",") if name]
    for name in asked or [*SCENARIOS, *SKIPPED]:
        sys.stdout.write(json.dumps({"scenario": name, **outcome_of(name)}) + "\n")
        sys.stdout.flush()


def outcome_of(name: str) -> dict[str, Any]:
    """What became of a scenario, in the words of the protocol."""
    if name not in SCENARIOS:
        return {"skip": SKIPPED.get(name, "this program has no such scenario")}
    try:
        SCENARIOS[name]()
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return {"ok": True}


if __name__ == "__main__":
    main()
