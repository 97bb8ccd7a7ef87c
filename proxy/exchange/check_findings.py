"""What was found out about a provider, in words: one line, and what to do about what is wrong."""

import difflib
import ipaddress
import re
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from proxy.provider.errors import ProviderError
from proxy.upstream.connection import (
    AnswerTimeoutError,
    ConnectFailedError,
    ConnectionCutError,
    NotHttpError,
    Tls,
)

MAX_SKEW: Final = 60.0
"""How many seconds the clocks may differ without a word."""

ENDS_SOON: Final = 14 * 86_400.0
"""How long before its end, in seconds, a certificate is talked about."""

MAX_QUOTE: Final = 200
"""How much of a provider's own words is shown, in characters."""

MAX_REASON: Final = 600
"""How much is shown of why there is no credential, in characters: libraries name all that they tried."""

MAX_NAMED: Final = 10
"""How many models that are not listed are named."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a provider and what came of it. `skew`: how many seconds our clock is ahead."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    tls: Tls | None = None
    skew: float | None = None
    error: ProviderError | None = None

    def failing(self, error: ProviderError) -> "Asked":
        """The same, having failed."""
        return replace(self, error=error)

    def beginning(self, body: bytes) -> "Asked":
        """The same, with the beginning of the answer."""
        return replace(self, body=body)

    @property
    def is_page(self) -> bool:
        """Whether a web page came."""
        kind = self.answer_headers.get("content-type", "").lower()
        return kind.startswith("text/html") or self.body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))

    @property
    def place(self) -> str:
        """Where it went: host and port."""
        parts = urlsplit(self.url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            port = 0
        host = parts.hostname or ""
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Finding:
    """`facts` make the line, `advice` says what to do, `notes` are no failures. `failed`: the provider cannot be used
    as it is configured."""

    facts: Sequence[str]
    advice: Sequence[str] = ()
    notes: Sequence[str] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of one provider."""

    name: str
    line: str
    advice: Sequence[str]
    notes: Sequence[str]
    failed: bool

    @property
    def lines(self) -> list[str]:
        """The report for a terminal."""
        return [
            self.line,
            *(f"    do: {each}" for each in self.advice),
            *(f"    note: {each}" for each in self.notes),
        ]


def report(
    name: str,
    kind: str,
    base_url: str,
    finding: Finding,
    asked: Asked | None,
    *,
    secrets: Collection[str] = (),
    secured: bool = True,
    credential: bool = False,
) -> Report:
    """The whole report. Whatever the provider said of the secrets is not repeated."""
    facts = [*finding.facts, *_connection(asked)]
    notes = [*finding.notes, *_connection_notes(asked)]
    if not secured:
        facts.append("plain http")
        if credential and not _is_this_machine(base_url):
            notes.append("the credential goes over the network in plain text: use https")
    line = f"{name} ({kind}) {base_url}: {'FAILED: ' if finding.failed else ''}{', '.join(facts)}"
    return Report(
        name,
        _masked(line, secrets),
        [_masked(each, secrets) for each in finding.advice],
        [_masked(each, secrets) for each in notes],
        finding.failed,
    )


# --- what can be found ------------------------------------------------------------------------------------------------


def listed(models: Sequence[str], wanted: Sequence[str], asked_for: bool | None) -> Finding:
    """It listed its models. `asked_for`: whether the list is given only to those who have a credential."""
    credential = {
        True: "credential accepted",
        False: "credential not looked at: anybody is given the list",
        None: "no credential",
    }[asked_for]
    count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
    notes = list(_unlisted(models, wanted))
    if not models:
        notes.append("the list is empty: requests tell whether base_url is the API's")
    return Finding(("reachable", credential, count), notes=notes)


def no_list() -> Finding:
    """It has no list, and something answers at its address."""
    return Finding(("reachable", "credential not checked", "no list of models at this provider"))


def needs_nobody(models: Sequence[str]) -> Finding:
    """It answers by itself."""
    return Finding(("nothing to reach", "no credential", f"{len(models)} model{'' if len(models) == 1 else 's'}"))


