"""Claude on other hosts: where requests go, what is different in them, and what comes back."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import pytest
from anthropic._models import FinalRequestOptions
from anthropic.lib.bedrock._client import _prepare_options as bedrock_options
from anthropic.lib.vertex._client import _prepare_options as vertex_options
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreKeys
from pydantic import ValidationError

from providers.anthropic import Anthropic, AnthropicSettings
from providers.anthropic.hosts import HOSTS
from providers.anthropic.invoke import unwrapped
from proxy.provider.contract import Frame, HttpAnswer, Prepared
from proxy.provider.conversions import RefusedError
from proxy.provider.errors import ProviderError
from proxy.provider.history import FunctionTool, HostedTool
from proxy.responses.events import Event, Failed, Finished
from proxy.upstream.framers import AWSEventStreamFramer
from tests.providers.anthropic.answers import failure, start, stop, text_block
from tests.providers.anthropic.hosts import MODELS, SETTINGS, chunk, exception, on, wrapped
from tests.providers.anthropic.requests import body_of, developer, losses, message, prepared

SEARCH: Final = HostedTool("web_search", {"type": "web_search"}, "tools[0]")
CODE: Final = HostedTool("code_interpreter", {"type": "code_interpreter"}, "tools[1]")
FORMAT: Final[dict[str, Any]] = {"type": "json_schema", "name": "a", "schema": {"type": "object", "properties": {}}}
SIGNED: Final = {
    "aws": {"access_key_id": "AKID", "secret_access_key": "secret", "session_token": "token"},
    "region": "us-east-1",
}


class NoHttp:
    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        raise AssertionError(url)


def request(provider: Anthropic, host: str, *items: Any, **options: Any) -> Prepared:
    return prepared(*items, model=options.pop("model", MODELS[host]), provider=provider, **options)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "host", "base_url"),
    [
        ({}, "anthropic", "https://api.anthropic.com"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "anthropic", "http://127.0.0.1:1"),
        (
            {"region": "us-west-2", "api_key": "k"},
            "bedrock",
            "https://bedrock-runtime.us-west-2.amazonaws.com",
        ),
        (
            {"region": "us-gov-west-1", "fips": True, "api_key": "k"},
            "bedrock",
            "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            {"region": "cn-north-1", "api_key": "k"},
            "bedrock",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        ),
        (
            {
                "base_url": "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com/",
                "region": "us-east-1",
                **SIGNED,
            },
            "bedrock",
            "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
        ),
        ({"project": "p", "location": "us-east5"}, "vertex", "https://us-east5-aiplatform.googleapis.com/v1"),
        ({"project": "p", "location": "global"}, "vertex", "https://aiplatform.googleapis.com/v1"),
        ({"project": "p", "location": "eu"}, "vertex", "https://aiplatform.eu.rep.googleapis.com/v1"),
        (
            {"project": "p", "location": "eu", "base_url": "http://proxy.test/vertex/"},
            "vertex",
            "http://proxy.test/vertex/v1",
        ),
        (
            {"project": "p", "location": "eu", "base_url": "http://proxy.test/v1beta1"},
            "vertex",
            "http://proxy.test/v1beta1",
        ),
        ({"resource": "house", "api_key": "k"}, "foundry", "https://house.services.ai.azure.com/anthropic"),
        (
            {"base_url": "https://house.services.ai.azure.com/anthropic/v1", "api_key": "k"},
            "foundry",
            "https://house.services.ai.azure.com/anthropic",
        ),
        ({"host": "compatible", "base_url": "http://lab:8080/v1/"}, "compatible", "http://lab:8080"),
    ],
)
def test_the_host_is_found_out(given: dict[str, Any], host: Any, base_url: str) -> None:
    settings = AnthropicSettings.model_validate(given)
    assert settings.host_name == host
    assert Anthropic(settings).base_url == base_url


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"host": "bedrock", "api_key": "k"}, "region"),
        ({"host": "vertex", "project": "p"}, "location"),
        ({"host": "foundry", "api_key": "k"}, "resource"),
        ({"host": "compatible"}, "base_url"),
        ({"host": "anthropic", "region": "us-east-1"}, "region"),
        ({"region": "us-east-1", "project": "p", "api_key": "k"}, "project"),
        ({"region": "us-east-1", "api_key": "k", "aws": SIGNED["aws"]}, "aws, api_key"),
        ({"project": "p", "location": "eu", "api_key": "k"}, "api_key"),
        ({"resource": "house", "api_key": "k", "entra": {"managed_identity": True}}, "entra, api_key"),
        (
            {"resource": "house", "base_url": "https://house.services.ai.azure.com/anthropic", "api_key": "k"},
            "resource",
        ),
        ({"region": "mars", "api_key": "k"}, "region"),
        ({"project": "p/../q", "location": "eu"}, "project"),
        ({"location": "eu/..", "project": "p"}, "location"),
        ({"resource": "a.b", "api_key": "k"}, "resource"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"host": "elsewhere"}, "host"),
        ({"families": {"claude-x": {"colour": True}}}, "colour"),
    ],
)
def test_settings_that_lead_nowhere_are_errors(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        AnthropicSettings.model_validate(given)


def test_a_project_has_to_be_named_somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with pytest.raises(ValidationError, match="project is required"):
        AnthropicSettings.model_validate({"host": "vertex", "location": "eu"})
    file = tmp_path / "account.json"
    file.write_text('{"type": "service_account", "project_id": "of-the-file"}')
    given = {"location": "eu", "google": {"credentials_file": str(file)}}
    provider = Anthropic(AnthropicSettings.model_validate(given))
    assert "/projects/of-the-file/locations/eu/" in provider.encode(prepared(provider=provider)).path


# --- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("host", ["bedrock", "vertex"])
def test_the_vendors_own_client_would_send_the_same(host: str, stream: bool) -> None:
    own = on("anthropic")
    options: dict[str, Any] = {"temperature": 0.5} if host == "bedrock" else {}
    plain = body_of(own.encode(request(own, host, message("Hello"), stream=stream, max_output_tokens=99, **options)))
    sdk = FinalRequestOptions(method="post", url="/v1/messages", json_data={**plain, "model": MODELS[host]})
    if host == "bedrock":
        prepared_by_sdk = bedrock_options(sdk, {})
    else:
        prepared_by_sdk = vertex_options(sdk, project_id="house", region="europe-west4")
    provider = on(host)
    call = provider.encode(request(provider, host, message("Hello"), stream=stream, max_output_tokens=99, **options))
    expected: Any = prepared_by_sdk.json_data
    # The SDK leaves the colon as it is; AWS's own clients do not.
    assert call.path.replace("%3A", ":") == prepared_by_sdk.url
    assert body_of(call) == {**expected, "anthropic_version": HOSTS[host].version}  # type: ignore[index] # a name of one
    assert call.stream is stream
    assert call.framing == ("aws_event_stream" if host == "bedrock" else "sse")
    assert "anthropic-version" not in call.headers


@pytest.mark.parametrize("host", ["foundry", "compatible"])
def test_hosts_of_the_api_itself_get_its_form(host: str) -> None:
    provider = on(host)
    call = provider.encode(request(provider, host))
    assert call.path == "/v1/messages"
    assert call.headers["anthropic-version"] == ("2026-10-21" if host == "foundry" else "2023-06-01")
    assert body_of(call)["model"] == MODELS[host]


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("anthropic.claude-opus-4-6-v1:0", "anthropic.claude-opus-4-6-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2",
        ),
        ("../../evil?x=1#y", "..%2F..%2Fevil%3Fx%3D1%23y"),
        ("a b;c", "a%20b%3Bc"),
    ],
)
def test_a_model_is_one_segment_of_the_path(model: str, segment: str) -> None:
    provider = on("bedrock")
    call = provider.encode(request(provider, "bedrock", model=model, max_output_tokens=9))
    assert call.path == f"/model/{segment}/invoke"


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_a_model_that_is_no_name_is_refused(model: str) -> None:
    for host in ("bedrock", "vertex"):
        provider = on(host)
        with pytest.raises(RefusedError) as refused:
            provider.encode(request(provider, host, model=model))
        assert refused.value.param == "model"


@pytest.mark.parametrize("host", ["bedrock", "vertex", "foundry"])
def test_every_model_there_is_a_claude(host: str) -> None:
    provider = on(host)
    able = provider.capabilities("our-deployment")
    assert able.files
    assert (able.image_urls, able.file_urls) == (False, False)
    assert not able.sampling
    body = body_of(provider.encode(request(provider, host, model="our-deployment", reasoning={"effort": "low"})))
    assert body["thinking"] == {"type": "adaptive"}


def test_no_model_of_an_imitating_host_is_a_claude() -> None:
    provider = on("compatible")
    able = provider.capabilities("claude-opus-4-8")
    assert (able.hosted_tools, able.json_schema, able.files) == ((), False, False)
    assert able.image_urls
    call = provider.encode(request(provider, "compatible", model="claude-opus-4-8", temperature=1.0))
    assert "anthropic-beta" not in call.headers
    assert provider.encode_count(request(provider, "compatible", model="claude-opus-4-8")) is None


@pytest.mark.parametrize(
    ("host", "tools"),
    [
        ("anthropic", ("web_search", "code_interpreter", "tool_search", "mcp")),
        ("bedrock", ()),
        ("vertex", ("web_search", "tool_search")),
        ("foundry", ("web_search", "code_interpreter", "tool_search", "mcp")),
    ],
)
def test_the_vendors_own_tools_are_offered_where_they_are(host: str, tools: Any) -> None:
    assert on(host).capabilities("claude-opus-4-8").hosted_tools == tools


def test_a_search_on_vertex_is_the_plain_one_and_asked_for_by_name() -> None:
    provider = on("vertex")
    wanted = request(provider, "vertex")
    assert "anthropic-beta" not in provider.encode(wanted).headers
    wanted.hosted_tools = [SEARCH]
    call = provider.encode(wanted)
    assert body_of(call)["tools"] == [{"type": "web_search_20250305", "name": "web_search"}]
    assert call.headers["anthropic-beta"] == "web-search-2025-03-05"
    assert call.path.endswith(":streamRawPredict")


def test_an_old_model_gets_no_tool_by_moving() -> None:
    assert on("vertex").capabilities("claude-3-haiku@20240307").hosted_tools == ()


def test_betas_stand_where_the_host_looks_for_them() -> None:
    betas = ["context-1m-2025-08-07", "output-300k-2026-03-24"]
    aws, google = on("bedrock", betas=betas), on("vertex", betas=betas)
    call = aws.encode(request(aws, "bedrock"))
    assert body_of(call)["anthropic_beta"] == betas
    assert "anthropic-beta" not in call.headers
    call = google.encode(request(google, "vertex"))
    assert "anthropic_beta" not in body_of(call)
    assert call.headers["anthropic-beta"] == ",".join(betas)


@pytest.mark.parametrize(
    ("host", "model", "structured"),
    [
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("bedrock", "eu.anthropic.claude-opus-4-6-v1:0", True),
        ("bedrock", "anthropic.claude-opus-4-7-v1:0", False),
        ("bedrock", "global.anthropic.claude-opus-5-5", False),
        ("bedrock", "anthropic.claude-3-5-haiku-20241022-v1:0", False),
        ("vertex", "claude-opus-5-5", True),
        ("foundry", "claude-opus-5-5", True),
    ],
)
def test_structured_outputs_are_asked_for_where_they_are(host: str, model: str, structured: bool) -> None:
    provider = on(host)
    assert provider.capabilities(model).json_schema is structured
    wanted = request(provider, host, model=model, tools=[FunctionTool("f", None, FORMAT["schema"], True, "tools[0]")])
    tool = body_of(provider.encode(wanted))["tools"][0]
    assert ("strict" in tool) is structured
    assert ("dropped tools[0].strict" in losses(wanted)) is not structured
    obstacle = provider.format_obstacle(FORMAT, wanted)
    assert (obstacle is None) is structured


def test_configuration_wins_over_what_a_host_is_known_to_lack() -> None:
    families = {"claude-opus-4-8": {"structured": True, "web_search": "web_search_20260209"}}
    able = on("bedrock", families=families).capabilities("eu.anthropic.claude-opus-4-8-v1:0")
    assert able.json_schema
    assert able.hosted_tools == ("web_search",)


@pytest.mark.parametrize(
    ("host", "tier", "sent", "lost"),
    [
        ("anthropic", "default", "standard_only", []),
        ("anthropic", "flex", None, ["dropped service_tier"]),
        ("bedrock", "default", "default", []),
        ("bedrock", "flex", "flex", []),
        ("bedrock", "priority", "priority", []),
        ("bedrock", "auto", None, ["ignored service_tier"]),
        ("bedrock", "fast", None, ["dropped service_tier"]),
        ("vertex", "default", None, ["ignored service_tier"]),
        ("vertex", "priority", None, ["dropped service_tier"]),
        ("vertex", "fast", None, ["dropped service_tier"]),
        ("foundry", "flex", None, ["dropped service_tier"]),
    ],
)
def test_service_tiers_by_the_hosts_names(host: str, tier: str, sent: str | None, lost: list[str]) -> None:
    provider = on(host)
    wanted = request(provider, host, service_tier=tier)
    call = provider.encode(wanted)
    assert losses(wanted) == lost
    told = call.headers.get("x-amzn-bedrock-service-tier") if host == "bedrock" else body_of(call).get("service_tier")
    assert told == sent
    assert host != "bedrock" or "service_tier" not in body_of(call)


@pytest.mark.parametrize("host", ["bedrock", "vertex"])
def test_the_cached_prefix_is_marked_where_the_host_does_not_find_its_end(host: str) -> None:
    provider = on(host, auto_cache=True)
    body = body_of(provider.encode(request(provider, host, message("A", "B"), developer("C"))))
    assert "cache_control" not in body
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    own = on("anthropic", auto_cache=True)
    assert body_of(own.encode(request(own, host)))["cache_control"] == {"type": "ephemeral"}


def test_a_mark_of_the_clients_own_at_the_end_stays() -> None:
    marked = {"type": "input_text", "text": "A", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    provider = on("bedrock", auto_cache=True)
    body = body_of(provider.encode(request(provider, "bedrock", message(marked))))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "A", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]


def test_a_pinned_version_stands_where_the_host_looks_for_it() -> None:
    provider = on("bedrock", api_version="2026-10-21")
    wanted = request(provider, "bedrock", temperature=0.5)
    body = body_of(provider.encode(wanted))
    assert body["anthropic_version"] == "2026-10-21"
    assert "temperature" not in body
    assert losses(wanted) == ["dropped temperature"]
    usual = on("bedrock", api_version="bedrock-2023-05-31")
    assert body_of(usual.encode(request(usual, "bedrock", temperature=0.5)))["temperature"] == 0.5


def test_equal_requests_give_equal_bytes() -> None:
    for host in SETTINGS:
        first, second = on(host), on(host)
        assert first.encode(request(first, host)) == second.encode(request(second, host))


# --- who calls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("anthropic", {"x-api-key": "sk-key"}),
        ("bedrock", {"authorization": "Bearer aws-key"}),
        ("foundry", {"x-api-key": "azure-key", "api-key": "azure-key"}),
        ("compatible", {"x-api-key": "own-key"}),
    ],
)
async def test_a_key_is_where_the_host_looks_for_it(host: str, headers: dict[str, str]) -> None:
    provider = on(host)
    given = await provider.authorize(provider.encode(request(provider, host)), NoHttp())
    assert given == headers
    assert list(provider.credential_headers()) == list(headers)
    assert not provider.renew(401, {}, b"")
    assert not any(key in repr(provider.settings) for key in headers.values())


async def test_calls_of_bedrock_are_signed_as_aws_signs_them() -> None:
    provider = Anthropic(AnthropicSettings.model_validate(SIGNED))
    call = provider.encode(request(provider, "bedrock", service_tier="flex"))
    headers = await provider.authorize(call, NoHttp())
    assert set(headers) <= set(provider.credential_headers())
    aws = AWSRequest("POST", provider.base_url + call.path, data=call.body)
    aws.headers["x-amzn-bedrock-service-tier"] = "flex"
    aws.context["timestamp"] = headers["x-amz-date"]
    aws.headers["X-Amz-Date"] = headers["x-amz-date"]
    signer = SigV4Auth(BotocoreKeys("AKID", "secret", "token"), "bedrock", "us-east-1")
    aws.headers["X-Amz-Security-Token"] = "token"
    signature = signer.signature(signer.string_to_sign(aws, signer.canonical_request(aws)), aws)
    assert headers["authorization"].endswith(signature)


@pytest.mark.parametrize("host", SETTINGS)
def test_thinking_goes_back_to_the_same_place_only(host: str) -> None:
    origin = on(host).origin("m")
    assert origin == on(host).origin("m")
    assert all(origin != on(other).origin("m") for other in SETTINGS if other != host)


def test_another_project_is_another_place() -> None:
    assert on("vertex").origin("m") != on("vertex", project="other").origin("m")


@pytest.mark.parametrize(
    ("host", "catalogue"),
    [("anthropic", "anthropic"), ("bedrock", "aws"), ("vertex", "google"), ("foundry", "azure"), ("compatible", None)],
)
def test_prices_are_those_of_the_host(host: str, catalogue: str | None) -> None:
    assert on(host).price_catalogue == catalogue


# --- counting ---------------------------------------------------------------------------------------------------------


def test_vertex_counts_with_the_model_in_the_body() -> None:
    provider = on("vertex")
    count = provider.encode_count(request(provider, "vertex", max_output_tokens=9))
    assert count is not None
    prefix = "/projects/house/locations/europe-west4/publishers/anthropic/models"
    assert count.path == f"{prefix}/count-tokens:rawPredict"
    assert (count.headers, count.stream) == ({}, False)
    assert body_of(count).keys() == {"model", "anthropic_version", "messages"}
    assert body_of(count)["model"] == MODELS["vertex"]


def test_bedrock_counts_what_it_would_be_sent() -> None:
    provider = on("bedrock")
    wanted = request(provider, "bedrock", stream=True)
    count = provider.encode_count(wanted)
    assert count is not None
    assert count.path == "/model/anthropic.claude-opus-4-6-v1%3A0/count-tokens"
    assert (count.stream, count.framing) == (False, "sse")
    inside = base64.b64decode(body_of(count)["input"]["invokeModel"]["body"])
    assert inside == provider.encode(wanted).body
    assert provider.decode_count(b'{"inputTokens": 12}') == 12
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x"
    assert provider.encode_count(request(provider, "bedrock", model=arn)) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"inputTokens": 0}', b'{"inputTokens": "9"}', b'{"input_tokens": true}']
)
def test_counts_that_are_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"input_tokens|document"):
        on("bedrock").decode_count(body)


# --- Bedrock's stream -------------------------------------------------------------------------------------------------

PAYLOADS: Final = (
    start(input_tokens=22, output_tokens=1),
    *text_block(0, "Hello", " there"),
    *stop("end_turn", {"output_tokens": 5}),
)


def read(*frames: Frame) -> list[Event]:
    provider = on("bedrock")
    decoder = provider.decoder(request(provider, "bedrock", stream=True))
    return [*(event for frame in frames for event in decoder.feed(frame)), *decoder.end()]


def plain(*payloads: Any) -> list[Event]:
    provider = on("anthropic")
    decoder = provider.decoder(request(provider, "anthropic", stream=True))
    events = (event for payload in payloads for event in decoder.feed(Frame("", orjson.dumps(payload))))
    return [*events, *decoder.end()]


def test_a_frame_of_bedrock_is_an_event_of_anthropic() -> None:
    assert read(*map(chunk, PAYLOADS)) == plain(*PAYLOADS)
    framer = AWSEventStreamFramer()
    body = wrapped(*PAYLOADS)
    frames = [frame for place in range(len(body)) for frame in framer.feed(body[place : place + 1])]
    assert read(*frames) == plain(*PAYLOADS)


@pytest.mark.parametrize(
    ("frame", "error_class", "message"),
    [
        (exception("throttlingException", message="Too many"), "rate_limit", "Too many"),
        (exception("internalServerException", message="Sorry"), "vendor_failure", "Sorry"),
        (exception("modelStreamErrorException", message="Broken", originalStatusCode=500), "vendor_failure", "Broken"),
        (exception("modelTimeoutException", message="Late"), "timeout", "Late"),
        (exception("serviceUnavailableException", message="Full"), "overloaded", "Full"),
        (
            exception("validationException", message="Input is too long for requested model."),
            "context_too_long",
            "long",
        ),
        (exception("somethingNew", message="Hm"), "vendor_failure", "Hm"),
        (exception("throttlingException"), "rate_limit", "error"),
        (Frame("exception/throttlingException", b"no json"), "rate_limit", "error"),
        (Frame("error/InternalError", b'{"message": "Lost"}'), "vendor_failure", "Lost"),
        (Frame("exception/", b"{}"), "vendor_failure", "error"),
    ],
)
def test_an_exception_inside_the_stream_ends_it(frame: Frame, error_class: str, message: str) -> None:
    events = read(*map(chunk, PAYLOADS[:3]), frame, *map(chunk, PAYLOADS[3:]))
    error = failure(events)
    assert error.error_class == error_class
    assert message in error.message
    assert sum(isinstance(event, (Failed, Finished)) for event in events) == 1


@pytest.mark.parametrize(
    "frame",
    [
        Frame("chunk", b'{"bytes": "!!!"}'),
        Frame("chunk", b'{"bytes": "eA=="}'),
        Frame("chunk", '{"bytes": "é"}'.encode()),
    ],
)
def test_a_chunk_that_cannot_be_read_is_a_failure(frame: Frame) -> None:
    assert failure(read(chunk(PAYLOADS[0]), frame)).error_class == "vendor_failure"


@pytest.mark.parametrize(
    "frame",
    [
        Frame("chunk", b"{}"),
        Frame("chunk", b"[]"),
        Frame("chunk", b'{"bytes": 7}'),
        Frame("initial-response", b"{}"),
        Frame("", b""),
        chunk({"amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}),
        chunk([1, 2]),
        chunk(None),
    ],
)
def test_frames_that_say_nothing_are_passed_over(frame: Frame) -> None:
    assert read(frame, *map(chunk, PAYLOADS), frame)[-1] == Finished("stop", "end_turn")


def test_a_stream_that_is_cut_is_no_answer() -> None:
    assert failure(read(*map(chunk, PAYLOADS[:-1]))).error_class == "cut"
    assert failure(read()).error_class == "cut"


def test_unwrapping_never_raises() -> None:
    for event in ("chunk", "exception/x", "error/y", "exception/", "", "/", "ping"):
        for data in (b"", b"null", b"[]", b'"x"', b'{"message": 1}', b'{"bytes": null}', b"\xff\xfe", b"{" * 2000):
            assert isinstance(unwrapped(Frame(event, data)), Frame)


# --- errors -----------------------------------------------------------------------------------------------------------


def google(code: int, word: str, message: str) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": word}})


@pytest.mark.parametrize(
    ("host", "status", "name", "body", "error_class"),
    [
        ("bedrock", 400, "ValidationException:http://x/", b'{"message":"messages.0: bad"}', "bad_request"),
        (
            "bedrock",
            400,
            "ValidationException",
            b'{"message":"The provided model identifier is invalid."}',
            "model_unknown",
        ),
        (
            "bedrock",
            400,
            "ValidationException",
            b'{"message":"Input is too long for requested model."}',
            "context_too_long",
        ),
        ("bedrock", 400, "ServiceQuotaExceededException", b'{"message":"x"}', "quota"),
        ("bedrock", 400, "ExpiredTokenException", b'{"message":"x"}', "bad_credential"),
        ("bedrock", 403, "AccessDeniedException", b'{"message":"no access to the model"}', "forbidden"),
        ("bedrock", 403, "UnrecognizedClientException", b'{"message":"x"}', "bad_credential"),
        ("bedrock", 403, "", b'{"__type":"com.amazon#InvalidSignatureException","message":"x"}', "bad_credential"),
        ("bedrock", 404, "ResourceNotFoundException", b'{"message":"x"}', "model_unknown"),
        ("bedrock", 408, "ModelTimeoutException", b'{"message":"x"}', "timeout"),
        ("bedrock", 424, "ModelErrorException", b'{"message":"x"}', "vendor_failure"),
        ("bedrock", 429, "ThrottlingException", b'{"message":"x"}', "rate_limit"),
        ("bedrock", 429, "ModelNotReadyException", b'{"message":"x"}', "rate_limit"),
        ("bedrock", 500, "InternalServerException", b'{"Message":"x"}', "vendor_failure"),
        ("bedrock", 503, "ServiceUnavailableException", b"", "overloaded"),
        ("bedrock", 502, "ValidationException", b"<html>", "vendor_failure"),
        ("vertex", 400, "", google(400, "INVALID_ARGUMENT", "bad"), "bad_request"),
        ("vertex", 400, "", google(400, "FAILED_PRECONDITION", "bad"), "bad_request"),
        ("vertex", 401, "", google(401, "UNAUTHENTICATED", "bad"), "bad_credential"),
        ("vertex", 403, "", google(403, "PERMISSION_DENIED", "bad"), "forbidden"),
        ("vertex", 404, "", google(404, "NOT_FOUND", "Publisher Model `x` was not found"), "model_unknown"),
        ("vertex", 429, "", google(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), "rate_limit"),
        ("vertex", 429, "", b"[" + google(429, "RESOURCE_EXHAUSTED", "Quota exceeded") + b"]", "rate_limit"),
        ("vertex", 503, "", google(503, "UNAVAILABLE", "bad"), "overloaded"),
        ("vertex", 504, "", google(504, "DEADLINE_EXCEEDED", "bad"), "timeout"),
        (
            "vertex",
            400,
            "",
            b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}',
            "context_too_long",
        ),
        ("foundry", 401, "", b'{"error":{"code":"401","message":"Access denied"}}', "bad_credential"),
        ("foundry", 404, "", b'{"error":{"code":"DeploymentNotFound","message":"No deployment"}}', "model_unknown"),
        ("foundry", 529, "", b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', "overloaded"),
    ],
)
def test_errors_of_hosts(host: str, status: int, name: str, body: bytes, error_class: str) -> None:
    headers: Mapping[str, str] = {"x-amzn-errortype": name} if name else {}
    error = on(host).error(status, headers, body)
    assert error.error_class == error_class
    assert error.vendor_status == status


def test_errors_do_not_tell_of_the_operators_account() -> None:
    arn = "arn:aws:iam::123456789012:user/operator"
    said = orjson.dumps({"message": f"User: {arn} is not authorized to perform bedrock:InvokeModel"})
    error = on("bedrock").error(403, {"x-amzn-errortype": "AccessDeniedException"}, said)
    assert "123456789012" not in error.message
    said = google(404, "NOT_FOUND", "Publisher Model `projects/house-of-ours/locations/eu/models/m` was not found.")
    assert "house-of-ours" not in on("vertex").error(404, {}, said).message


def test_a_model_that_needs_a_profile_is_told_so() -> None:
    said = b'{"message":"Invocation of model ID m with on-demand throughput isn\\u2019t supported."}'
    error = on("bedrock").error(400, {"x-amzn-errortype": "ValidationException"}, said)
    assert (error.error_class, error.status) == ("bad_request", 400)
    assert "inference profile" in error.message


# --- second tries -----------------------------------------------------------------------------------------------------


def refused(provider: Anthropic, text: str) -> ProviderError:
    said = orjson.dumps({"message": text})
    return provider.error(400, {"x-amzn-errortype": "ValidationException"}, said)


def test_a_host_without_the_system_role_gets_tagged_text() -> None:
    provider = on("bedrock")
    wanted = request(
        provider,
        "bedrock",
        message("A"),
        developer("B"),
        message("C", role="assistant"),
        message("D"),
        developer("E"),
        model="anthropic.claude-opus-4-8-v1:0",
    )
    call = provider.encode(wanted)
    assert [each["role"] for each in body_of(call)["messages"]] == ["user", "system", "assistant", "user", "system"]
    changed = provider.amend(call, refused(provider, "messages.1.role: Input should be 'user' or 'assistant'"))
    assert changed is not None
    messages = body_of(changed[0])["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "user"]
    assert [block["text"] for block in messages[0]["content"]] == ["A", "<system>B</system>"]
    assert [block["text"] for block in messages[2]["content"]] == ["D", "<system>E</system>"]
    assert [(lost.path, lost.disposition) for lost in changed[1]] == [("input", "approximated")]
    assert provider.amend(changed[0], refused(provider, "messages.1.role: Input should be 'user'")) is None


def test_a_user_that_the_host_does_not_take_is_left_out() -> None:
    provider = on("bedrock")
    call = provider.encode(request(provider, "bedrock", safety_identifier="someone"))
    changed = provider.amend(call, refused(provider, "metadata: Extra inputs are not permitted"))
    assert changed is not None
    assert "metadata" not in body_of(changed[0])
    assert [(lost.path, lost.disposition) for lost in changed[1]] == [("safety_identifier", "ignored")]
    assert replace(changed[0], body=call.body) == call


# --- lists of models --------------------------------------------------------------------------------------------------


class Answers:
    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> HttpAnswer:
        self.urls.append(url)
        self.headers.append(headers)
        return self.answers.pop(0)


def answered(status: int, value: Any) -> HttpAnswer:
    return HttpAnswer(status, {}, value if isinstance(value, bytes) else orjson.dumps(value))


MODELS_OF_AWS: Final = {
    "modelSummaries": [
        {"modelId": "anthropic.claude-3-haiku-v1:0", "inferenceTypesSupported": ["ON_DEMAND"]},
        {"modelId": "anthropic.claude-opus-5-5", "inferenceTypesSupported": ["INFERENCE_PROFILE"]},
        7,
        {"modelId": None, "inferenceTypesSupported": ["ON_DEMAND"]},
    ]
}


async def test_models_and_profiles_of_bedrock() -> None:
    profiles = [
        {
            "inferenceProfileSummaries": [
                {"inferenceProfileId": "eu.anthropic.claude-opus-5-5"},
                {"inferenceProfileId": "eu.amazon.nova-pro-v1:0"},
            ],
            "nextToken": "a b",
        },
        {"inferenceProfileSummaries": [{"inferenceProfileId": "global.anthropic.claude-opus-5-5"}, None]},
    ]
    http = Answers(*(answered(200, page) for page in (MODELS_OF_AWS, *profiles)))
    assert await on("bedrock").list_models(http) == [
        "anthropic.claude-3-haiku-v1:0",
        "eu.anthropic.claude-opus-5-5",
        "global.anthropic.claude-opus-5-5",
    ]
    control = "https://bedrock.eu-west-1.amazonaws.com"
    assert http.urls == [
        f"{control}/foundation-models?byProvider=Anthropic",
        f"{control}/inference-profiles?maxResults=1000",
        f"{control}/inference-profiles?maxResults=1000&nextToken=a+b",
    ]
    assert all(headers["authorization"] == "Bearer aws-key" for headers in http.headers)


async def test_without_the_right_to_list_profiles_there_are_the_models() -> None:
    denied = HttpAnswer(403, {"x-amzn-errortype": "AccessDeniedException"}, b'{"message":"no"}')
    http = Answers(answered(200, MODELS_OF_AWS), denied)
    assert await on("bedrock").list_models(http) == ["anthropic.claude-3-haiku-v1:0"]
    with pytest.raises(ProviderError):
        await on("bedrock").list_models(Answers(denied))


async def test_models_of_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = on("vertex")
    monkeypatch.setattr(provider, "_credentials", on("compatible")._credentials)
    pages = [
        {"publisherModels": [{"name": "publishers/anthropic/models/claude-opus-5-5"}, {}, 1], "nextPageToken": "t/1"},
        {"publisherModels": [{"name": "publishers/anthropic/models/claude-haiku-4-5"}]},
    ]
    http = Answers(*(answered(200, page) for page in pages))
    assert await provider.list_models(http) == ["claude-opus-5-5", "claude-haiku-4-5"]
    first = "https://europe-west4-aiplatform.googleapis.com/v1beta1/publishers/anthropic/models?pageSize=1000"
    assert http.urls == [first, f"{first}&pageToken=t%2F1"]
    assert await provider.list_models(Answers(answered(404, {}))) == []
    for answer in (answered(403, {}), answered(200, b"<html>")):
        with pytest.raises(ProviderError):
            await provider.list_models(Answers(answer))


async def test_foundry_has_no_list() -> None:
    assert await on("foundry").list_models(NoHttp()) == []


def test_paths_of_hosts_are_of_one_line() -> None:
    for host in SETTINGS:
        provider = on(host)
        path = provider.encode(request(provider, host, model="a\r\nb c" if host != "compatible" else "m")).path
        assert urlsplit(path).path == path
        assert path.isprintable()
        assert " " not in path
