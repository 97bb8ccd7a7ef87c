"""AWS Signature Version 4 of one request: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What a request is signed with. `session_token`: of keys that were issued for a time. Never shows itself."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return "Keys('***')"


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Keys,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """The headers that sign a request, in lower case: `authorization`, `x-amz-date`, and `x-amz-security-token` where
    the keys have one.

    `url` is written as it is sent, quoted; `headers` are signed, too, and have to be sent so; the host always is. `now`
    is in Unix seconds. Raises ValueError for an address that is none.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp}
    if keys.session_token:
        added["x-amz-security-token"] = keys.session_token
    given = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    fields = dict(sorted({"host": host_of(url), **given, **added}.items()))
    names = ";".join(fields)
    parts = urlsplit(url)
    request = "\n".join(
        (
            method.upper(),
            canonical_path(parts.path),
            canonical_query(parts.query),
            *(f"{name}:{value}" for name, value in fields.items()),
            "",
            names,
            sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, sha256(request.encode()).hexdigest()))
    key = f"AWS4{keys.secret_access_key}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), sha256)
    signature = hmac.digest(key, text.encode(), sha256).hex()
    proof = f"{ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {"authorization": proof, **added}


def host_of(url: str) -> str:
    """The header `host` of a request to this URL. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    return shown if parts.port is None else f"{shown}:{parts.port}"


def canonical_path(path: str) -> str:
    """The path without dots and doubled slashes, quoted once more: what is quoted already is quoted twice, as all
    services but S3 want it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    if not kept:
        return "/"
    return quote(f"/{'/'.join(kept)}{'/' if path.endswith('/') else ''}", safe="/~")


def canonical_query(query: str) -> str:
    """The members of a quoted query, sorted by name and value; one without a value gets an empty one."""
    if not query:
        return ""
    members = sorted((name, value) for name, _, value in (member.partition("=") for member in query.split("&")))
    return "&".join(f"{name}={value}" for name, value in members)