def no_credential(error: ProviderError, asked: Asked | None) -> Finding:
    """There is nothing to authorize a call with."""
    if asked is not None and asked.error is not None:
        fact, advice = _unreachable(asked.error, asked)
        return Finding(("no credential could be had", f"{asked.place} {fact}"), (advice,), failed=True)
    told = [str(each) for each in _causes(error) if str(each)]
    advice = "see where this provider's credential comes from: its file, its variables, this machine's own"
    return Finding(
        (f"no credential could be had: {_quote(told[-1] if told else error.message, MAX_REASON)}",),
        (advice,),
        failed=True,
    )


def too_late(seconds: float) -> Finding:
    """The check took too long."""
    return Finding(
        (f"no answer within {seconds:.0f} s",),
        ("see whether its address is right, and whether this machine may reach it (firewall, proxy)",),
        failed=True,
    )


def broken(error: Exception) -> Finding:
    """The provider's own code failed."""
    return Finding(
        (f"the plugin failed: {type(error).__name__}",),
        ("this is a defect of the plugin; tell who made it",),
        failed=True,
    )


def failure(error: ProviderError, asked: Asked | None, better: str | None) -> Finding:
    """It gave no list. `better`: a base URL at which something does answer."""
    if asked is None:
        return Finding((_quote(error.message),), ("see the options of this provider",), failed=True)
    if asked.status is None or asked.error is not None:
        fact, advice = _unreachable(error, asked)
        return Finding((fact,), (advice,), failed=True)
    moved = [f"write base_url: {better}, where something answers"] if better is not None else []
    if error.error_class == "bad_credential" or asked.status == 401:
        return Finding(("reachable", f"credential refused ({asked.status})"), (BAD_CREDENTIAL,), failed=True)
    if asked.is_page:
        return Finding((f"answered {asked.status} with a web page",), tuple(moved) or (A_PAGE,), failed=True)
    if 300 <= asked.status < 400:
        return Finding((f"answered with a redirect ({asked.status})",), (_redirected(asked),), failed=True)
    facts = ["reachable", f"answered {asked.status}: {_quote(error.message).rstrip('.')}"]
    if asked.status == 403:
        facts.insert(1, "credential not allowed to list models")
    usual = QUOTA if error.error_class == "quota" else STATUS_ADVICE.get(asked.status, _of_class(asked.status))
    return Finding(facts, moved or (usual,), failed=True)


BAD_CREDENTIAL: Final = (
    "look at the key, or the variable it comes from: is it whole, still valid, and of the account that serves this "
    "address?"
)
A_PAGE: Final = (
    "base_url leads to a web site and not to an API: look for a missing path (/v1), a login page, or a proxy in between"
)
QUOTA: Final = "the account has no credit, or its limit is reached: nothing will be answered until that is changed"
NOT_FOUND: Final = (
    "look at base_url: is a part of its path missing (/v1), or there twice? If it is right, the server has no list of "
    "models, and a request tells more"
)
STATUS_ADVICE: Final[Mapping[int, str]] = {
    400: "the server does not take the question: is this the right type, dialect or version for it?",
    403: "requests may work all the same; if not, look at the key's permissions, at the region, and at whether this "
    "machine's address is allowed",
    404: NOT_FOUND,
    405: NOT_FOUND,
    407: "a proxy in between wants a login; the gateway speaks to none",
    429: "it was asked too often: wait, and look at the account's limits",
}


def _of_class(status: int) -> str:
    if status >= 500:
        return "the provider has trouble, or what stands before it cannot reach it: try again, then look at its status"
    if 200 <= status < 300:
        return "the answer is no list of models: is this the right type for the server, and base_url the API's?"
    return "look at base_url, and at the type of this provider"


def elsewhere(asked: Asked) -> bool:
    """Whether the answer looks like that of a wrong path."""
    return asked.status in (404, 405) or (asked.status is not None and asked.status < 400 and asked.is_page)


