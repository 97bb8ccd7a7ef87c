"""How much goes through, and how quickly."""

from typing import Final

from tests.deploy.dashboards.parts import (
    ALL,
    COUNT,
    PER_SECOND,
    SECONDS,
    TARGET,
    Query,
    dashboard,
    heading,
    lines,
    quantiles,
    stat,
)

_RATE: Final = "[$__rate_interval]"
_MODEL: Final = 'gen_ai_request_model=~"$model"'
_WRITTEN: Final = 'kind=~"output|reasoning"'

TRAFFIC: Final = dashboard(
    "dragoman-traffic",
    "Dragoman: traffic",
    "How much goes through the gateway, and how quickly.",
    "now-3h",
    [
        [
            stat(
                "Requests",
                f"sum(rate(dragoman_requests_total{{{ALL}}}{_RATE}))",
                PER_SECOND,
                "Requests that ended, a second, whatever became of them.",
            ),
            stat(
                "Tokens",
                f"sum(rate(dragoman_tokens_total{{{ALL}}}{_RATE}))",
                "cps",
                "Tokens of all kinds a second, counted when their request ends.",
            ),
            stat(
                "In flight",
                "sum(dragoman_requests_in_flight)",
                COUNT,
                "Requests at work now, in all replicas. The variables do not select here.",
            ),
            stat("Streams open", "sum(dragoman_streams_open)", COUNT, "Streams at work now, in all replicas."),
            stat(
                "Background runs",
                "sum(dragoman_background_runs)",
                COUNT,
                "Background responses that the replicas work at now.",
            ),
            stat(
                "Overhead p99",
                f"histogram_quantile(0.99, sum by (le) (rate(dragoman_overhead_seconds_bucket{{{TARGET}}}{_RATE})))",
                SECONDS,
                "The gateway's own time: what was not spent waiting for the vendor. 99 of 100 requests take less.",
            ),
        ],
        heading("Requests and tokens"),
        [
            lines(
                "Requests by outcome",
                [Query(f"sum by (outcome) (rate(dragoman_requests_total{{{ALL}}}{_RATE}))", "{{outcome}}")],
                PER_SECOND,
                "incomplete: an output limit or a filter ended the answer. cancelled: the client left. rejected: "
                "refused before it went to a provider.",
                stacked=True,
            ),
            lines(
                "Requests by model",
                [
                    Query(
                        f"sum by (provider, model) (rate(dragoman_requests_total{{{ALL}}}{_RATE}))",
                        "{{provider}}/{{model}}",
                    )
                ],
                PER_SECOND,
                "The vendor's model. none: rejected. other: a name that nobody configured and no vendor answered for.",
                stacked=True,
            ),
            lines(
                "Requests by client",
                [Query(f"sum by (client) (rate(dragoman_requests_total{{{ALL}}}{_RATE}))", "{{client}}")],
                PER_SECOND,
                "Clients by the names of the configuration.",
                stacked=True,
            ),
        ],
        [
            lines(
                "Tokens by kind",
                [Query(f"sum by (kind) (rate(dragoman_tokens_total{{{ALL}}}{_RATE}))", "{{kind}}")],
                "cps",
                "The kinds are disjoint: input is neither read from a cache nor written to one, output is without "
                "reasoning.",
                stacked=True,
            ),
            lines(
                "Tokens by source",
                [Query(f"sum by (source) (rate(dragoman_tokens_total{{{ALL}}}{_RATE}))", "{{source}}")],
                "cps",
                "provider: the vendor reported them. estimated: it did not, they were counted here.",
                stacked=True,
            ),
            lines(
                "Tokens of a response",
                [
                    Query(
                        f"histogram_quantile({share}, sum by (le, gen_ai_token_type) "
                        f"(rate(gen_ai_client_token_usage_bucket{{{_MODEL}}}{_RATE})))",
                        f"{{{{gen_ai_token_type}}}} p{share * 100:g}",
                    )
                    for share in (0.5, 0.95)
                ],
                COUNT,
                "How long prompts and answers are. The buckets grow by four: read it as an order of magnitude.",
            ),
        ],
        heading("Speed"),
        [
            lines(
                "Time to first token",
                quantiles("dragoman_time_to_first_token_seconds", TARGET, 0.5, 0.95, 0.99),
                SECONDS,
                "Streams: from the request's arrival to the first output, retries included.",
            ),
            lines(
                "Duration",
                quantiles("dragoman_request_seconds", TARGET, 0.5, 0.95, 0.99),
                SECONDS,
                "From the request's arrival to the end of its answer.",
            ),
            lines(
                "Overhead",
                quantiles("dragoman_overhead_seconds", TARGET, 0.5, 0.99),
                SECONDS,
                "The gateway's own time in a request: all but waiting for the vendor.",
            ),
        ],
        [
            lines(
                "Output tokens per second",
                [
                    Query(
                        f"sum by (provider, model) (rate(dragoman_tokens_total{{{TARGET}, {_WRITTEN}}}{_RATE})) "
                        f"/ (sum by (provider, model) (rate(dragoman_request_seconds_sum{{{TARGET}}}{_RATE})) > 0)",
                        "{{provider}}/{{model}}",
                    )
                ],
                "cps",
                "How quickly a model writes: its output and reasoning, by the seconds that its requests took in all; "
                "of all clients, because durations are not told apart by client.",
            ),
            lines(
                "Time between pieces",
                quantiles("gen_ai_client_operation_time_per_output_chunk_seconds", _MODEL, 0.5, 0.95),
                SECONDS,
                "In streams: from one piece of the output to the next.",
            ),
            lines(
                "First piece at the provider",
                quantiles("gen_ai_client_operation_time_to_first_chunk_seconds", _MODEL, 0.5, 0.95),
                SECONDS,
                "Streams: from the first call to the provider to its first output.",
            ),
        ],
        heading("At work"),
        [
            lines(
                "In flight, over time",
                [
                    Query("sum(dragoman_requests_in_flight)", "requests"),
                    Query("sum(dragoman_streams_open)", "streams"),
                    Query("sum(dragoman_background_runs)", "background"),
                ],
                COUNT,
                "At the moment of each scrape, in all replicas.",
            ),
            lines(
                "Requests by replica",
                [Query(f"sum by (instance) (rate(dragoman_requests_total{{{ALL}}}{_RATE}))", "{{instance}}")],
                PER_SECOND,
                "How evenly the load balancer spreads them.",
            ),
            lines(
                "Uptime by replica",
                [Query("time() - dragoman_start_time_seconds", "{{instance}}")],
                SECONDS,
                "A line that falls is a process that began again.",
            ),
        ],
    ],
)
