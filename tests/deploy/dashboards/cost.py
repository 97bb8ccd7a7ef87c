"""What was spent, on what, and what is not known of it."""

from typing import Final

from tests.deploy.dashboards.parts import (
    ALL,
    CLIENT,
    COUNT,
    DOLLARS,
    GREEN,
    RED,
    SHARE,
    TARGET,
    YELLOW,
    Query,
    Steps,
    bars,
    dashboard,
    gauges,
    heading,
    lines,
    stat,
    table,
)

_INPUT: Final = f'{ALL}, kind=~"input|cache_read|cache_write"'
_CACHED: Final = f'{ALL}, kind="cache_read"'
_WRITTEN: Final = f'{ALL}, kind=~"output|reasoning"'
_WENT: Final = f'{ALL}, outcome!="rejected"'
_EACH: Final = "client, provider, model"
_MINUTE: Final = "Counted in each minute, up to two minutes ago; the first request of a model and restarts are in it."


def counted(name: str, selected: str, by: str = "", over: str = "$__range") -> str:
    """The exact number of what was counted in a time, from the recorded minutes. What is not recorded, in the first two
    minutes and without the rules, is what the processes have counted since they began."""
    total = f"sum by ({by})" if by else "sum"
    recorded = f"{total} (sum_over_time(dragoman:{name}:increase1m{{{selected}}}[{over}]))"
    counter = f"dragoman_{name}{'' if name == 'cache_saved_usd' else '_total'}{{{selected}}}"
    # Increases of raw counters over a month would be more samples than Prometheus reads.
    raw = counter if over == "$__range" else f"increase({counter}[{over}])"
    return f"({recorded} or {total} ({raw}))"


def or_nothing(expr: str) -> str:
    """Zero where nothing was counted yet."""
    return f"{expr} or vector(0)"


_SPENT: Final = counted("cost_usd", ALL)
_UNPRICED: Final = counted("unpriced_tokens", TARGET)

