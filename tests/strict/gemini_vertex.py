"""Vertex AI, as strict about Gemini as the Gemini API: what it wants differently, and then all of that API's rules."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from tests.strict import gemini, gemini_signatures
from tests.strict.complaint import Complaint, Request, received
from tests.vendors import gemini as form
from tests.vendors.script import Script, Turn
from tests.vendors.server import Recorded

KEY: Final = "vertex-key"
GREETING: Final = Turn("Hello", " there", ".")
PATH: Final = re.compile(r"/v1/projects/house/locations/eu/publishers/google(/models/.+)")
TIERS: Final = ("flex", "priority")
OWN_PARTS: Final = frozenset({"toolCall", "toolResponse"})


class StrictVertex:
    """Vertex AI, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, *turns: Turn) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._turns = deque(turns)
        self._given: list[gemini_signatures.GivenStep] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        request = received(recorded)
        found = list(vertex_faults(request)) or complaints_of_own(request, self._given)
        if found:
            self.complaints += found
            return gemini.answer(found)
        turn = self._turns.popleft() if self._turns else GREETING
        asked = form.asked(recorded.path)
        self._given.append(gemini_signatures.given_by(turn, streamed=asked is not None and asked[1]))
        return turn

    def play(self, *turns: Turn) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)


def vertex_faults(request: Request) -> Iterator[Complaint]:
    """What Vertex AI refuses and the Gemini API would take."""
    if PATH.fullmatch(request.path) is None:
        yield _unknown("path", request.path)
    tier = request.headers.get("x-vertex-ai-llm-shared-request-type")
    if tier is not None and tier not in TIERS:
        yield Complaint("tier", "", f"no such request type: {tier}")
    body = request.body if isinstance(request.body, dict) else {}
    if "serviceTier" in body:
        yield _unknown("member", "serviceTier")
    if "includeServerSideToolInvocations" in (body.get("toolConfig") or {}):
        yield _unknown("member", "includeServerSideToolInvocations")
    for tool in body.get("tools") or ():
        if "fileSearch" in tool:
            yield _unknown("member", "fileSearch")
    for part in (part for content in body.get("contents") or () for part in content.get("parts") or ()):
        for name in OWN_PARTS & part.keys():
            yield _unknown("member", name)
        named = part.get("fileData")
        if named is not None and not named.get("mimeType"):
            yield Complaint("media-type", "", "Unable to submit request because it must have a mimeType parameter.")


def complaints_of_own(request: Request, given: list[gemini_signatures.GivenStep]) -> list[Complaint]:
    """What the Gemini API would refuse of it, too."""
    found = PATH.fullmatch(request.path)
    assert found is not None
    body: Any = request.body
    if isinstance(body, dict):
        # Buckets are read there alone.
        text = orjson.dumps(body).replace(b'"fileUri":"gs://', b'"fileUri":"https://')
        body = {name: value for name, value in orjson.loads(text).items() if name != "labels"}
        tools = body.get("tools") or ()
        if any("functionDeclarations" in tool for tool in tools) and any("googleSearch" in tool for tool in tools):
            # There the combination has to be asked for.
            body["toolConfig"] = {**(body.get("toolConfig") or {}), "includeServerSideToolInvocations": True}
    own = replace(request, path=f"/v1beta{found[1]}", body=body)
    return gemini.complaints(own, KEY, given)


def _unknown(rule: str, name: str) -> Complaint:
    return Complaint(rule, name, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
