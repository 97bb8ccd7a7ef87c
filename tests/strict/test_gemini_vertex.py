"""Every rule of the strict Vertex AI fires on a request that breaks it, and none on one that breaks nothing."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.strict.complaint import Request
from tests.strict.gemini_vertex import KEY, complaints_of_own, vertex_faults

BODY: Final[dict[str, Any]] = {
    "contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]}],
    "tools": [{"functionDeclarations": [{"name": "wx"}]}, {"googleSearch": {}}],
    "labels": {"team": "blue"},
}
GOOD: Final = Request(
    "/v1/projects/house/locations/eu/publishers/google/models/gemini-3.5-flash:generateContent",
    {"x-goog-api-key": KEY, "x-vertex-ai-llm-shared-request-type": "flex"},
    BODY,
)


def test_a_good_request_breaks_nothing() -> None:
    assert list(vertex_faults(GOOD)) == []
    assert complaints_of_own(GOOD, []) == []


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda body: body.update(serviceTier="flex"), "member"),
        (lambda body: body.update(toolConfig={"includeServerSideToolInvocations": True}), "member"),
        (lambda body: body["tools"].append({"fileSearch": {"fileSearchStoreNames": ["a"]}}), "member"),
        (lambda body: body["contents"][0]["parts"].append({"toolCall": {"id": "a"}}), "member"),
        (lambda body: body["contents"][0]["parts"][0]["fileData"].pop("mimeType"), "media-type"),
    ],
)
def test_a_body_that_breaks_a_rule(damage: Callable[[dict[str, Any]], object], rule: str) -> None:
    body = copy.deepcopy(BODY)
    damage(body)
    assert [found.rule for found in vertex_faults(replace(GOOD, body=body))] == [rule]


def test_other_places_and_tiers() -> None:
    assert [found.rule for found in vertex_faults(replace(GOOD, path="/v1beta/models/x:generateContent"))] == ["path"]
    headers = {**GOOD.headers, "x-vertex-ai-llm-shared-request-type": "fast"}
    assert [found.rule for found in vertex_faults(replace(GOOD, headers=headers))] == ["tier"]


def test_the_rules_of_the_gemini_api_hold_too() -> None:
    body = {**BODY, "contents": [{"role": "model", "parts": [{"text": "A"}]}]}
    assert [found.rule for found in complaints_of_own(replace(GOOD, body=body), [])] == ["first-role"]
    assert [found.rule for found in complaints_of_own(replace(GOOD, headers={}), [])] == ["key-invalid"]