COST: Final = dashboard(
    "dragoman-cost",
    "Dragoman: cost",
    "What was spent, by whom and on what. Days and months are those of UTC. `dragoman usage` has the same, row by row.",
    "now-24h",
    [
        [
            stat("Today", or_nothing(_SPENT), DOLLARS, f"Spent since midnight, UTC. {_MINUTE}", since="now/d"),
            stat(
                "This month", or_nothing(_SPENT), DOLLARS, f"Spent since the month began, UTC. {_MINUTE}", since="now/M"
            ),
            stat(
                "Forecast for the month",
                f"({or_nothing(_SPENT)}) / $__range_s * days_in_month() * 86400",
                DOLLARS,
                "What the month will cost if it goes on as it did so far: spent, by the time that has passed, times "
                "its length. In the first days, and where Prometheus watches for less than the month, it says little.",
                since="now/M",
            ),
            stat(
                "Cost of 1,000 requests",
                f"1000 * {_SPENT} / {counted('requests', _WENT)}",
                DOLLARS,
                "In the time that the dashboard shows. Requests that were refused before they went anywhere are not "
                "counted.",
            ),
        ],
        [
            stat(
                "Cached share of input",
                f"{counted('tokens', _CACHED)} / {counted('tokens', _INPUT)}",
                SHARE,
                "Of the input tokens in the time that the dashboard shows, those that were read from a vendor's cache.",
                decimals=1,
            ),
            stat(
                "Saved by caching",
                or_nothing(counted("cache_saved_usd", ALL)),
                DOLLARS,
                "What reading from the caches spared against the price of input, less what writing to them cost "
                "beyond it. Below zero: more was written than was read again.",
                colours=Steps(RED, ((0, GREEN),)),
            ),
            stat(
                "Estimated share of spend",
                f"({or_nothing(counted('estimated_cost_usd', ALL))}) / {_SPENT}",
                SHARE,
                "The part of the cost whose tokens no vendor reported: they were counted here.",
                colours=Steps(GREEN, ((0.01, YELLOW), (0.1, RED))),
                decimals=1,
            ),
            stat(
                "Unpriced tokens",
                or_nothing(_UNPRICED),
                COUNT,
                "Tokens of models without a price: they cost something, and are in no number above. Write their "
                "prices into the configuration.",
                colours=Steps(GREEN, ((1, RED),)),
            ),
        ],
        heading("Where it goes"),
        [
            bars(
                f"Spend by {label}",
                [Query(counted("cost_usd", ALL, label, "$__interval"), f"{{{{{label}}}}}")],
                DOLLARS,
                f"Spent in each interval; the legend has the sums of the time that is shown. {_MINUTE}",
            )
            for label in ("client", "model", "provider")
        ],
        [
            table(
                "Spend by client, provider and model",
                ("client", "provider", "model"),
                {
                    "Cost": (counted("cost_usd", ALL, _EACH), DOLLARS),
                    "Share": (
                        f"{counted('cost_usd', ALL, _EACH)} / on () group_left () {_SPENT}",
                        SHARE,
                    ),
                    "Requests": (
                        counted("requests", _WENT, _EACH),
                        COUNT,
                    ),
                    "Input": (counted("tokens", _INPUT, _EACH), COUNT),
                    "of it cached": (counted("tokens", _CACHED, _EACH), COUNT),
                    "Output": (
                        counted("tokens", _WRITTEN, _EACH),
                        COUNT,
                    ),
                    "Saved": (counted("cache_saved_usd", ALL, _EACH), DOLLARS),
                    "Estimated": (counted("estimated_cost_usd", ALL, _EACH), DOLLARS),
                },
                "In the time that the dashboard shows. A line without a cost is a model without a price, or requests "
                "that cost nothing.",
            )
        ],
        heading("Budgets"),
        [
            gauges(
                "Budget used",
                Query(
                    f"max by (client, per) (dragoman_budget_spent_usd{{{CLIENT}}}) "
                    f"/ (max by (client, per) (dragoman_budget_limit_usd{{{CLIENT}}}) > 0)",
                    "{{client}} per {{per}}",
                ),
                "What each client has spent of its budget in the current day, month, or in all; at 100 % it gets a "
                "429.",
                Steps(GREEN, ((0.8, YELLOW), (1, RED))),
                width=10,
            ),
            table(
                "Budgets, in USD",
                ("client", "per"),
                {
                    "Spent": (f"max by (client, per) (dragoman_budget_spent_usd{{{CLIENT}}})", DOLLARS),
                    "Limit": (f"max by (client, per) (dragoman_budget_limit_usd{{{CLIENT}}})", DOLLARS),
                    "Left": (
                        f"max by (client, per) (dragoman_budget_limit_usd{{{CLIENT}}}) "
                        f"- max by (client, per) (dragoman_budget_spent_usd{{{CLIENT}}})",
                        DOLLARS,
                    ),
                },
                "The current day, month (UTC), or all. What requests at work have set aside is not in it.",
                width=14,
                height=8,
            ),
        ],
        heading("What is not known, and what was saved"),
        [
            lines(
                "Cached share of input by model",
                [
                    Query(
                        f"{counted('tokens', _CACHED, 'provider, model', '1h')} "
                        f"/ ({counted('tokens', _INPUT, 'provider, model', '1h')} > 0)",
                        "{{provider}}/{{model}}",
                    )
                ],
                SHARE,
                "Over the hour before each point.",
                limit=1,
            ),
            bars(
                "Saved by caching, by model",
                [Query(counted("cache_saved_usd", ALL, "provider, model", "$__interval"), "{{provider}}/{{model}}")],
                DOLLARS,
                "In each interval. Bars below zero: the cache was filled.",
            ),
            bars(
                "Spend by source of the price",
                [Query(counted("cost_usd", ALL, "price_source", "$__interval"), "{{price_source}}")],
                DOLLARS,
                "config: prices that the operator wrote. catalogue: public list prices, which may not be what you pay.",
            ),
        ],
        [
            table(
                "Unpriced tokens by model",
                ("provider", "model"),
                {"Tokens": (counted("unpriced_tokens", TARGET, "provider, model"), COUNT)},
                "In the time that the dashboard shows: providers.PROVIDER.models.MODEL.price is missing.",
                height=7,
            ),
            table(
                "Estimated tokens by model",
                ("provider", "model"),
                {"Tokens": (counted("tokens", f'{ALL}, source="estimated"', "provider, model"), COUNT)},
                "In the time that the dashboard shows: the vendor did not report them, or the answer was cut before "
                "it did.",
                height=7,
            ),
        ],
    ],
)
