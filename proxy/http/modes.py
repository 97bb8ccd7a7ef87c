"""How a client wants its request to be treated, as headers and the query say it: strictly, or only as a dry run."""

from typing import Final

from aiohttp import web

from config.quantities import DURATION_FORM, parse_positive_duration
from proxy.responses.errors import ResponsesError

STRICT: Final = "x-dragoman-strict"
TIMEOUT: Final = "x-dragoman-timeout"
DRY_RUN: Final = "x-dragoman-dry-run"
DRY_RUN_QUERY: Final = "dry_run"

_BOOLEANS: Final = {"true": True, "false": False}


def strict_asked(request: web.Request) -> bool:
    """Whether the request wants to be refused rather than changed. Raises ResponsesError (400)."""
    return _boolean(STRICT, request.headers.getall(STRICT, []), "header")


def dry_run_asked(request: web.Request) -> bool:
    """Whether only what would be sent is asked for: by header or query. Raises ResponsesError (400)."""
    by_header = _boolean(DRY_RUN, request.headers.getall(DRY_RUN, []), "header")
    return _boolean(DRY_RUN_QUERY, request.query.getall(DRY_RUN_QUERY, []), "query parameter") or by_header


def time_limit(request: web.Request) -> float | None:
    """How long, in seconds, the client waits for its answer at most; None where it does not say. Raises ResponsesError
    (400)."""
    values = request.headers.getall(TIMEOUT, [])
    if not values:
        return None
    try:
        if len(values) > 1:
            raise ValueError
        return parse_positive_duration(values[0])
    except ValueError:
        raise ResponsesError(
            400,
            f"Invalid header '{TIMEOUT}': expected {DURATION_FORM}, above zero and once.",
            param=TIMEOUT,
            code="invalid_value",
        ) from None


def refuse_dry_run(request: web.Request) -> None:
    """Raise ResponsesError (400) where a dry run is asked for of something that has none: it must not become a real
    one."""
    if dry_run_asked(request):
        raise ResponsesError(
            400,
            f"There is no dry run of {request.method} {request.path[:200]}. Use POST /v1/responses.",
            param=DRY_RUN_QUERY if DRY_RUN_QUERY in request.query else DRY_RUN,
            code="unsupported_parameter",
        )


def _boolean(name: str, values: list[str], kind: str) -> bool:
    if not values:
        return False
    if len(values) > 1 or values[0].strip().lower() not in _BOOLEANS:
        raise ResponsesError(
            400, f"Invalid {kind} '{name}': expected 'true' or 'false', once.", param=name, code="invalid_value"
        )
    return _BOOLEANS[values[0].strip().lower()]
