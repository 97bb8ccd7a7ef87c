"""Every rule of the strict hosts of Claude fires on a request that breaks it, and none on one that breaks nothing."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.strict import messages
from tests.strict.complaint import Request
from tests.strict.messages_hosts import HOSTS, KEY, as_own, host_faults

BODY: Final[dict[str, Any]] = {
    "max_tokens": 99,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    "tools": [{"name": "wx", "input_schema": {"type": "object", "properties": {}}}],
}
GOOD: Final = {
    "bedrock": Request(
        "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream",
        {"authorization": f"Bearer {KEY}"},
        {**BODY, "anthropic_version": "bedrock-2023-05-31", "temperature": 0.5},
    ),
    "vertex": Request(
        "/v1/projects/house/locations/eu/publishers/anthropic/models/claude-opus-4-8@20260501:streamRawPredict",
        {"authorization": f"Bearer {KEY}", "anthropic-beta": "web-search-2025-03-05"},
        {**BODY, "anthropic_version": "vertex-2023-10-16", "stream": True},
    ),
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_good_request_is_one_of_the_vendors_own(host: str) -> None:
    assert list(host_faults(GOOD[host], HOSTS[host])) == []
    own = as_own(GOOD[host], HOSTS[host])
    assert own.body["model"] == {"bedrock": "claude-haiku-4-5", "vertex": "claude-opus-4-8"}[host]
    assert own.body["stream"] is True
    assert messages.complaints(own, KEY) == []


def url_image(body: dict[str, Any]) -> None:
    source = {"type": "url", "url": "https://a.example/b.png"}
    body["messages"][0]["content"].append({"type": "image", "source": source})


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda body: body.update(model="claude-opus-4-8"), "extra"),
        (lambda body: body.update(service_tier="auto"), "extra"),
        (lambda body: body.update(cache_control={"type": "ephemeral"}), "extra"),
        (lambda body: body.update(mcp_servers=[]), "extra"),
        (lambda body: body.pop("anthropic_version"), "version"),
        (lambda body: body.update(anthropic_version="2023-06-01"), "version"),
        (lambda body: body["tools"].append({"type": "code_execution_20260120", "name": "code_execution"}), "tool"),
        (lambda body: body["tools"].append({"type": "web_search_20260209", "name": "web_search"}), "tool"),
        (url_image, "url"),
    ],
)
def test_a_body_that_breaks_a_rule(host: str, damage: Callable[[dict[str, Any]], object], rule: str) -> None:
    body = copy.deepcopy(GOOD[host].body)
    damage(body)
    assert [found.rule for found in host_faults(replace(GOOD[host], body=body), HOSTS[host])] == [rule]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"authorization": "Bearer other"}, "key"),
        ({"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}, "header"),
        ({"authorization": f"Bearer {KEY}", "x-api-key": KEY}, "header"),
    ],
)
def test_headers_that_break_a_rule(host: str, headers: dict[str, str], rule: str) -> None:
    assert [found.rule for found in host_faults(replace(GOOD[host], headers=headers), HOSTS[host])] == [rule]


def test_betas_of_bedrock_are_no_header() -> None:
    headers = {"authorization": f"Bearer {KEY}", "anthropic-beta": "context-1m-2025-08-07"}
    found = host_faults(replace(GOOD["bedrock"], headers=headers), HOSTS["bedrock"])
    assert [each.path for each in found] == ["anthropic-beta"]


@pytest.mark.parametrize("path", ["/v1/messages", "/model/a/b/invoke", "/model//invoke", "/model/a:invoke"])
def test_other_paths_lead_nowhere(path: str) -> None:
    for host in HOSTS:
        assert [found.rule for found in host_faults(replace(GOOD[host], path=path), HOSTS[host])] == ["path"]


def test_what_is_no_object() -> None:
    for host in HOSTS:
        assert [found.rule for found in host_faults(replace(GOOD[host], body=None), HOSTS[host])] == ["body"]
