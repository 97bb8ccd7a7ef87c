"""Signed calls: keys that are configured, the clock, and what a refusal leads to."""

import asyncio
import importlib.util
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from providers.credentials.aws import AwsAccess, AwsCredentials
from providers.credentials.azure import AzureAccess
from providers.credentials.google import GoogleAccess
from providers.credentials.sigv4 import Keys, signed
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from tests.providers.credentials.issuers import Clock

CALL = Call("/model/m%3A0/converse", b"{}")
URL = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m%3A0/converse"
LATE = b'{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z (2026... - 5 min.)"}'
EARLY = b'{"message":"Signature not yet current: 20260101T001000Z is still later than 20260101T000500Z"}'
INVALID = {"x-amzn-errortype": "InvalidSignatureException:http://internal.amazon.com/coral/com.amazon.coral.service/"}


class Standing(Clock):
    """A clock that stands."""

    def __call__(self) -> float:
        return 1_790_000_000.0 + self.added


def static(clock: Clock | None = None, **more: str) -> AwsCredentials:
    access = AwsAccess.model_validate({"access_key_id": "AKIDSTATIC", "secret_access_key": "secret-key", **more})
    return AwsCredentials(access, "eu-west-1", clock=clock or Standing())


def date(moment: float) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


async def signed_at(credentials: AwsCredentials) -> float:
    headers = await credentials.authorize(CALL, URL)
    return datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


async def test_configured_keys_sign_the_call() -> None:
    clock = Standing()
    headers = await static(clock).authorize(CALL, URL)
    keys = Keys("AKIDSTATIC", "secret-key")
    assert headers == signed("POST", URL, {}, b"{}", keys=keys, region="eu-west-1", service="bedrock", now=clock())
    assert "secret-key" not in str(headers)


async def test_what_aws_asks_for_is_signed_and_the_rest_is_not() -> None:
    given = {
        "Content-Type": "application/json",
        "X-Amzn-Bedrock-Trace": "ENABLED",
        "accept": "x/y",
        "anthropic-beta": "b",
    }
    headers = await static().authorize(Call(CALL.path, b"{}", given), URL)
    assert "SignedHeaders=content-type;host;x-amz-date;x-amzn-bedrock-trace," in headers["authorization"]


async def test_a_token_of_a_session_is_sent_and_signed() -> None:
    credentials = static(session_token="session-token")
    headers = await credentials.authorize(CALL, URL)
    assert headers["x-amz-security-token"] == "session-token"
    assert ";x-amz-security-token," in headers["authorization"]
    assert list(headers) == list(credentials.credential_headers())
    assert list(await static().authorize(CALL, URL)) == list(static().credential_headers())


@pytest.mark.parametrize(
    "url", ["http://a.example:99999/", "http://[::1/", f"http://{'ü' * 80}.example/", "https://a.example/\ud800"]
)
async def test_an_address_that_is_none_is_an_error_of_the_provider(url: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await static().authorize(CALL, url)
    assert caught.value.error_class == "connect"


async def test_keys_in_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "key-id"
    file.write_text("AKIDONE")
    access = AwsAccess.model_validate({"access_key_id": {"file": str(file)}, "secret_access_key": "s"})
    credentials = AwsCredentials(access, "eu-west-1")
    assert "Credential=AKIDONE/" in (await credentials.authorize(CALL, URL))["authorization"]
    file.write_text("AKIDANOTHER")
    assert "Credential=AKIDANOTHER/" in (await credentials.authorize(CALL, URL))["authorization"]


@pytest.mark.parametrize("name", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
def test_configured_keys_that_are_refused_are_not_tried_again(name: str) -> None:
    assert not static().renew(403, {"x-amzn-errortype": name}, b'{"message": "no"}')


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "wrong_by"), [(LATE, 900.0), (EARLY, -7200.0)])
async def test_a_wrong_clock_is_corrected_by_the_answer(message: bytes, wrong_by: float) -> None:
    clock = Standing()
    credentials = static(clock)
    theirs = clock() + wrong_by
    assert await signed_at(credentials) == clock()
    assert credentials.renew(403, {**INVALID, "date": date(theirs)}, message)
    assert await signed_at(credentials) == theirs


async def test_one_answer_corrects_the_clock_for_many_calls() -> None:
    clock = Standing()
    credentials = static(clock)
    answer = {**INVALID, "date": date(clock() + 900)}
    assert [credentials.renew(403, answer, LATE) for _ in range(50)] == [True] * 50
    clock.added += 3600
    assert not credentials.renew(403, {**INVALID, "date": date(clock() + 900)}, LATE), "the clock is not at fault"


