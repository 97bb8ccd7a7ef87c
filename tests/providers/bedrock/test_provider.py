"""The provider as a whole: endpoints, credentials, models, counting."""

import json
from collections.abc import Mapping

import orjson
import pytest
from pydantic import ValidationError

from providers.bedrock import Bedrock, BedrockSettings
from providers.bedrock.models import family_of, plain_id
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from tests.providers.bedrock.requests import HAIKU, KEY, NOVA, OPUS, PROVIDER, WEATHER, message, prepared, provider

KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret", "session_token": "token"}


class Server:
    """An `Http` that answers from a table and keeps what it was asked."""

    def __init__(self, answers: Mapping[str, HttpAnswer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        self.asked.append((method, url, headers or {}))
        return self.answers[url.partition("amazonaws.com")[2]]


def answer(body: object, status: int = 200, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(body).encode())


# --- endpoints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ({"fips": True}, "https://bedrock-runtime-fips.us-east-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ({"region": "us-gov-west-1"}, "https://bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ({"base_url": "http://127.0.0.1:8000/"}, "http://127.0.0.1:8000"),
    ],
)
def test_the_region_leads_to_the_endpoint(settings: dict[str, object], base: str) -> None:
    made = Bedrock(BedrockSettings.model_validate({"region": "us-east-1", "api_key": KEY, **settings}))
    assert made.base_url == base


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"region": "evil.example/"},
        {"region": "us-east-1", "families": {"x": {"nonsense": 1}}},
        {"region": "us-east-1", "families": {"anthropic.claude-opus-6": {"claude": {"nonsense": 1}}}},
        {"region": "us-east-1", "families": {"x": {"claude": 1}}},
        {"region": "us-east-1", "guardrail": {"identifier": "x"}},
        {"region": "us-east-1", "unknown": 1},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BedrockSettings.model_validate({"api_key": KEY, **settings})


# --- credentials ------------------------------------------------------------------------------------------------------


async def test_a_key_is_a_bearer() -> None:
    sent = PROVIDER.encode(prepared(model=NOVA))
    assert await PROVIDER.authorize(sent, Server({})) == {"authorization": f"Bearer {KEY}"}
    assert PROVIDER.credential_headers() == ("authorization",)
    assert not PROVIDER.renew(403, {"x-amzn-errortype": "ExpiredTokenException"}, b"{}")


async def test_keys_of_the_account_sign_the_path_as_it_is_sent() -> None:
    signing = Bedrock(BedrockSettings.model_validate({"region": "eu-west-1", "aws": KEYS}))
    sent = signing.encode(prepared(model=NOVA, by=signing))
    headers = await signing.authorize(sent, Server({}))
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert "/eu-west-1/bedrock/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert set(headers) <= set(signing.credential_headers())


def test_proofs_belong_to_the_account_and_the_region() -> None:
    other_region = provider(base_url="https://bedrock-runtime.eu-west-1.amazonaws.com")
    other_account = Bedrock(BedrockSettings.model_validate({"region": "us-east-1", "aws": KEYS}))
    origins = {made.origin(OPUS) for made in (PROVIDER, other_region, other_account)}
    assert len(origins) == 3
    assert PROVIDER.origin(OPUS) == provider().origin(OPUS)
    assert KEY not in str(origins)


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "plain", "family"),
    [
        ("anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8", "claude-opus-4-8"),
        ("us.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8", "claude-opus-4-8"),
        ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
        ("us-gov.meta.llama3-1-8b-instruct-v1:0", "meta.llama3-1-8b-instruct-v1:0", "meta.llama3-1-8b-instruct-v1:0"),
        ("zai.glm-5.3", "zai.glm-5.3", "zai.glm-5.3"),
        ("global.zai.glm-5.3", "zai.glm-5.3", "zai.glm-5.3"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "claude-haiku-4-5",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        ),
    ],
)
def test_names_lead_to_models(name: str, plain: str, family: str) -> None:
    assert (plain_id(name), family_of(name)) == (plain, family)
    assert PROVIDER.capabilities(name) == PROVIDER.capabilities(family)


def test_the_operator_knows_better() -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    knowing = provider(
        families={
            profile: {"images": False, "forced_choice": True},
            "us.anthropic.claude-opus-6": {"cache": False, "claude": {"forced_choice": True}},
        }
    )
    assert not knowing.capabilities(profile).images
    assert knowing.capabilities(profile).forced_tool_choice
    assert knowing.capabilities("eu.anthropic.claude-opus-6-20270101-v1:0").forced_tool_choice
    assert not knowing.capabilities("eu.anthropic.claude-opus-5-5").forced_tool_choice
    mark = {"type": "input_text", "text": "A", "prompt_cache_breakpoint": {"mode": "explicit"}}
    for name, cached in (("eu.anthropic.claude-opus-6-20270101-v1:0", False), ("eu.anthropic.claude-opus-5-5", True)):
        sent = knowing.encode(prepared(message(mark), model=name, by=knowing))
        assert (b"cachePoint" in sent.body) == cached


