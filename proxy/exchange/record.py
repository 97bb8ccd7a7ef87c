"""The end of a request: metrics and one log line. Counted once, whatever happened."""

import time
from collections.abc import Mapping, Sequence

import structlog

from proxy.exchange.dry_run import DryRun
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.run import Run
from proxy.provider.conversions import RefusedError
from proxy.responses.errors import ResponsesError
from proxy.usage.elements import known_path

MAX_CONVERSIONS = 50
"""How many conversions of a request its log line names."""

_log = structlog.get_logger("dragoman.request")


def record(gateway: Gateway, run: Run, request_id: str) -> None:
    """Count a run that has ended, and log it."""
    now = time.perf_counter()
    duration = now - run.arrived
    metrics = gateway.metrics
    endpoint, model = run.target.endpoint.name, run.target.model
    # A name that nobody configured is believed once the vendor answered for it.
    series = metrics.series(endpoint, model, run.client.name, vendor_accepted=run.assembler.started is not None)
    series.count_request(run.outcome)
    usage = run.usage
    if usage is not None and usage.total_tokens:
        series.count_tokens(usage, run.usage_source)
    series.duration.observe(duration)
    series.overhead.observe(max(0.0, duration - run.upstream_seconds))
    if run.first_output is not None:
        series.ttft.observe(run.first_output - run.arrived)
    conversions = run.prepared.conversions
    for conversion in conversions:
        metrics.count_conversion(endpoint, conversion)
    unmapped = [metrics.count_unmapped(endpoint, name) for name in run.assembler.unmapped]
    started = run.assembler.started
    line: dict[str, object] = {
        "request_id": request_id,
        "response_id": run.assembler.response["id"],
        "client": run.client.name,
        "provider": endpoint,
        "model": model,
        "requested_model": run.request.model,
        "outcome": run.outcome,
        "stream": run.prepared.stream,
        "attempts": run.attempts,
        "duration_ms": round(duration * 1e3, 1),
        "upstream_ms": round(run.upstream_seconds * 1e3, 1),
    }
    if run.first_output is not None:
        line["first_output_ms"] = round((run.first_output - run.arrived) * 1e3, 1)
    if usage is not None:
        line["input_tokens"] = usage.input_tokens
        line["cached_tokens"] = usage.cached_tokens
        line["output_tokens"] = usage.output_tokens
        line["reasoning_tokens"] = usage.reasoning_tokens
        line["usage_source"] = run.usage_source
        if run.usage_source == "estimated" and gateway.estimator.failure:
            line["estimator_failure"] = gateway.estimator.failure
    if started is not None and started.id:
        line["vendor_id"] = started.id
    if conversions or unmapped:
        line["conversions"] = [
            *_listed([(one.path, one.disposition) for one in conversions]),
            *(f"{element}: dropped" for element in unmapped),
        ]
    _write(line, run.error)


def record_rejected(
    gateway: Gateway, client: Client | None, request_id: str, error: ResponsesError, extra: Mapping[str, object]
) -> None:
    """Count and log a request that was refused before it was sent anywhere."""
    name = client.name if client is not None else "none"
    gateway.metrics.count_rejected(name)
    line: dict[str, object] = {"request_id": request_id, "client": name, "outcome": "rejected", **extra}
    if isinstance(error, RefusedError):
        line["conversions"] = _refused(error)
    _write(line, error)


def record_dry_run(
    client: Client, request_id: str, arrived: float, result: DryRun | ResponsesError, extra: Mapping[str, object]
) -> None:
    """Log a dry run. It is in no metric: nobody was asked anything."""
    line: dict[str, object] = {
        "request_id": request_id,
        "client": client.name,
        "dry_run": True,
        "duration_ms": round((time.perf_counter() - arrived) * 1e3, 1),
        **extra,
    }
    if isinstance(result, ResponsesError):
        line["outcome"] = "rejected"
        if isinstance(result, RefusedError):
            line["conversions"] = _refused(result)
        _write(line, result)
        return
    line["outcome"] = "completed"
    line["provider"], line["model"] = result.target.endpoint.name, result.target.model
    line["requested_model"] = result.asked_model
    if result.losses:
        line["conversions"] = _listed([(one.path, one.disposition) for one in result.losses])
    _write(line, None)


def _refused(error: RefusedError) -> list[str]:
    return _listed([(path, "refused") for path in error.paths])


def _listed(conversions: Sequence[tuple[str, str]]) -> list[str]:
    """What became of elements, for the log: without the reasons, and without names that a client made up."""
    listed = [f"{known_path(path)}: {disposition}" for path, disposition in conversions[:MAX_CONVERSIONS]]
    if len(conversions) > MAX_CONVERSIONS:
        listed.append(f"{len(conversions) - MAX_CONVERSIONS} more")
    return listed


def _write(line: dict[str, object], error: ResponsesError | None) -> None:
    if error is None:
        _log.info("request", **line)
        return
    line["status"], line["code"], line["param"] = error.status, error.code, error.param
    if error.status >= 500:
        cause = error.__cause__
        # The wording of an error may repeat the client's text; what lies below HTTP is the operator's own.
        line["error"] = error.message if cause is None else f"{error.message} ({type(cause).__name__}: {cause})"
        _log.error("request", **line)
    else:
        _log.info("request", **line)
