"""A vendor's errors: each in its class, in the vendor's words, never an exception and never the client's fault."""

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from proxy.provider.contract import Provider
from proxy.provider.errors import ERROR_RULES, ProviderError
from proxy.testing.answers import breaches, raised
from proxy.testing.exchange import Exchange
from proxy.testing.problem import Problem
from proxy.testing.replay import play

LONGEST_MESSAGE: Final = 10_000
"""How long the message of an error may be at most, in characters, whatever the vendor sent."""

STATUSES: Final[Mapping[int, frozenset[int]]] = {
    400: frozenset({400}),
    401: frozenset({502}),
    402: frozenset({429, 502, 403}),
    403: frozenset({403, 502, 429}),
    404: frozenset({400, 502}),
    408: frozenset({504}),
    409: frozenset({400, 429, 502, 503}),
    413: frozenset({413, 400}),
    422: frozenset({400}),
    429: frozenset({429, 503}),
    500: frozenset({502}),
    502: frozenset({502, 503}),
    503: frozenset({503, 502}),
    504: frozenset({504, 502}),
    529: frozenset({503, 502}),
}
"""What a client may get for a vendor's status where its body says nothing."""

SAID: Final[Mapping[int, frozenset[int]]] = {
    400: frozenset({400, 403, 413, 429, 502}),
    404: frozenset({400, 403, 502}),
    429: frozenset({429, 503}),
}
"""What a client may get for a vendor's status where its body says more: of a 400 that it is about the credential, a
limit or the region."""


def recorded_error(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """A recorded error has the class of its status, says what the vendor said, and blames whom the vendor blamed."""
    subject, status = exchange.id, exchange.status_code
    played = play(provider, exchange)
    yield from raised("error", subject, played)
    yield from breaches("error", subject, played)
    error = played.error
    if error is None:
        if exchange.http_status is None and exchange.status is None:
            yield Problem("error", subject, f"an error, as the vendor's status is {status}", played.response["status"])
        return
    if exchange.http_status is None:
        yield from _status(subject, status, error.status, SAID.get(status) or STATUSES.get(status))
        if status in (400, 422) and isinstance(error, ProviderError) and error.error_class == "vendor_failure":
            yield Problem("error", subject, f"no failure of the vendor, which refused with {status}", "vendor_failure")
        if error.status == 400 and status == 404 and error.code != "model_not_found":
            yield Problem("error", subject, "a 404 to be a 400 only as model_not_found", f"code {error.code}")
    if isinstance(error, ProviderError):
        yield from _words(subject, exchange.answer, error)


def _status(subject: str, status: int, found: int, allowed: frozenset[int] | None) -> Iterator[Problem]:
    if allowed is None:
        allowed = frozenset({400, 502} if status < 500 else {502, 503, 504})
    if found not in allowed:
        wanted = f"{' or '.join(map(str, sorted(allowed)))} for the vendor's {status}"
        yield Problem("error", subject, wanted, f"{found}")


def _words(subject: str, body: bytes, error: ProviderError) -> Iterator[Problem]:
    """The message is the vendor's own, but for a refused credential, of which nothing is repeated."""
    if not error.message.strip() or len(error.message) > LONGEST_MESSAGE:
        wanted = f"a message of 1 to {LONGEST_MESSAGE} characters"
        yield Problem("error", subject, wanted, f"{len(error.message)} characters")
    told = _strings(body)
    if error.error_class == "bad_credential" or not told:
        return
    words = error.message.split()
    if sum(any(word.strip("\"'.,:") in text for text in told) for word in words) < len(words) / 2:
        yield Problem("error", subject, f"the vendor's own words {told[0]!r:.200}", f"{error.message!r:.200}")


def _strings(body: bytes) -> list[str]:
    """All that a JSON body says in words."""
    try:
        waiting = [orjson.loads(body)]
    except orjson.JSONDecodeError:
        return []
    found: list[str] = []
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and " " in value:
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return found


# --- errors that nobody recorded --------------------------------------------------------------------------------------

SECRET: Final = "sk-of-the-operator-3141592653589793"  # noqa: S105 - nobody's

_ODD: Final[tuple[object, ...]] = (
    None,
    True,
    7,
    -1,
    0.5,
    "",
    [],
    {},
    ["a"],
    [{}],
    {"message": None},
    {"message": {"a": [1]}},
)
_ODD_MEMBERS: Final[tuple[object, ...]] = (7, ["a"], {"a": {}}, [{"@type": 1}], [{"retryDelay": []}])

BODIES: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "HTML": b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>",
    "plain text": b"upstream connect error or disconnect/reset before headers",
    "no UTF-8": b'{"error": {"message": "\xff\xfe"}}',
    "half of an object": b'{"error": {"message": "it is',
    "null": b"null",
    "a number": b"7",
    "a text": b'"no"',
    "an empty object": b"{}",
    "an empty array": b"[]",
    "an array of objects": b'[{"error": {"code": 7, "message": "no", "status": "UNHEARD_OF"}}]',
    "deep": b'{"error":' * 300 + b"1" + b"}" * 300,
    "deeper than JSON is read": b"[" * 5000,
    "huge": b'{"error": {"message": "' + b"word " * 20_000 + b'"}, "message": "' + b"word " * 1000 + b'"}',
    **{
        f"{orjson.dumps(value).decode()} in all places": orjson.dumps(
            dict.fromkeys(("error", "message", "code", "type", "detail", "details", "status"), value)
        )
        for value in _ODD
    },
    **{
        f"{name} that is {orjson.dumps(value).decode()}": orjson.dumps(
            {"error": {"message": "no", name: value}, name: value}
        )
        for name in ("code", "type", "param", "status", "details", "metadata", "errors")
        for value in _ODD_MEMBERS
    },
}
"""What stands in the body of an error, be it a proxy's page or a server's slip."""