def test_a_name_may_stand_for_a_model_that_the_configuration_knows() -> None:
    request = prepared(model="arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc", temperature=0.5)
    request.capabilities = PROVIDER.capabilities("anthropic.claude-opus-4-8")
    assert b"temperature" not in PROVIDER.encode(request).body
    assert b'"maxTokens":128000' in PROVIDER.encode(request).body


def test_a_claude_of_tomorrow_is_like_the_newest() -> None:
    able = PROVIDER.capabilities("global.anthropic.claude-opus-9-v1:0")
    assert (able.sampling, able.forced_tool_choice, able.json_schema, able.reasoning) == (False, False, True, True)


# --- counting ---------------------------------------------------------------------------------------------------------


def test_claude_is_counted_by_its_own_id() -> None:
    counting = PROVIDER.encode_count(
        prepared(
            message("Hi"), model=HAIKU, tools=[WEATHER], instructions="Be brief", max_output_tokens=50, stream=True
        )
    )
    assert counting is not None
    assert counting.path == "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/count-tokens"
    assert not counting.stream
    asked = orjson.loads(counting.body)["input"]["converse"]
    assert set(asked) == {"messages", "system", "toolConfig"}
    assert PROVIDER.decode_count(b'{"inputTokens":12}') == 12


def test_what_has_no_counter_is_not_asked() -> None:
    assert PROVIDER.encode_count(prepared(model=NOVA)) is None
    knowing = provider(families={"arn:aws:bedrock:us-east-1:1:application-inference-profile/x": {"counts": True}})
    name = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x"
    assert knowing.encode_count(prepared(model=name, by=knowing)) is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"inputTokens":0}', b'{"inputTokens":true}', b'{"inputTokens":"1"}']
)
def test_a_count_that_is_none_raises(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PROVIDER.decode_count(body)


# --- lists ------------------------------------------------------------------------------------------------------------

MODELS = {
    "modelSummaries": [
        {"modelId": "amazon.nova-pro-v1:0", "outputModalities": ["TEXT"], "inferenceTypesSupported": ["ON_DEMAND"]},
        {
            "modelId": "anthropic.claude-x",
            "outputModalities": ["TEXT"],
            "inferenceTypesSupported": ["INFERENCE_PROFILE"],
        },
        {"modelId": "amazon.titan-embed", "outputModalities": ["EMBEDDING"], "inferenceTypesSupported": ["ON_DEMAND"]},
        {"modelId": "plain"},
        {"modelId": 7},
        "odd",
    ]
}
FIRST = "/inference-profiles?maxResults=1000"


async def test_models_and_profiles_are_listed() -> None:
    server = Server(
        {
            "/foundation-models": answer(MODELS),
            FIRST: answer({"inferenceProfileSummaries": [{"inferenceProfileId": "us.a"}], "nextToken": "a/b="}),
            FIRST + "&nextToken=a%2Fb%3D": answer({"inferenceProfileSummaries": [{"inferenceProfileId": "eu.b"}]}),
        }
    )
    assert await PROVIDER.list_models(server) == ["amazon.nova-pro-v1:0", "plain", "us.a", "eu.b"]
    assert server.asked[0] == (
        "GET",
        "https://bedrock.us-east-1.amazonaws.com/foundation-models",
        {"authorization": f"Bearer {KEY}"},
    )


async def test_without_the_right_to_list_profiles_the_models_are_listed() -> None:
    denied = answer({"message": "no"}, 403, **{"x-amzn-errortype": "AccessDeniedException"})
    server = Server({"/foundation-models": answer(MODELS), FIRST: denied})
    assert await PROVIDER.list_models(server) == ["amazon.nova-pro-v1:0", "plain"]


@pytest.mark.parametrize(
    ("given", "error_class"),
    [
        (answer({"message": "x"}, 403, **{"x-amzn-errortype": "UnrecognizedClientException"}), "bad_credential"),
        (HttpAnswer(200, {}, b"<html>"), "vendor_failure"),
        (HttpAnswer(500, {}, b""), "vendor_failure"),
    ],
)
async def test_a_list_that_cannot_be_had_raises(given: HttpAnswer, error_class: str) -> None:
    with pytest.raises(ProviderError) as raised:
        await PROVIDER.list_models(Server({"/foundation-models": given}))
    assert raised.value.error_class == error_class


async def test_lists_are_signed_for_their_own_endpoint() -> None:
    signing = Bedrock(BedrockSettings.model_validate({"region": "eu-west-1", "aws": KEYS, "fips": True}))
    server = Server({"/foundation-models": answer({}), FIRST: answer({})})
    assert await signing.list_models(server) == []
    assert all(url.startswith("https://bedrock-fips.eu-west-1.") for _, url, _ in server.asked)
    assert all("Signature=" in headers["authorization"] for _, _, headers in server.asked)


def test_a_call_holds_no_credential() -> None:
    sent = PROVIDER.encode(prepared(model=NOVA))
    assert isinstance(sent, Call)
    assert KEY not in f"{sent}{PROVIDER.settings}"
