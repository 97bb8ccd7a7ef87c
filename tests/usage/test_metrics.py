"""Metrics: the names and labels that dashboards rely upon, and values that cannot grow without bound."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from proxy.provider.conversions import approximated, dropped, ignored
from proxy.provider.errors import ERROR_RULES, Outcome
from proxy.responses.usage import TokenCount
from proxy.usage.metrics import KINDS, MAX_LEARNED_MODELS, Metrics, RequestOutcome, disjoint

COUNT = TokenCount(
    input_tokens=100,
    cached_tokens=30,
    cache_write_tokens=20,
    cache_write_1h_tokens=5,
    output_tokens=50,
    reasoning_tokens=40,
)


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The values of a series by their labels' values, in the order of the labels' names."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name == name
    }


def labels(metrics: Metrics, name: str) -> set[str]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {label for family in families for sample in family.samples if sample.name == name for label in sample.labels}


def used() -> Metrics:
    metrics = Metrics()
    metrics.know_model("lab", "qwen3")
    series = metrics.series("lab", "qwen3", "shop", vendor_accepted=False)
    series.count_request("completed")
    series.count_tokens(COUNT, "provider")
    for histogram in (series.duration, series.ttft, series.overhead):
        histogram.observe(0.5)
    metrics.count_attempt("lab", "ok")
    metrics.count_conversion("lab", dropped("tools[2]", "reason"))
    metrics.in_flight.inc()
    metrics.streams_open.inc()
    return metrics


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dragoman_requests_total", {"provider", "model", "client", "outcome"}),
        ("dragoman_tokens_total", {"provider", "model", "client", "kind", "source"}),
        ("dragoman_request_seconds_bucket", {"provider", "model", "le"}),
        ("dragoman_time_to_first_token_seconds_bucket", {"provider", "model", "le"}),
        ("dragoman_overhead_seconds_bucket", {"provider", "model", "le"}),
        ("dragoman_upstream_attempts_total", {"provider", "outcome"}),
        ("dragoman_conversions_total", {"provider", "element", "disposition"}),
    ],
)
def test_names_and_labels_are_those_of_the_dashboards(name: str, expected: set[str]) -> None:
    assert labels(used(), name) == expected


def test_gauges_have_no_labels() -> None:
    metrics = used()
    assert samples(metrics, "dragoman_requests_in_flight") == {(): 1.0}
    assert samples(metrics, "dragoman_streams_open") == {(): 1.0}


def test_the_values_of_the_closed_labels() -> None:
    assert KINDS == ("input", "cache_read", "cache_write", "output", "reasoning")
    assert set(get_args(RequestOutcome)) == {"completed", "incomplete", "failed", "cancelled", "rejected"}
    assert set(get_args(Outcome)) >= {rule.outcome for rule in ERROR_RULES.values()}


# --- tokens -----------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 10**9)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS))
def test_the_kinds_are_disjoint_and_sum_to_the_total(read: tuple[int, int, int], written: tuple[int, int]) -> None:
    fresh, cached, cache_write = read
    visible, reasoning = written
    count = TokenCount(sum(read), cached, cache_write, 0, sum(written), reasoning)
    assert disjoint(count) == (fresh, cached, cache_write, visible, reasoning)
    assert sum(disjoint(count)) == count.total_tokens


def test_tokens_are_counted_by_kind_and_source() -> None:
    metrics = used()
    metrics.series("lab", "qwen3", "shop", vendor_accepted=True).count_tokens(COUNT, "estimated")
    by_kind = {
        (kind, source): value for (_, kind, _, _, source), value in samples(metrics, "dragoman_tokens_total").items()
    }
    for source in ("provider", "estimated"):
        assert [by_kind[kind, source] for kind in KINDS] == [50, 30, 20, 10, 40]


def test_tokens_of_one_source_make_no_series_of_the_other() -> None:
    assert {key[4] for key in samples(used(), "dragoman_tokens_total")} == {"provider"}


# --- models -----------------------------------------------------------------------------------------------------------


def count(metrics: Metrics, model: str, *, accepted: bool, provider: str = "lab") -> None:
    metrics.series(provider, model, "default", vendor_accepted=accepted).count_request("completed")


def counted_models(metrics: Metrics) -> set[str]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        sample.labels["model"]
        for family in families
        for sample in family.samples
        if sample.name == "dragoman_requests_total"
    }


def test_a_configured_model_has_a_series_before_any_vendor_accepted_it() -> None:
    metrics = Metrics()
    metrics.know_model("lab", "qwen3")
    count(metrics, "qwen3", accepted=False)
    assert counted_models(metrics) == {"qwen3"}


def test_an_unknown_model_has_a_name_only_after_a_vendor_accepted_it() -> None:
    metrics = Metrics()
    count(metrics, "made-up", accepted=False)
    assert counted_models(metrics) == {"other"}
    count(metrics, "made-up", accepted=True)
    count(metrics, "made-up", accepted=False)
    assert counted_models(metrics) == {"other", "made-up"}


def test_no_more_than_some_models_are_learned() -> None:
    metrics = Metrics()
    for number in range(MAX_LEARNED_MODELS + 50):
        count(metrics, f"model-{number}", accepted=True)
    assert len(counted_models(metrics)) == MAX_LEARNED_MODELS + 1
    metrics.know_model("lab", "configured")
    count(metrics, "configured", accepted=False)
    assert "configured" in counted_models(metrics)


def test_names_that_were_never_accepted_leave_nothing_behind() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.series("lab", f"made-up-{number}", "default", vendor_accepted=False)
    assert len(metrics._series) == 1


def test_a_series_is_made_once() -> None:
    metrics = Metrics()
    metrics.know_model("lab", "qwen3")
    one = metrics.series("lab", "qwen3", "shop", vendor_accepted=True)
    assert metrics.series("lab", "qwen3", "shop", vendor_accepted=False) is one
    assert metrics.series("lab", "qwen3", "desk", vendor_accepted=False) is not one


# --- requests, attempts, conversions ----------------------------------------------------------------------------------


def test_a_rejected_request_has_neither_provider_nor_model() -> None:
    metrics = Metrics()
    metrics.count_rejected("shop")
    assert samples(metrics, "dragoman_requests_total") == {("shop", "none", "rejected", "none"): 1.0}


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_attempts_are_counted_by_outcome(outcome: Any) -> None:
    metrics = Metrics()
    metrics.count_attempt("lab", outcome)
    metrics.count_attempt("lab", outcome)
    assert samples(metrics, "dragoman_upstream_attempts_total") == {(outcome, "lab"): 2.0}


def test_conversions_are_counted_without_their_indexes() -> None:
    metrics = Metrics()
    metrics.count_conversion("lab", dropped("tools[2]", "r"))
    metrics.count_conversion("lab", dropped("tools[17]", "r"))
    metrics.count_conversion("lab", ignored("input[3].content[0].detail"))
    metrics.count_conversion("lab", approximated("text.format.schema", "r"))
    metrics.count_refusal("lab", "input[0].content[1]")
    assert samples(metrics, "dragoman_conversions_total") == {
        ("dropped", "tools", "lab"): 2.0,
        ("ignored", "input.content.detail", "lab"): 1.0,
        ("approximated", "text.format.schema", "lab"): 1.0,
        ("refused", "input.content", "lab"): 1.0,
    }


@given(st.text(max_size=40))
def test_an_element_that_is_not_in_the_table_is_other(path: str) -> None:
    metrics = Metrics()
    metrics.count_refusal("lab", f"unheard.{path}")
    assert samples(metrics, "dragoman_conversions_total") == {("refused", "other", "lab"): 1.0}


def test_processes_do_not_share_their_numbers() -> None:
    one, other = used(), Metrics()
    assert samples(other, "dragoman_requests_total") == {}
    assert one.registry is not other.registry


def test_parts_of_answers_without_a_form_have_few_names() -> None:
    metrics = Metrics()
    assert metrics.count_unmapped("p", "content_block.unknown") == "output.content_block.unknown"
    assert metrics.count_unmapped("p", "Not a name!") == "output.other"
    found = {metrics.count_unmapped("p", f"made.up.{number}") for number in range(300)}
    assert "output.other" in found
    assert len(found) <= 101
    assert b'element="output.content_block.unknown"' in metrics.render()
