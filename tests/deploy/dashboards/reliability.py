"""What fails, what is tried again, what is lost or refused."""

from typing import Final

from tests.deploy.dashboards.cost import counted, or_nothing
from tests.deploy.dashboards.parts import (
    ALL,
    CLIENT,
    COUNT,
    GREEN,
    PER_SECOND,
    PROVIDER,
    RED,
    SHARE,
    YELLOW,
    Query,
    Steps,
    bars,
    dashboard,
    heading,
    lines,
    stat,
    table,
)

_RATE: Final = "[$__rate_interval]"
_FAILURES: Final = 'outcome=~"rate_limited|overloaded|server_error|timeout|connect|cut"'
_WENT: Final = 'outcome!="rejected"'


def _attempts(selected: str, by: str = "") -> str:
    total = f"sum by ({by})" if by else "sum"
    return f"{total} (rate(dragoman_upstream_attempts_total{{{PROVIDER}{selected}}}{_RATE}))"


def _failing(by: str = "") -> str:
    calls = _attempts(', outcome!="cancelled"', by)
    return f"({_attempts(f', {_FAILURES}', by)} or 0 * {calls}) / ({calls} > 0)"


def _again(by: str = "") -> str:
    # Requests have no label that tells how often they were tried: calls by requests, over the same time.
    total = f"sum by ({by})" if by else "sum"
    requests = f"{total} (rate(dragoman_requests_total{{{PROVIDER}, {_WENT}}}{_RATE}))"
    # Rounded, because the two rates are not exactly of the same instants.
    return f"clamp_min(round({_attempts('', by)} / ({requests} > 0), 0.0001) - 1, 0)"


