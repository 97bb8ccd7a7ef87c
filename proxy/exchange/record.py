"""The end of a request: metrics and one log line. Counted once, whatever happened."""

import time
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import structlog

from proxy.exchange.counted import Share
from proxy.exchange.dry_run import DryRun
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.run import Run
from proxy.provider.conversions import RefusedError
from proxy.provider.errors import ProviderError
from proxy.responses.errors import ResponsesError
from proxy.responses.usage import NO_TOKENS, TokenCount
from proxy.state.records import REROUTED, Charge, Spending, SpendRow
from proxy.usage.elements import known_path
from proxy.usage.gen_ai import GenAiSeries
from proxy.usage.limits import charges, unclaimed
from proxy.usage.metrics import disjoint
from proxy.usage.prices import PriceSource, dollars

MAX_CONVERSIONS = 50
"""How many conversions of a request its log line names."""

OWN_FAILURE = "gateway"
"""The `error_type` of what failed here, and not at the provider."""

_log = structlog.get_logger("dragoman.request")


def record(gateway: Gateway, run: Run, request_id: str) -> None:
    """Count a run that has ended, settle what it claimed, and log it."""
    gateway.open_runs.remove(run.row_id)
    now = time.perf_counter()
    duration = now - run.arrived
    metrics = gateway.metrics
    endpoint, model = run.target.endpoint.name, run.target.model
    # A name that nobody configured is believed once the vendor answered for it.
    series = metrics.series(endpoint, model, run.client.name, vendor_accepted=run.assembler.started is not None)
    series.count_request(run.outcome)
    series.duration.observe(duration)
    series.overhead.observe(max(0.0, duration - run.upstream_seconds))
    if run.first_output is not None:
        series.ttft.observe(run.first_output - run.arrived)
    if run.sent is not None:
        _observe_operation(series.gen_ai, run, run.sent, now)
    usage = run.usage or NO_TOKENS
    if usage.total_tokens:
        series.gen_ai.observe_tokens(usage)
    priced = [_priced(gateway, run, share) for share in run.shares or (Share(run.target, (), "provider"),)]
    known = [(each.cost, each.price_source) for each in priced if each.cost is not None]
    if known:
        run.cost, run.price_source = sum(cost for cost, _ in known), known[-1][1]
    _spend(gateway, run, priced, duration)
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
        "attempts": run.attempts.number,
        "duration_ms": round(duration * 1e3, 1),
        "upstream_ms": round(run.upstream_seconds * 1e3, 1),
    }
    if len(run.attempts.tries) > 1 or run.error is not None:
        line["tries"] = [f"{target.endpoint.name}/{target.model}: {outcome}" for target, outcome in run.attempts.tries]
    if run.trace.id is not None:
        line["trace_id"] = run.trace.id
    if run.first_output is not None:
        line["first_output_ms"] = round((run.first_output - run.arrived) * 1e3, 1)
    if run.usage is not None:
        line["input_tokens"] = usage.input_tokens
        line["cached_tokens"] = usage.cached_tokens
        line["output_tokens"] = usage.output_tokens
        line["reasoning_tokens"] = usage.reasoning_tokens
        line["usage_source"] = run.usage_source
        if run.usage_source == "estimated" and gateway.estimator.failure:
            line["estimator_failure"] = gateway.estimator.failure
    if run.cost is not None:
        line["cost_usd"] = dollars(run.cost)
        line["price_source"] = run.price_source
    if started is not None and started.id:
        line["vendor_id"] = started.id
    if conversions or unmapped:
        line["conversions"] = [
            *_listed([(one.path, one.disposition) for one in conversions]),
            *(f"{element}: dropped" for element in unmapped),
        ]
    _write(line, run.error)


def _observe_operation(series: GenAiSeries, run: Run, sent: float, now: float) -> None:
    error = run.error
    if error is not None:
        error_type = error.rule.outcome if isinstance(error, ProviderError) else OWN_FAILURE
    else:
        error_type = "cancelled" if run.outcome == "cancelled" else ""
    series.observe_duration(now - sent, error_type)
    if run.prepared.stream and run.first_output is not None:
        series.observe_chunks(run.first_output - sent, run.chunk_times)


