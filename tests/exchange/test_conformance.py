"""Schemas of strangers: which are taken, how much work they are, and that none holds up the process."""

import asyncio
from contextlib import suppress
from typing import Any

import orjson
import pytest

from proxy.exchange import conformance
from proxy.exchange.conformance import MAX_LEVELS, NO_WORK, Checker, UnusableSchemaError, Violation, checker, work_of
from proxy.responses.errors import ResponsesError

SLOTS = asyncio.Semaphore(2)


async def conforms(schema: dict[str, Any], value: object) -> bool:
    made = await checker(schema, asyncio.Semaphore(1))
    return await made.check(orjson.dumps(value).decode(), value) is None


def multiplying(levels: int, keyword: str = "anyOf", place: str = "$defs") -> dict[str, Any]:
    """Each definition has the next one twice."""
    definitions: dict[str, Any] = {
        f"d{level}": {keyword: [{"$ref": f"#/{place}/d{level + 1}"}] * 2} for level in range(levels)
    }
    return {place: {**definitions, f"d{levels}": {"type": "integer"}}, "$ref": f"#/{place}/d0"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "string", "pattern": "^[0-9]+$"},
        {"$anchor": "here", "type": "integer"},
        {"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"},
        {"type": "object", "unevaluatedProperties": False, "properties": {"a": {}}},
    ],
)
async def test_what_conforms_is_told_from_what_does_not(schema: dict[str, Any]) -> None:
    right: object = {"integer": 1, "string": "1", "object": {"a": 1}}[schema["type"]]
    wrong: object = {"integer": "1", "string": "a", "object": {"b": 1}}[schema["type"]]
    assert await conforms(schema, right)
    assert not await conforms(schema, wrong)


async def test_formats_are_checked_and_unknown_ones_are_not() -> None:
    assert await conforms({"format": "date"}, "2026-11-23")
    assert not await conforms({"format": "date"}, "today")
    assert await conforms({"format": "poem"}, "today")


async def test_older_drafts_mean_what_they_meant() -> None:
    pair = {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", **pair}
    assert await conforms(draft7, [1, "a"])
    assert not await conforms(draft7, ["a", 1])
    with pytest.raises(UnusableSchemaError):
        await checker(pair, SLOTS)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/x"},
        {"$ref": "file:///etc/passwd"},
        {"$id": "http://127.0.0.1:1/", "$ref": "other"},
        {"$dynamicRef": "http://127.0.0.1:1/#x"},
        {"$schema": "http://127.0.0.1:1/meta"},
        {"$ref": "#/$defs/x"},
        {"$ref": "#/prefixItems/" + "9" * 5000, "prefixItems": [{}]},
        {"type": "text"},
        {"pattern": "(?<=a)b"},
        {"pattern": "a{1,1000}{1,1000}{1,1000}"},
        {"patternProperties": {"(": {}}},
    ],
)
async def test_what_cannot_be_held_against_anything_is_no_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(UnusableSchemaError) as caught:
        await checker(schema, SLOTS)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("schema", "work"),
    [
        ({}, (1, False)),
        ({"type": "integer"}, (2, False)),
        ({"properties": {"a": {"type": "string"}}}, (4, False)),
        ({"$defs": {"a": {"type": "string"}}}, (1, False)),
        ({"$ref": "#"}, (3, True)),
        (multiplying(1), (12, False)),
        ({"properties": {"pattern": {}, "format": {}, "$ref": {}}}, (5, False)),
        ({"pattern": "a"}, None),
        ({"items": {"format": "regex"}}, None),
        ({"items": {"$id": "x"}}, None),
        ({"$ref": "#anchor"}, None),
        ({"$schema": "urn:x"}, None),
    ],
)
def test_the_work_is_the_size_with_references_followed(schema: dict[str, Any], work: tuple[int, bool] | None) -> None:
    assert work_of(schema) == work


def escaped() -> dict[str, Any]:
    """References to the same definition, each written differently."""
    schema = multiplying(40)
    schema["$defs"]["d0"]["anyOf"] = [{"$ref": "#/%24defs/d1"}, {"$ref": "#/$defs/d%31"}]
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        multiplying(40),
        multiplying(40, place="definitions"),
        {"properties": {"definitions": multiplying(40)["$defs"]["d0"]}, "$defs": multiplying(40)["$defs"]},
        escaped(),
    ],
)
def test_references_that_multiply_are_counted_however_they_are_written(schema: dict[str, Any]) -> None:
    work = work_of(schema)
    assert work is not None
    assert work.visits > 2**40


