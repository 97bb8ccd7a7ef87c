"""The signature of a request is the one that AWS's own library makes."""

import re
from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.credentials.sigv4 import Keys, canonical_path, host_of, signed
from proxy.upstream.connection import origin_of

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#\\")

segments = st.one_of(
    st.text(max_size=12).map(lambda text: quote(text, safe="")),
    st.text(ASCII, max_size=12).map(lambda text: text.replace("/", "%2F")),
    st.sampled_from(
        [
            "model",
            "converse-stream",
            "..",
            ".",
            "",
            "%3A",
            "%2F",
            "a%20b",
            "us.anthropic.claude-haiku-4-5-v1%3A0",
            "~_-.",
        ]
    ),
)
paths = st.lists(segments, max_size=6).map(lambda parts: "/" + "/".join(parts)) | st.just("")
members = st.tuples(segments, segments).map("=".join) | segments
queries = st.lists(members, max_size=5).map("&".join)
hosts = st.sampled_from(
    [
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "http://127.0.0.1:8080",
        "https://[::1]:8443",
        "https://Vpce.EXAMPLE",
    ]
)
printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
named = st.dictionaries(
    st.sampled_from(["content-type", "X-Amzn-Bedrock-GuardrailIdentifier", "x-amz-target", "X-Amz-Meta-A"]), values
)


def by_botocore(
    method: str, url: str, headers: dict[str, str], body: bytes, keys: Keys, region: str, service: str, now: float
) -> dict[str, str]:
    """What botocore adds to the request."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
        SigV4Auth(credentials, service, region).add_auth(request)
    added = ("authorization", "x-amz-date", "x-amz-security-token")
    return {name.lower(): value for name, value in request.headers.items() if name.lower() in added}


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "post"]),
    host=hosts,
    path=paths,
    query=queries,
    headers=named,
    body=st.binary(max_size=200),
    secret=printable,
    token=st.none() | printable,
    region=st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1"]),
    service=st.sampled_from(["bedrock", "bedrock-mantle", "sts"]),
    now=st.integers(0, 4_000_000_000),
)
def test_a_request_is_signed_as_botocore_signs_it(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    secret: str,
    token: str | None,
    region: str,
    service: str,
    now: int,
) -> None:
    url = host + path + (f"?{query}" if query else "")
    keys = Keys("AKIDEXAMPLE", secret, token)
    ours = signed(method, url, headers, body, keys=keys, region=region, service=service, now=now)
    assert ours == by_botocore(method, url, headers, body, keys, region, service, now)


def test_the_vendors_published_example() -> None:
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
    added = signed("GET", url, headers, b"", keys=KEYS, region="us-east-1", service="iam", now=now)
    assert added == {
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        "x-amz-date": "20150830T123600Z",
    }


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        (
            "/model/us.anthropic.claude-haiku-4-5-v1%3A0/converse",
            "/model/us.anthropic.claude-haiku-4-5-v1%253A0/converse",
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ap%2Fx/converse",
            "/model/arn%253Aaws%253Abedrock%253Aeu-west-1%253A1%253Ap%252Fx/converse",
        ),
        ("//a/./b//c/../d/", "/a/b/d/"),
        ("/../..", "/"),
        ("/ü", "/%C3%BC"),
    ],
)
def test_a_quoted_path_is_quoted_again(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "https://bedrock-runtime.eu-central-1.amazonaws.com:443/",
        "http://LOCALHOST:8080/prefix",
        "https://[::1]:8443",
        "https://[FE80::1]",
        "https://bücher.example:8443",
    ],
)
def test_the_host_that_is_signed_is_the_one_that_is_sent(url: str) -> None:
    assert host_of(url) == origin_of(url).authority


def test_a_body_is_part_of_the_signature() -> None:
    def proof(body: bytes) -> str:
        return signed("POST", "https://a.example/", {}, body, keys=KEYS, region="us-east-1", service="bedrock", now=0)[
            "authorization"
        ]

    assert proof(b"{}") != proof(b"{ }")
    assert re.search(r"Signature=[0-9a-f]{64}$", proof(b""))


def test_keys_do_not_show_themselves() -> None:
    keys = Keys("AKIDEXAMPLE", "very-secret", "a-token")
    assert repr(keys) == str(keys) == "Keys('***')"
