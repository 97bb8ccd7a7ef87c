"""The end of a request: metrics and one log line. Counted once, whatever happened."""

import time
from collections.abc import Mapping

import structlog

from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.run import Run
from proxy.responses.errors import ResponsesError

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
    if conversions and (paths := run.dropped):
        line["dropped"] = paths
    _write(line, run.error)


def record_rejected(
    gateway: Gateway, client: Client | None, request_id: str, error: ResponsesError, extra: Mapping[str, object]
) -> None:
    """Count and log a request that was refused before it was sent anywhere."""
    name = client.name if client is not None else "none"
    gateway.metrics.count_rejected(name)
    _write({"request_id": request_id, "client": name, "outcome": "rejected", **extra}, error)


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