def test_a_deep_schema_is_not_followed_to_its_end() -> None:
    chain = {f"d{level}": {"$ref": f"#/$defs/d{level + 1}"} for level in range(100_000)}
    assert work_of({"$defs": chain, "$ref": "#/$defs/d0"}) is None
    deep: dict[str, Any] = {}
    for _ in range(MAX_LEVELS + 1):
        deep = {"not": deep}
    assert work_of(deep) is None


async def test_a_recursive_schema_is_checked_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_WORKER", "/nothing/there")
    twice = {"properties": {"a": {"$ref": "#"}}, "allOf": [{"properties": {"a": {"$ref": "#"}}}]}
    value: object = {}
    for _ in range(90):
        value = {"a": value}
    assert await conforms(twice, value)


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
async def test_alternatives_that_multiply_end_in_time(keyword: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "WORKER_SECONDS", 0.5)
    made = await checker(multiplying(60, keyword), SLOTS)
    for text in ("1", '"x"'):
        # Which of the two, depends on the machine.
        with suppress(ResponsesError):
            found = await made.check(text, orjson.loads(text))
            assert found is None or isinstance(found, Violation)


async def test_a_pattern_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "WORKER_SECONDS", 0.5)
    made = await checker({"pattern": "(a{0,300}){0,40}[^a]"}, SLOTS)
    text = '"' + "a" * 400_000 + '"'
    with pytest.raises(ResponsesError) as caught:
        await made.check(text, orjson.loads(text))
    assert (caught.value.status, caught.value.code) == (502, "invalid_structured_output")


async def test_a_large_answer_is_checked_elsewhere() -> None:
    schema = {"type": "array", "items": {"anyOf": [{"const": number} for number in range(300)]}}
    made = await checker(schema, SLOTS)
    value = [299] * 8000
    assert await made.check(orjson.dumps(value).decode(), value) is None
    value[4321] = -1
    found = await made.check(orjson.dumps(value).decode(), value)
    assert found is not None
    assert found.pointer == "/4321"


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
async def test_what_is_too_deep_for_the_stack_ends_the_other_process_alone(keyword: str) -> None:
    definitions: dict[str, Any] = {
        f"d{level}": {keyword: [{"type": "string"}, {"$ref": f"#/$defs/d{level + 1}"}]} for level in range(60)
    }
    schema = {"$defs": {**definitions, "d60": {"items": {"$ref": "#/$defs/d0"}}}, "$ref": "#/$defs/d0"}
    assert await conforms(schema, [[[]]])
    long = {f"e{level}": {keyword: [{"type": "string"}, {"$ref": f"#/$defs/e{level + 1}"}]} for level in range(1000)}
    made = await checker({"$defs": {**long, "e1000": {"items": {"$ref": "#/$defs/e0"}}}, "$ref": "#/$defs/e0"}, SLOTS)
    text = "[" * 1000 + "]" * 1000
    with pytest.raises(ResponsesError) as caught:
        await made.check(text, orjson.loads(text))
    assert (caught.value.status, caught.value.code) == (502, "invalid_structured_output")


async def test_a_deep_answer_to_a_small_schema_conforms() -> None:
    made = await checker({"items": {"$ref": "#"}, "type": "array"}, SLOTS)
    text = "[" * 1000 + "]" * 1000
    assert await made.check(text, orjson.loads(text)) is None
    text = "[" * 1000 + "1" + "]" * 1000
    found = await made.check(text, orjson.loads(text))
    assert found is not None
    assert found.pointer.startswith("/0/0")


async def test_the_other_process_has_none_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    program = tmp_path / "told.py"
    program.write_text("import os, sys, json; sys.stdin.read(); print(json.dumps(dict(os.environ)))")
    monkeypatch.setattr(conformance, "_WORKER", program)
    monkeypatch.setenv("SECRET_KEY", "sk-secret")
    [environment] = await conformance._ask_worker(b"{}", SLOTS)
    assert "SECRET_KEY" not in environment


async def test_who_leaves_ends_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    program = tmp_path / "slow.py"
    program.write_text("import sys, time; print('{}', flush=True); time.sleep(60)")
    monkeypatch.setattr(conformance, "_WORKER", program)
    slots = asyncio.Semaphore(1)
    made = Checker(b"{}", slots, None, NO_WORK)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await made.check("1", 1)
    assert not slots.locked()