HEADERS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"content-type": "text/html", "retry-after": "soon"},
    {"content-type": "application/json", "retry-after": "-1", "retry-after-ms": "nan"},
)


def any_error(provider: Provider) -> Iterator[Problem]:
    """Whatever body stands under whatever status: a `ProviderError` of the right class, and no exception."""
    for status in (*STATUSES, 418, 599):
        for name, body in BODIES.items():
            for headers in HEADERS if len(body) < 1000 else HEADERS[:1]:
                yield from _judged(provider, status, name, headers, body)


def _judged(provider: Provider, status: int, name: str, headers: Mapping[str, str], body: bytes) -> Iterator[Problem]:
    subject = f"status {status}, {name}"
    try:
        error = provider.error(status, headers, body)
    except Exception as exception:
        told = f"{type(exception).__name__}: {exception!s:.200}"
        yield Problem("any error", subject, "a ProviderError", told)
        return
    if not isinstance(error, ProviderError) or error.error_class not in ERROR_RULES:
        yield Problem("any error", subject, "a ProviderError", f"{error!r:.200}")
        return
    if not error.message.strip() or len(error.message) > LONGEST_MESSAGE:
        wanted = f"a message of 1 to {LONGEST_MESSAGE} characters"
        yield Problem("any error", subject, wanted, f"{len(error.message)} characters")
    says_nothing = name in ("empty", "plain text", "null", "an empty object", "huge")
    yield from _status(subject, status, error.status, STATUSES.get(status) if says_nothing else _lenient(status))
    if status in (401, 403, 404) and error.status == 400 and error.code != "model_not_found":
        yield Problem("any error", subject, "no 400, which would blame the client", f"400 {error.message!r:.100}")


def _lenient(status: int) -> frozenset[int] | None:
    if status == 400:
        return SAID[400]
    allowed = STATUSES.get(status)
    return allowed | {429, 502, 503} if allowed is not None else None


def waits(provider: Provider) -> Iterator[Problem]:
    """How long a vendor asks to wait is handed on."""
    error = provider.error(429, {"retry-after": "7"}, b"{}")
    if error.retry_after != 7:
        yield Problem("retry-after", "status 429 with `retry-after: 7`", "a wait of 7 seconds", f"{error.retry_after}")


def no_secrets(provider: Provider) -> Iterator[Problem]:
    """A refused credential is not repeated, wherever the vendor quotes it."""
    for body in (
        {"error": {"message": f"Incorrect API key provided: {SECRET}", "code": "invalid_api_key", "type": SECRET}},
        {"message": f"invalid key {SECRET}", "detail": SECRET},
        {"error": SECRET},
    ):
        error = provider.error(401, {}, orjson.dumps(body))
        shown = f"{error.message} {error.code} {error.param} {dict(error.headers)}"
        if SECRET in shown:
            yield Problem(
                "secrets", "status 401 whose body quotes the key", "nothing of the key", shown.replace(SECRET, "KEY")
            )


# --- answers that are none --------------------------------------------------------------------------------------------


NO_ANSWERS: Final[Mapping[str, bytes]] = {
    **{name: body for name, body in BODIES.items() if " that is " not in name and name != "huge"},
    "nothing but white space": b" \n\n ",
    "zeros": bytes(5000),
    "a frame of nothing": b"data:\n\n",
    "frames of nonsense": b"event: a\ndata: {\n\ndata: []\n\ndata: 7\n\n",
}


def unreadable(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """A 200 that is no answer of the vendor's API fails: the response is legal, and nothing is raised."""
    for name, body in NO_ANSWERS.items():
        for content_type in (None, "application/json", "text/html"):
            subject = f"{exchange.id}, with a body that is {name} as {content_type or 'its own content type'}"
            played = play(provider, exchange, stream=True, answer=body, content_type=content_type)
            yield from raised("unreadable answers", subject, played)
            yield from breaches("unreadable answers", subject, played)
            if played.response["status"] != "failed" and not exchange.end_optional:
                told = f"status {played.response['status']}"
                yield Problem("unreadable answers", subject, "a failed response", told)