RELIABILITY: Final = dashboard(
    "dragoman-reliability",
    "Dragoman: reliability",
    "What fails, what is tried again, what is lost on the way, and who was refused.",
    "now-3h",
    [
        [
            stat(
                "Requests that succeed",
                f'sum(rate(dragoman_requests_total{{{ALL}, outcome=~"completed|incomplete"}}{_RATE})) '
                f'/ sum(rate(dragoman_requests_total{{{ALL}, outcome!~"rejected|cancelled"}}{_RATE}))',
                SHARE,
                "Of the requests that went to a provider and whose client waited for the end.",
                colours=Steps(RED, ((0.95, YELLOW), (0.99, GREEN))),
                decimals=2,
            ),
            stat(
                "Calls that fail",
                _failing(),
                SHARE,
                "Of the calls to providers: limits, overload, failures, time-outs, broken connections. Clients see "
                "only those that trying again did not help.",
                colours=Steps(GREEN, ((0.02, YELLOW), (0.1, RED))),
                decimals=2,
            ),
            stat(
                "Tried again",
                _again(),
                SHARE,
                "Calls beyond the first, by requests: retries, calls to the next target of a name, repairs of "
                "structured output, and answers that took several calls.",
                colours=Steps(GREEN, ((0.1, YELLOW), (0.5, RED))),
                decimals=2,
            ),
            stat(
                "Refused by limits",
                or_nothing(counted("limited_requests", CLIENT)),
                COUNT,
                "Requests that got a 429 because of their client's budget or limits, in the time that the dashboard "
                "shows.",
            ),
            stat(
                "Store failures",
                "sum(increase(dragoman_store_failures_total[$__range]))",
                COUNT,
                "Times that the store could not be reached, in the time that the dashboard shows.",
                colours=Steps(GREEN, ((1, RED),)),
                decimals=0,
            ),
            stat(
                "Spend rows lost",
                or_nothing(counted("spend_rows", 'result="lost"')),
                COUNT,
                "Rows that `dragoman usage` lacks, because the store was down for too long. The cost dashboard has "
                "them.",
                colours=Steps(GREEN, ((1, RED),)),
            ),
        ],
        heading("Providers"),
        [
            lines(
                "Calls by provider and outcome",
                [Query(_attempts("", "provider, outcome"), "{{provider}}: {{outcome}}")],
                PER_SECOND,
                "Each call to a provider, retries included. client_error: the provider refused the request, or our "
                "credential.",
                stacked=True,
            ),
            lines(
                "Share of calls that fail, by provider",
                [Query(_failing("provider"), "{{provider}}")],
                SHARE,
                "Limits, overload, failures, time-outs, broken connections; an alert fires above 10 % for 5 minutes.",
                limit=1,
                colours=Steps(GREEN, ((0.1, RED),)),
            ),
            lines(
                "Tried again, by provider",
                [Query(_again("provider"), "{{provider}}")],
                SHARE,
                "Calls beyond the first, by requests.",
            ),
        ],
        [
            lines(
                "Requests that do not complete",
                [
                    Query(
                        "sum by (provider, model, outcome) "
                        f'(rate(dragoman_requests_total{{{ALL}, outcome!="completed"}}{_RATE}))',
                        "{{provider}}/{{model}}: {{outcome}}",
                    )
                ],
                PER_SECOND,
                "What clients saw in the end.",
                stacked=True,
            ),
            lines(
                "Operations that fail, by kind of error",
                [
                    Query(
                        "sum by (error_type) (rate(gen_ai_client_operation_duration_seconds_count"
                        f'{{gen_ai_request_model=~"$model", error_type!=""}}{_RATE}))',
                        "{{error_type}}",
                    )
                ],
                PER_SECOND,
                "After all retries. gateway: it failed here, and not at the provider.",
                stacked=True,
            ),
            table(
                "Alerts that fire",
                ("alertname", "severity", "provider", "model", "client", "per", "instance"),
                {
                    "Firing": (
                        "max by (alertname, severity, provider, model, client, per, instance) "
                        '(ALERTS{alertname=~"Dragoman.*", alertstate="firing"})',
                        COUNT,
                    )
                },
                "The rules of deploy/prometheus. Nothing here: nothing fires.",
                height=8,
            ),
        ],
        [
            lines(
                "Targets that are left alone",
                [
                    Query(
                        or_nothing(f'max by (provider, model) (dragoman_breaker_open{{{PROVIDER}, model=~"$model"}})'),
                        "{{provider}}/{{model}}",
                    )
                ],
                COUNT,
                "1: it failed again and again, and its requests go to the next target or get a 503. 0.5: it is tried.",
                limit=1,
                width=12,
            ),
            lines(
                "Refused by the gateway, by reason",
                [Query(f"sum by (reason) (rate(dragoman_refused_requests_total{_RATE}))", "{{reason}}")],
                PER_SECOND,
                "Too much to do: requests at work, connections, calls that wait for a provider, a target that is left "
                "alone; or clients that do not send or do not read.",
                width=12,
            ),
        ],
        heading("Losses and refusals"),
        [
            table(
                "Elements that were not carried as they are",
                ("provider", "element", "disposition"),
                {"Times": (counted("conversions", PROVIDER, "provider, element, disposition"), COUNT)},
                "In the time that the dashboard shows. approximated and ignored change nothing that matters; dropped "
                "was left out and said so; refused was answered with a 400.",
                width=12,
            ),
            bars(
                "Dropped and refused, by element",
                [
                    Query(
                        counted(
                            "conversions",
                            f'{PROVIDER}, disposition=~"dropped|refused"',
                            "element, disposition",
                            "$__interval",
                        ),
                        "{{element}}: {{disposition}}",
                    )
                ],
                COUNT,
                "In each interval.",
                width=12,
            ),
        ],
        [
            bars(
                "Refused by limits, by client",
                [Query(counted("limited_requests", CLIENT, "client, limit", "$__interval"), "{{client}}: {{limit}}")],
                COUNT,
                "429 because of a budget, a model without a price, requests or tokens a minute, or streams at once.",
            ),
            lines(
                "Rows of the spend record",
                [Query(f"sum by (result) (rate(dragoman_spend_rows_total{_RATE}))", "{{result}}")],
                "wps",
                "Written behind; lost are those that the store did not take for too long.",
            ),
            lines(
                "Store failures by replica",
                [Query(f"sum by (instance) (rate(dragoman_store_failures_total{_RATE}))", "{{instance}}")],
                "cps",
                "While the store is down, requests that need it get a 503.",
            ),
        ],
        [
            lines(
                "Stored responses forgotten",
                [Query(f"sum by (reason) (rate(dragoman_store_forgotten_total{_RATE}))", "{{reason}}")],
                "cps",
                "expired: their time was over. size: the store is full, and lets the oldest go early.",
            ),
            lines(
                "Configuration and keys",
                [
                    Query(
                        f'sum by (instance) (rate(dragoman_config_reloads_total{{result="refused"}}{_RATE}))',
                        "{{instance}}: refused",
                    ),
                    Query("max by (setting) (dragoman_key_file_unusable)", "{{setting}}"),
                ],
                COUNT,
                "A changed configuration that is not valid, and key files that cannot be read (1): the old ones hold.",
            ),
            lines(
                "Replicas",
                [Query('sum(up{job="dragoman"})', "up"), Query('count(up{job="dragoman"})', "known")],
                COUNT,
                "Replicas that Prometheus reaches, of those that it knows.",
            ),
        ],
    ],
)