def other_bases(base_url: str) -> list[str]:
    """Where the API may be instead: with `/v1`, without it, at the root."""
    parts = urlsplit(base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    shorter = base_url.removesuffix("/v1")
    candidates = (f"{base_url}/v1", shorter, f"{root}/v1", root, f"{root}/api/v1")
    return [each for each in dict.fromkeys(candidates) if each != base_url and not each.endswith("/v1/v1")]


def without_secrets(base_url: str) -> str:
    """An address that is none, without what may be secret in it."""
    return re.sub(r"//[^/]*@", "//", base_url.partition("?")[0])


# --- what failed below HTTP -------------------------------------------------------------------------------------------


def _unreachable(error: ProviderError, asked: Asked) -> tuple[str, str]:
    """What was seen, and what to do."""
    host = asked.place.rpartition(":")[0]
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return (
                    f"not reachable: the name {host} is not known",
                    "look for a typing error in base_url; else this machine's DNS does not know the name",
                )
            case ssl.SSLCertVerificationError():
                return f"not reachable: its certificate was not verified ({cause.verify_message})", UNVERIFIED
            case ssl.SSLError():
                return (
                    f"not reachable: no TLS at {asked.place} ({cause.reason or 'the handshake failed'})",
                    "if the server speaks plain HTTP, write http:// in base_url; else a proxy in between breaks TLS",
                )
            case ConnectionRefusedError():
                return (
                    f"not reachable: {asked.place} refused the connection",
                    "nothing listens there: start the server, or put base_url right",
                )
            case TimeoutError():
                return (
                    f"not reachable: {asked.place} did not answer in time",
                    "look at the address, and at the firewalls between here and there",
                )
            case NotHttpError():
                return "what answers is not HTTP", "if the server speaks TLS, write https:// in base_url"
            case ConnectionCutError():
                return (
                    "it closed the connection without an answer",
                    "if the server speaks TLS, write https:// in base_url; else look at its own log",
                )
            case AnswerTimeoutError():
                return (
                    "connected, and no answer came in time",
                    "the server hangs or is overloaded, or something in between swallows what is sent",
                )
            case ConnectFailedError():
                continue
            case OSError():
                return (
                    f"not reachable: {cause.strerror or type(cause).__name__}",
                    "look at this machine's network, and at the address",
                )
            case ValueError():
                return (
                    f"could not be asked: {cause}",
                    "look at base_url, and for line breaks and foreign characters in the key",
                )
    return _quote(error.message), "look at the address, and at this machine's network"


UNVERIFIED: Final = (
    "if the provider, or a proxy in between, has a certificate of an authority of your own, name that authority's "
    "certificates in SSL_CERT_FILE; else look at this machine's clock, and at who answers there"
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies behind an error, the innermost first."""
    chain: list[BaseException] = []
    cause = error.__cause__
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__
    return reversed(chain)


# --- the connection ---------------------------------------------------------------------------------------------------


def _connection(asked: Asked | None) -> Iterator[str]:
    if asked is None or asked.status is None:
        return
    if asked.skew is not None:
        yield f"clock {round(asked.skew):+d} s" if round(asked.skew) else "clock exact"
    if asked.tls is not None:
        issuer = f", certificate of {asked.tls.issuer}" if asked.tls.issuer else ""
        ends = f" until {_day(asked.tls.ends)}" if asked.tls.ends is not None else ""
        yield f"{asked.tls.version}{issuer}{ends}"


def _connection_notes(asked: Asked | None) -> Iterator[str]:
    if asked is None:
        return
    if asked.skew is not None and abs(asked.skew) > MAX_SKEW:
        way = "ahead of" if asked.skew > 0 else "behind"
        yield (
            f"this machine's clock is {abs(round(asked.skew))} s {way} the provider's: set it, or signatures and "
            "tokens will be refused"
        )
    if asked.tls is not None and asked.tls.ends is not None:
        left = asked.tls.ends - datetime.now(UTC).timestamp()
        if left < ENDS_SOON:
            yield f"its certificate ends on {_day(asked.tls.ends)}"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _redirected(asked: Asked) -> str:
    location = _quote(without_secrets(asked.answer_headers.get("location", "")))
    pointed = f"; it points to {location}" if location else ""
    return f"redirects are not followed, so write the right base_url{pointed}"


def _is_this_machine(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# --- models and words -------------------------------------------------------------------------------------------------


def _unlisted(models: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    if not models:
        return
    known = {*models, *(name.removesuffix(":latest") for name in models)}
    missing = [name for name in wanted if name not in known]
    for name in missing[:MAX_NAMED]:
        near = difflib.get_close_matches(name, models, 1)
        yield f"the configured model {name} is not in its list" + (f"; did you mean {near[0]}?" if near else "")
    if len(missing) > MAX_NAMED:
        yield f"{len(missing) - MAX_NAMED} more configured models are not in its list"


def _quote(text: str, longest: int = MAX_QUOTE) -> str:
    """Somebody's own words, in one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def _masked(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
