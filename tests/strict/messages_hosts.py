"""Other hosts of Claude, as strict as the vendor's own API: what each wants differently, and then all of its rules.

`StrictHost` reads a request as its host does, says it in the form of the vendor's own API, and has that checked.
"""

import base64
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson

from proxy.provider.contract import Frame
from proxy.testing.frames import stream_of
from tests.strict import messages, messages_answers, messages_thinking
from tests.strict.complaint import Complaint, Request, received
from tests.strict.messages_answers import Blocks
from tests.strict.messages_content import all_blocks
from tests.vendors import messages as messages_form
from tests.vendors.script import Reply, Script, Step, Turn
from tests.vendors.server import Recorded

KEY: Final = "host-key"
GREETING: Final = Turn("Hello", " there", ".")


@dataclass(frozen=True, slots=True)
class Rules:
    """One host. `path` has the groups `model` and `method`, `streams` is the method that streams. `version` is the one
    that it takes; `betas_in_body`: there, and in no header. `absent` are members that it does not know, `tools` the
    types of the vendor's own tools that it has."""

    path: re.Pattern[str]
    streams: str
    version: str
    betas_in_body: bool
    absent: frozenset[str]
    tools: tuple[str, ...]


HOSTS: Final[Mapping[str, Rules]] = {
    "bedrock": Rules(
        re.compile(r"/model/(?P<model>[^/]+)/(?P<method>invoke(?:-with-response-stream)?)"),
        "invoke-with-response-stream",
        "bedrock-2023-05-31",
        betas_in_body=True,
        absent=frozenset({"model", "stream", "service_tier", "speed", "mcp_servers", "container", "cache_control"}),
        tools=(),
    ),
    "vertex": Rules(
        re.compile(
            r"/v1/projects/house/locations/eu/publishers/anthropic/models/"
            r"(?P<model>[^/:]+):(?P<method>rawPredict|streamRawPredict)"
        ),
        "streamRawPredict",
        "vertex-2023-10-16",
        betas_in_body=False,
        absent=frozenset(
            {"model", "anthropic_beta", "service_tier", "speed", "mcp_servers", "container", "cache_control"}
        ),
        tools=("web_search_20250305", "tool_search_tool_bm25_20251119"),
    ),
}


class StrictHost:
    """A host, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, name: str, *turns: Turn | Blocks) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._name = name
        self._rules = HOSTS[name]
        self._turns = deque(turns)
        self._given: list[messages_thinking.GivenAnswer] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        request = received(recorded)
        found = list(host_faults(request, self._rules))
        asked = None if found else as_own(request, self._rules)
        if asked is not None:
            found = messages.complaints(asked, KEY, self._given)
        if asked is None or found:
            self.complaints += found
            return self._refused(found)
        turn = self._turns.popleft() if self._turns else GREETING
        body = asked.body
        self._given.append(messages_thinking.given_by(body, messages_answers.content_of(turn, body["model"])))
        return self._answered(turn, body["model"], streams=bool(body.get("stream")))

    def play(self, *turns: Turn | Blocks) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def _refused(self, found: list[Complaint]) -> Reply:
        if self._name == "vertex":
            return messages.answer(found)
        body = orjson.dumps({"message": found[0].message})
        return Reply(400, (body,), {"content-type": "application/json", "x-amzn-errortype": "ValidationException"})

    def _answered(self, turn: Turn | Blocks, model: str, *, streams: bool) -> Reply:
        if not streams:
            body = messages_form.whole(turn, model) if isinstance(turn, Turn) else messages_answers.whole(turn, model)
            return Reply(200, (body,), {"content-type": "application/json"})
        steps = messages_form.stream(turn, model) if isinstance(turn, Turn) else messages_answers.stream(turn, model)
        if self._name == "vertex":
            return Reply(200, tuple(steps), {"content-type": "text/event-stream"})
        framed = tuple(_in_frames(step) for step in steps)
        return Reply(200, framed, {"content-type": "application/vnd.amazon.eventstream"})


def host_faults(request: Request, rules: Rules) -> Iterator[Complaint]:
    """What the host refuses before it looks at anything that the vendor's own API would look at, too."""
    if request.headers.get("authorization") != f"Bearer {KEY}":
        yield Complaint("key", "", "The security token included in the request is invalid.")
    if rules.path.fullmatch(request.path) is None:
        yield Complaint("path", "", f"there is nothing at {request.path}")
    for header in ("anthropic-version", "x-api-key", *(("anthropic-beta",) if rules.betas_in_body else ())):
        if header in request.headers:
            yield Complaint("header", header, f"the host reads no {header}")
    body = request.body
    if not isinstance(body, dict):
        yield Complaint("body", "", "Malformed input request")
        return
    if body.get("anthropic_version") != rules.version:
        yield Complaint("version", "anthropic_version", "anthropic_version: Field required")
    for name in rules.absent & body.keys():
        yield Complaint("extra", name, f"{name}: Extra inputs are not permitted")
    for path, block in all_blocks(body):
        if (block.get("source") or {}).get("type") in ("url", "file"):
            yield Complaint("url", path, f"{path}.source: URL sources are not supported")
    for index, tool in enumerate(body.get("tools") or ()):
        if "input_schema" not in tool and tool.get("type") not in rules.tools:
            yield Complaint("tool", f"tools.{index}", f"tools.{index}: Input tag '{tool.get('type')}' does not match")


def as_own(request: Request, rules: Rules) -> Request:
    """The request as the vendor's own API would get it."""
    found = rules.path.fullmatch(request.path)
    assert found is not None
    plain = re.sub(r"^(?:[a-z-]+\.)?anthropic\.|(?:-v\d+)?(?::\d+)?$|[@-]20\d{6}(?=-v|$)", "", unquote(found["model"]))
    body: dict[str, Any] = {**request.body, "model": re.sub(r"[@-]20\d{6}$", "", plain)}
    # Hosts take sampling parameters as the older version does.
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    betas = body.pop("anthropic_beta", None) or request.headers.get("anthropic-beta", "").split(",")
    del body["anthropic_version"]
    # Known to this host alone.
    if betas := [name for name in betas if name and name != "web-search-2025-03-05"]:
        headers["anthropic-beta"] = ",".join(betas)
    if found["method"] == rules.streams:
        body["stream"] = True
    return Request(messages.PATH, headers, body)


def _in_frames(step: Step) -> Step:
    """What is sent as events, in the frames of AWS."""
    if not isinstance(step, bytes):
        return step
    frames = []
    for block in step.split(b"\n\n"):
        data = next((line[6:] for line in block.split(b"\n") if line.startswith(b"data: ")), b"")
        if not data:
            continue
        payload = orjson.loads(data)
        if payload.get("type") == "error":
            said = orjson.dumps({"message": payload["error"]["message"]})
            frames.append(
                Frame(f"exception/{EXCEPTIONS.get(payload['error']['type'], 'internalServerException')}", said)
            )
        else:
            frames.append(Frame("chunk", orjson.dumps({"bytes": base64.b64encode(data).decode(), "p": "abc"})))
    return stream_of("aws_event_stream", frames)


EXCEPTIONS: Final[Mapping[str, str]] = {
    "overloaded_error": "serviceUnavailableException",
    "rate_limit_error": "throttlingException",
}