async def test_a_clock_that_goes_on_drifting_is_corrected_again() -> None:
    clock = Standing()
    credentials = static(clock)
    credentials.renew(403, {**INVALID, "date": date(clock() + 900)}, LATE)
    clock.added += 10_000
    assert credentials.renew(403, {**INVALID, "date": date(clock() + 2000)}, LATE)
    assert await signed_at(credentials) == clock() + 2000


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "yesterday",
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "0",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Thu, 1 Jan 2026 0:0:0 +99999999999999999",
    ],
)
async def test_without_a_readable_date_the_clock_is_kept(header: str | None) -> None:
    clock = Standing()
    credentials = static(clock)
    assert not credentials.renew(403, INVALID if header is None else {**INVALID, "date": header}, LATE)
    assert await signed_at(credentials) == clock()


async def test_a_right_clock_is_kept() -> None:
    clock = Standing()
    credentials = static(clock)
    assert not credentials.renew(403, {**INVALID, "date": date(clock() + 2)}, LATE)
    assert await signed_at(credentials) == clock()


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "ExpiredTokenException"}, b""),
        ({"x-amzn-errortype": "ExpiredTokenException:http://internal.amazon.com/"}, b"not json"),
        ({}, b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"no"}'),
        ({}, b'{"code":"ExpiredToken"}'),
    ],
)
def test_a_refusal_of_issued_keys_is_recognised(headers: dict[str, str], body: bytes) -> None:
    assert AwsCredentials(AwsAccess(), "eu-west-1").renew(403, headers, body)


@given(
    st.sampled_from([400, 401, 403, 404, 500, 0]),
    st.text(),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["__type", "code", "message", "Message"]), inner)
        ),
    ).map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)),
)
def test_no_answer_is_too_odd(status: int, kind: str, body: bytes) -> None:
    assert isinstance(static().renew(status, {"x-amzn-errortype": kind, "date": kind}, body), bool)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"access_key_id": "a"},
        {"secret_access_key": "a"},
        {"session_token": "a"},
        {"profile": "p", "access_key_id": "a", "secret_access_key": "b"},
        {"region": "eu-west-1"},
    ],
)
def test_settings_that_do_not_belong_together_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AwsAccess.model_validate(options)


def test_accounts_have_different_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def name(**options: str) -> str:
        return AwsCredentials(AwsAccess.model_validate(options), "eu-west-1").fingerprint()

    names = [name(), name(profile="one"), name(profile="two"), static().fingerprint()]
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
    names.append(name())
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in names)
    assert name(profile="one") == names[1]
    assert static().fingerprint() == static(session_token="another").fingerprint()


def test_nothing_shows_the_keys() -> None:
    access = AwsAccess.model_validate({"access_key_id": "AKIDSTATIC", "secret_access_key": "secret-key"})
    credentials = AwsCredentials(access, "eu-west-1")
    shown = f"{access!r} {access} {credentials!r} {vars(credentials)}"
    assert "AKIDSTATIC" not in shown
    assert "secret-key" not in shown


# --- extras -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def _without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def found(name: str) -> object:
        return None if name.split(".")[0] in ("botocore", "azure", "google") else find(name)

    monkeypatch.setattr("providers.credentials.asking.find_spec", found)


def test_with_the_extras_nothing_is_missing() -> None:
    assert [access().missing_extra() for access in (AwsAccess, AzureAccess, GoogleAccess)] == [None] * 3


@pytest.mark.usefixtures("_without_extras")
def test_what_to_install_is_told() -> None:
    told = [access().missing_extra() for access in (AwsAccess, AzureAccess, GoogleAccess)]
    assert [re.findall(r"dragoman\[(\w+)]", text or "") for text in told] == [["bedrock"], ["azure"], ["vertex"]]


@pytest.mark.usefixtures("_without_extras")
async def test_configured_keys_need_no_extra() -> None:
    assert "Credential=AKIDSTATIC/" in (await static().authorize(CALL, URL))["authorization"]
    access = AwsAccess.model_validate({"access_key_id": "a", "secret_access_key": "b"})
    assert access.missing_extra() is None


@pytest.mark.usefixtures("_without_extras")
async def test_without_its_extra_a_call_says_what_to_install() -> None:
    with pytest.raises(ProviderError) as caught:
        await AwsCredentials(AwsAccess(), "eu-west-1").authorize(CALL, URL)
    assert caught.value.error_class == "bad_credential"
    assert "dragoman[bedrock]" in str(caught.value.__cause__)


async def test_many_calls_are_signed_each_for_itself() -> None:
    credentials = static()
    calls = [Call(f"/model/m{number}/converse", b"%d" % number) for number in range(20)]
    given = await asyncio.gather(*(credentials.authorize(call, f"https://a.example{call.path}") for call in calls))
    assert len({headers["authorization"] for headers in given}) == 20