class Priced(NamedTuple):
    """What one target did for a run, and what it costs, in USD * 10**12 (None: it has no price); `model` is the label
    of the target's model."""

    share: Share
    model: str
    usage: TokenCount
    cost: int | None = None
    price_source: PriceSource | None = None


def _priced(gateway: Gateway, run: Run, share: Share) -> Priced:
    """Count what a target did, and what it cost."""
    counts, endpoint, model = share.counts, share.target.endpoint.name, share.target.model
    accepted = share.target is not run.target or run.assembler.started is not None
    series = gateway.metrics.series(endpoint, model, run.client.name, vendor_accepted=accepted)
    usage = counts[0] if len(counts) == 1 else reduce(TokenCount.plus, counts, NO_TOKENS)
    priced = Priced(share, series.model, usage)
    if not counts:
        return priced
    if usage.total_tokens:
        series.count_tokens(usage, share.source)
    price = gateway.prices.price(endpoint, model, _service_tier(run), time.time())
    if price is None:
        tokens = usage.total_tokens
        if tokens:
            series.count_unpriced(tokens)
            if gateway.metrics.first_unpriced(endpoint, series.model):
                _log.warning(
                    "unpriced model",
                    provider=endpoint,
                    model=model,
                    hint=f"its tokens cost nothing here; write providers.{endpoint}.models.{model}.price",
                )
        return priced
    cost = sum(map(price.cost, counts))
    series.count_cost(cost, price.source, estimated=share.source == "estimated")
    saved = sum(price.saved(count) for count in counts if count.cached_tokens or count.cache_write_tokens)
    if saved:
        series.count_saved(saved)
    return priced._replace(cost=cost, price_source=price.source)


def _service_tier(run: Run) -> str | None:
    """The service tier that is paid for."""
    used = run.assembler.response.get("service_tier")
    if used == "priority" and run.request.service_tier == "fast":
        # Both are the same to a client; to a vendor that has only this one they are not.
        return "fast"
    return used if isinstance(used, str) else None


def _spend(gateway: Gateway, run: Run, shares: Sequence[Priced], duration: float) -> None:
    """Write the rows of the spend record, one for each target that did something, and settle with the last what the run
    claimed of its client's budgets and limits."""
    now, tokens = time.time(), (run.usage or NO_TOKENS).total_tokens
    attempts = run.attempts.number
    for number, share in enumerate(shares[:-1]):
        made = sum(target is share.share.target for target, _ in run.attempts.tries)
        attempts -= made
        gateway.spending.add(Spending(_row(run, f"{run.row_id}:{number}", share, REROUTED, made, now, duration), ()))
    settled: Sequence[Charge] = ()
    if run.admission is not None:
        settled = run.admission.charges(tokens, run.cost)
    elif run.client.limits is not None and run.attempts.number:
        # What another process had begun, and claimed for, is paid for all the same.
        settled = charges(unclaimed(run.client.limits, run.client.name, now), tokens, run.cost)
    row = _row(run, run.row_id, shares[-1], run.outcome, attempts, now, duration)
    gateway.spending.add(Spending(row, gateway.ledger.settle(run.row_id, settled)))


def _row(run: Run, row_id: str, priced: Priced, outcome: str, attempts: int, now: float, duration: float) -> SpendRow:
    fresh, read, written, visible, reasoning = disjoint(priced.usage)
    target = priced.share.target
    return SpendRow(
        id=row_id,
        at=now,
        client=run.client.name,
        provider=target.endpoint.name,
        model=priced.model,
        outcome=outcome,
        input_tokens=fresh,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=visible,
        reasoning_tokens=reasoning,
        source=priced.share.source,
        cost=priced.cost,
        price_source=priced.price_source,
        attempts=attempts,
        duration_ms=round(duration * 1e3),
        first_output_ms=None if run.first_output is None else round((run.first_output - run.arrived) * 1e3),
    )


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
