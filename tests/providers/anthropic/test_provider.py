"""The provider as the core meets it: addresses, credentials, second tries, the list of models."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.contract import HttpAnswer, Prepared
from proxy.provider.errors import ProviderError
from proxy.provider.history import FunctionTool, HostedTool
from tests.providers.anthropic.requests import HAIKU, body_of, call, message, prepared, result, thought

KEYED = Anthropic(AnthropicSettings(api_key="sk-ant-key"))


@pytest.mark.parametrize(
    ("configured", "base"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("https://api.anthropic.com/", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("http://host:8080/anthropic", "http://host:8080/anthropic"),
        ("http://host/anthropic/v1", "http://host/anthropic"),
        ("http://host/myv1", "http://host/myv1"),
    ],
)
def test_one_rule_for_addresses(configured: Any, base: Any) -> None:
    provider = Anthropic(AnthropicSettings(base_url=configured))
    assert provider.base_url == base
    assert provider.encode(prepared()).path == "/v1/messages"


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(ValidationError):
        AnthropicSettings.model_validate({"api_verison": "2023-06-01"})
    with pytest.raises(ValidationError):
        AnthropicSettings(api_version="latest")


async def test_the_key_is_a_header_and_the_account_its_fingerprint() -> None:
    assert await KEYED.authorize(KEYED.encode(prepared()), NoHttp()) == {"x-api-key": "sk-ant-key"}
    assert "sk-ant-key" not in repr(KEYED.settings)
    origin = KEYED.origin("claude-opus-5")
    assert (origin.provider, origin.endpoint) == ("anthropic", "https://api.anthropic.com")
    assert len(origin.account) == 16
    assert origin != Anthropic(AnthropicSettings(api_key="other")).origin("claude-opus-5")


async def test_hosts_without_keys() -> None:
    provider = Anthropic(AnthropicSettings())
    assert await provider.authorize(provider.encode(prepared()), NoHttp()) == {}
    assert provider.origin("m").account == ""


# --- second tries -----------------------------------------------------------------------------------------------------


def refused(text: Any, status: Any = 400) -> Any:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    return KEYED.error(status, {}, orjson.dumps(error))


def second_try(text: Any, *items: Any, **options: Any) -> Any:
    first = KEYED.encode(prepared(*items, **options))
    changed = KEYED.amend(first, refused(text))
    return None if changed is None else (body_of(first), body_of(changed[0]), *changed[1])


@pytest.mark.parametrize(
    "text",
    [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
        "The block is bound to a different conversation",
    ],
)
def test_refused_thinking_is_stripped(text: Any) -> None:
    items = [message("A"), thought(path="input[1]"), call(), result()]
    first, second, lost = second_try(text, *items)
    assert first["messages"][1]["content"][0]["type"] == "thinking"
    assert [block["type"] for block in second["messages"][1]["content"]] == ["tool_use"]
    assert (lost.path, lost.disposition) == ("input", "dropped")


def test_stripping_turns_budget_thinking_off_inside_a_step() -> None:
    items = [message("A"), thought(path="input[1]"), call(), result()]
    text = "Invalid `signature` in `thinking` block"
    first, second, _ = second_try(text, *items, model=HAIKU, reasoning={"effort": "low"})
    assert "thinking" in first
    assert "thinking" not in second


@pytest.mark.parametrize("text", ["tools.0: schema is too complex", "The compiled grammar is too large"])
def test_refused_schemas_are_sent_without_strict(text: Any) -> None:
    tool = FunctionTool("f", None, {"type": "object", "properties": {}}, True, "tools[0]")
    first, second, lost = second_try(text, tools=[tool])
    assert first["tools"][0]["strict"] is True
    assert "strict" not in second["tools"][0]
    assert lost.path == "tools.strict"
    assert second_try(text) is None


@pytest.mark.parametrize(
    ("text", "options", "gone", "path"),
    [
        (
            "`temperature` is deprecated for this model.",
            {"model": HAIKU, "temperature": 0.5},
            "temperature",
            "temperature",
        ),
        (
            "`temperature` and `top_p` cannot both be specified for this model.",
            {"model": "claude-opus-4-1", "temperature": 0.5, "top_p": 0.5},
            "top_p",
            "top_p",
        ),
        (
            '"thinking.type.enabled" is not supported for this model.',
            {"model": "qwen3", "reasoning": {"effort": "low"}},
            "thinking",
            "reasoning.effort",
        ),
        (
            "This model does not support the effort parameter.",
            {"reasoning": {"effort": "low"}},
            "output_config",
            "reasoning.effort",
        ),
        ("service_tier: Input should be 'auto'", {"service_tier": "default"}, "service_tier", "service_tier"),
    ],
)
def test_parameters_that_the_vendor_names_are_left_out(text: Any, options: Any, gone: Any, path: Any) -> None:
    first, second, lost = second_try(text, **options)
    assert set(first) - set(second) == {gone}
    assert (lost.path, lost.disposition) == (path, "dropped")


def with_tools(request: Prepared) -> Prepared:
    """The request with a search, and with code that runs in a container."""
    code = {"type": "code_interpreter", "container": "container_1"}
    request.hosted_tools = [
        HostedTool("web_search", {"type": "web_search"}, "tools[0]"),
        HostedTool("code_interpreter", code, "tools[1]"),
    ]
    return request


@pytest.mark.parametrize(
    ("text", "status"), [("Container not found", 404), ("container: container_1 has expired", 400)]
)
def test_code_begins_anew_where_its_container_is_gone(text: Any, status: Any) -> None:
    first = KEYED.encode(with_tools(prepared()))
    changed = KEYED.amend(first, refused(text, status))
    assert changed is not None
    assert body_of(first).keys() - body_of(changed[0]).keys() == {"container"}
    assert (changed[1][0].path, changed[1][0].disposition) == ("tools.container", "dropped")
    assert KEYED.amend(changed[0], refused(text, status)) is None


def test_older_versions_of_tools_stand_in_for_newer_ones() -> None:
    first = KEYED.encode(with_tools(prepared()))
    text = "tools.0: Input tag 'web_search_20260209' found using 'type' does not match any of the expected tags"
    changed = KEYED.amend(first, refused(text))
    assert changed is not None
    search, code = body_of(changed[0])["tools"]
    assert search == {"type": "web_search_20250305", "name": "web_search"}
    assert code == body_of(first)["tools"][1]
    assert (changed[1][0].path, changed[1][0].disposition) == ("tools", "approximated")
    assert KEYED.amend(changed[0], refused(text)) is None


def test_the_rest_is_not_tried_again() -> None:
    assert second_try("max_tokens: too much") is None
    assert second_try("`temperature` is deprecated for this model.") is None
    first = KEYED.encode(prepared(model=HAIKU, temperature=0.5))
    assert KEYED.amend(first, refused("temperature", 500)) is None


# --- the list of models -----------------------------------------------------------------------------------------------


class NoHttp:
    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        raise AssertionError


class Pages:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        self.requests.append((method, url, dict(headers or {})))
        return self.answers.pop(0)


def page(*ids: Any, **more: Any) -> Any:
    return HttpAnswer(200, {}, orjson.dumps({"data": [{"id": name} for name in ids], **more}))


async def test_all_pages_of_models_are_read() -> None:
    http = Pages(page("a", "b", has_more=True, last_id="b"), page("c", has_more=False, last_id="c"))
    assert await KEYED.list_models(http) == ["a", "b", "c"]
    headers = {"anthropic-version": "2026-10-21", "x-api-key": "sk-ant-key"}
    assert http.requests == [
        ("GET", "https://api.anthropic.com/v1/models?limit=1000", headers),
        ("GET", "https://api.anthropic.com/v1/models?limit=1000&after_id=b", headers),
    ]


async def test_lists_of_other_hosts_and_other_shapes() -> None:
    assert await KEYED.list_models(Pages(page("local", object="list"))) == ["local"]
    assert await KEYED.list_models(Pages(HttpAnswer(200, {}, b'{"data":[1,{"id":null}]}'))) == []


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [(HttpAnswer(401, {}, b"{}"), "bad_credential"), (HttpAnswer(200, {}, b"<html>"), "vendor_failure")],
)
async def test_lists_that_fail(answer: Any, error_class: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        await KEYED.list_models(Pages(answer))
    assert caught.value.error_class == error_class


def test_all_that_the_message_names_is_left_out_and_told() -> None:
    first = KEYED.encode(prepared(temperature=0.5, top_p=0.9))
    body = orjson.dumps({**body_of(first), "temperature": 0.5, "top_p": 0.9})
    changed = KEYED.amend(replace(first, body=body), refused("`temperature` and `top_p` are deprecated for this model"))
    assert changed is not None
    assert body_of(changed[0]).keys().isdisjoint({"temperature", "top_p"})
    assert [(lost.path, lost.disposition) for lost in changed[1]] == [("top_p", "dropped"), ("temperature", "dropped")]
