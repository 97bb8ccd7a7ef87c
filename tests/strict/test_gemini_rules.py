"""Every rule of the strict Gemini fires on a request that breaks it, and none on one that breaks nothing."""

import copy
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.strict import gemini
from tests.strict.complaint import Complaint, Request
from tests.strict.gemini_contents import DATA
from tests.strict.gemini_signatures import PLACEHOLDERS, GivenStep, given_by
from tests.vendors.script import Called, Turn

Body = dict[str, Any]
Damage = Callable[[Body], object]

KEY: Final = "sk-right"
MODEL: Final = "gemini-3.5-flash"
SIGNATURE: Final = "c2lnbmF0dXJlLW9uZQ=="
OTHER: Final = "c2lnbmF0dXJlLXR3bw=="
PNG: Final = {"mimeType": "image/png", "data": "aGk="}

TURN: Final = Turn(
    calls=(Called("wx", ('{"city": "Oslo"}',), id="f1"), Called("wx", ('{"city": "Rome"}',), id="f2")),
    signature=SIGNATURE,
)
GIVEN: Final = (given_by(TURN, streamed=False),)

GOOD: Final[Body] = {
    "systemInstruction": {"parts": [{"text": "Be brief"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}, {"inlineData": PNG}]},
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"id": "f1", "name": "wx", "args": {"city": "Oslo"}},
                    "thoughtSignature": SIGNATURE,
                },
                {"functionCall": {"id": "f2", "name": "wx", "args": {"city": "Rome"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "f1", "name": "wx", "response": {"output": "3 C"}}},
                {"functionResponse": {"id": "f2", "name": "wx", "response": {"output": "17 C"}}},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "wx",
                    "description": "Weather",
                    "parametersJsonSchema": {
                        "type": "object",
                        "properties": {
                            "city": {"type": "string", "description": "Where"},
                            "const": {"type": ["integer", "null"], "minimum": 0},
                            "$comment": {"$ref": "#/$defs/node"},
                        },
                        "required": ["city"],
                        "additionalProperties": False,
                        "$defs": {
                            "node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}},
                        },
                    },
                }
            ]
        }
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["wx"]}},
    "generationConfig": {
        "maxOutputTokens": 100,
        "temperature": 2,
        "topP": 0.5,
        "responseLogprobs": True,
        "logprobs": 20,
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
    },
    "serviceTier": "flex",
    "safetySettings": None,
}


def found(
    body: object,
    *,
    model: str = MODEL,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    given: tuple[GivenStep, ...] = GIVEN,
) -> list[Complaint]:
    address = path or f"/v1beta/models/{model}:generateContent"
    known = {"x-goog-api-key": KEY} if headers is None else headers
    return gemini.complaints(Request(address, known, body), KEY, given)


def damaged(damage: Damage) -> Body:
    body = copy.deepcopy(GOOD)
    damage(body)
    return body


def part(body: Body, content: int, index: int) -> Body:
    written: Body = body["contents"][content]["parts"][index]
    return written


def call(body: Body) -> Body:
    written: Body = part(body, 1, 0)["functionCall"]
    return written


def response(body: Body) -> Body:
    written: Body = part(body, 2, 0)["functionResponse"]
    return written


def declaration(body: Body) -> Body:
    written: Body = body["tools"][0]["functionDeclarations"][0]
    return written


def schema(body: Body) -> Body:
    written: Body = declaration(body)["parametersJsonSchema"]
    return written


def generation(**members: Any) -> Damage:
    return lambda body: body["generationConfig"].update(members)


def thinking(**members: Any) -> Damage:
    return generation(thinkingConfig=members)


def calling(**members: Any) -> Damage:
    return lambda body: body["toolConfig"].update(functionCallingConfig=members)


def both(*damages: Damage) -> Damage:
    return lambda body: [damage(body) for damage in damages]


def without_tools(body: Body) -> None:
    del body["tools"], body["toolConfig"]


def older(body: Body) -> None:
    """What no model before Gemini 3 takes is left out."""
    del body["generationConfig"]["thinkingConfig"]


JSON_SCHEMA: Final = {"type": "object", "properties": {}}

#: One damage a rule, and the model that it is seen at.
DAMAGES: Final[Mapping[str, tuple[Damage, str]]] = {
    "not-an-object": (lambda body: None, ""),
    "unknown-member": (generation(store=True), MODEL),
    "wrong-kind": (lambda body: response(body).update(response="3 C"), MODEL),
    "service-tier": (lambda body: body.update(serviceTier="fast"), MODEL),
    "candidate-count": (generation(candidateCount=2), MODEL),
    "max-output-tokens": (generation(maxOutputTokens=0), MODEL),
    "temperature": (generation(temperature=2.1), MODEL),
    "top-p": (generation(topP=-0.1), MODEL),
    "logprobs": (generation(logprobs=21), MODEL),
    "logprobs-alone": (generation(responseLogprobs=False), MODEL),
    "response-mime-type": (generation(responseMimeType="text/html"), MODEL),
    "response-schema-type": (generation(responseJsonSchema=JSON_SCHEMA), MODEL),
    "response-schema-twice": (
        generation(responseJsonSchema=JSON_SCHEMA, responseSchema={}, responseMimeType="application/json"),
        MODEL,
    ),
    "response-schema-tools": (
        generation(
            responseJsonSchema=JSON_SCHEMA, responseMimeType="application/json", thinkingConfig={"thinkingBudget": -1}
        ),
        "gemini-2.5-flash",
    ),
    "thinking-unsupported": (thinking(includeThoughts=True), "gemini-2.0-flash"),
    "thinking-both": (thinking(thinkingLevel="LOW", thinkingBudget=-1), MODEL),
    "thinking-level": (thinking(thinkingLevel="MEDIUM"), "gemini-3-pro-preview"),
    "thinking-budget-unsupported": (thinking(thinkingBudget=1024), MODEL),
    "thinking-budget": (thinking(thinkingBudget=0), "gemini-2.5-pro"),
    "contents-empty": (lambda body: body.update(contents=[]), MODEL),
    "role": (lambda body: body["contents"][0].update(role="system"), MODEL),
    "first-role": (lambda body: body["contents"].insert(0, {"role": "model", "parts": [{"text": "Hi"}]}), MODEL),
    "parts-empty": (lambda body: body["contents"][0].update(parts=[]), MODEL),
    "part-empty": (lambda body: body["contents"][0]["parts"].append({}), MODEL),
    "part-twice": (lambda body: part(body, 0, 0).update(inlineData=PNG), MODEL),
    "text-empty": (lambda body: part(body, 0, 0).update(text=""), MODEL),
    "part-role": (lambda body: part(body, 0, 0).update(thought=True), MODEL),
    "call-position": (
        lambda body: body["contents"].insert(1, {"role": "model", "parts": [{"text": "Let me see."}]}),
        MODEL,
    ),
    "response-position": (
        lambda body: body["contents"].insert(2, {"role": "user", "parts": [{"text": "And?"}]}),
        MODEL,
    ),
    "response-count": (lambda body: body["contents"][2]["parts"].pop(), MODEL),
    "response-name": (lambda body: response(body).update(name="xw"), MODEL),
    "response-id": (lambda body: body["contents"][2]["parts"].reverse(), MODEL),
    "response-mixed": (lambda body: body["contents"][2]["parts"].append({"text": "And?"}), MODEL),
    "response-missing": (lambda body: response(body).pop("response"), MODEL),
    "response-reference": (lambda body: response(body).update(response={"a": [{"$ref": "#/b"}]}), MODEL),
    "response-media": (
        lambda body: response(body).update(parts=[{"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}]),
        MODEL,
    ),
    "media-type": (lambda body: part(body, 0, 1).update(inlineData={**PNG, "mimeType": "image/gif"}), MODEL),
    "media-empty": (lambda body: part(body, 0, 1).update(inlineData={**PNG, "data": ""}), MODEL),
    "file-uri": (
        lambda body: body["contents"][0]["parts"].append({"fileData": {"fileUri": "gs://bucket/a.pdf"}}),
        MODEL,
    ),
    "tool-empty": (lambda body: body["tools"].append({"functionDeclarations": []}), MODEL),
    "function-name": (lambda body: declaration(body).update(name="1x"), MODEL),
    "function-duplicate": (lambda body: body["tools"].append(body["tools"][0]), MODEL),
    "parameters-twice": (lambda body: declaration(body).update(parameters={"type": "OBJECT"}), MODEL),
    "parameters-type": (lambda body: schema(body).update(type="array"), MODEL),
    "schema-keyword": (lambda body: schema(body)["properties"]["city"].update(const="Oslo"), MODEL),
    "schema-type": (lambda body: schema(body)["properties"]["city"].update(type="text"), MODEL),
    "schema-reference": (lambda body: schema(body).pop("$defs"), MODEL),
    "schema-recursion": (lambda body: schema(body)["$defs"]["node"].update(required=["next"]), MODEL),
    "hosted-with-functions": (both(older, lambda body: body["tools"].append({"googleSearch": {}})), "gemini-2.5-pro"),
    "server-side-missing": (lambda body: body["tools"].append({"googleSearch": {}}), MODEL),
    "server-side-unsupported": (
        lambda body: body["toolConfig"].update(includeServerSideToolInvocations=True),
        "gemini-2.5-pro",
    ),
    "config-without-functions": (lambda body: body.pop("tools"), MODEL),
    "calling-mode": (calling(mode="MUST"), MODEL),
    "allowed-names-mode": (calling(mode="AUTO", allowedFunctionNames=["wx"]), MODEL),
    "allowed-names-unknown": (calling(mode="ANY", allowedFunctionNames=["wx", "xw"]), MODEL),
    "allowed-names-empty": (calling(mode="ANY", allowedFunctionNames=[]), MODEL),
    "signature-missing": (lambda body: part(body, 1, 0).pop("thoughtSignature"), MODEL),
    "signature-corrupted": (lambda body: part(body, 1, 0).update(thoughtSignature=OTHER), MODEL),
    "signature-on-sibling": (lambda body: part(body, 1, 1).update(thoughtSignature=SIGNATURE), MODEL),
    "signature-misplaced": (lambda body: part(body, 2, 0).update(thoughtSignature=SIGNATURE), MODEL),
}

#: Requests that are not even looked into: the path and the headers.
ACCESS: Final[Mapping[str, tuple[str, dict[str, str]]]] = {
    "key-in-query": (f"/v1beta/models/{MODEL}:generateContent?key={KEY}", {"x-goog-api-key": KEY}),
    "key-invalid": (f"/v1beta/models/{MODEL}:generateContent", {"x-goog-api-key": "sk-wrong"}),
    "model-unknown": ("/v1beta/models/gemini-nobody:generateContent", {"x-goog-api-key": KEY}),
}


def rules(complaints: list[Complaint]) -> set[str]:
    return {complaint.rule for complaint in complaints}


def test_every_rule_has_a_damage() -> None:
    assert DAMAGES.keys() | ACCESS.keys() == gemini.RULES.keys()
    assert not DAMAGES.keys() & ACCESS.keys()


def test_a_good_request_has_no_complaint() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("rule", DAMAGES)
def test_a_damage_breaks_its_rule(rule: str) -> None:
    damage, model = DAMAGES[rule]
    complaints = found(damaged(damage), model=model) if model else found(None)
    assert rule in rules(complaints)
    assert all(complaint.message and "{" not in complaint.message for complaint in complaints)


@pytest.mark.parametrize("rule", ACCESS)
def test_a_request_without_access_breaks_its_rule(rule: str) -> None:
    path, headers = ACCESS[rule]
    assert rules(found(GOOD, path=path, headers=headers)) == {rule}


def test_a_key_that_is_missing_is_an_invalid_one() -> None:
    assert rules(found(GOOD, headers={})) == {"key-invalid"}


@pytest.mark.parametrize(
    "place",
    [
        lambda body: body,
        lambda body: body["generationConfig"],
        lambda body: body["generationConfig"]["thinkingConfig"],
        lambda body: body["contents"][0],
        lambda body: part(body, 0, 0),
        lambda body: part(body, 0, 1)["inlineData"],
        call,
        response,
        lambda body: body["tools"][0],
        declaration,
        lambda body: body["toolConfig"],
        lambda body: body["toolConfig"]["functionCallingConfig"],
        lambda body: body["systemInstruction"],
    ],
)
def test_an_unknown_member_is_refused_at_every_level(place: Callable[[Body], Body]) -> None:
    complaints = found(damaged(lambda body: place(body).update(cache_control={})))
    assert rules(complaints) == {"unknown-member"}
    assert 'Unknown name "cache_control"' in complaints[0].message


@pytest.mark.parametrize("member", DATA)
def test_a_part_is_of_one_kind(member: str) -> None:
    body = damaged(lambda body: body["contents"][0].update(parts=[{"text": "a", member: "a"}]))
    assert bool(found(body)) is (member != "text")


@pytest.mark.parametrize("name", ["wx", "_1", "a.b:c-d", "W" * 128])
def test_a_name_that_fits_the_pattern_is_taken(name: str) -> None:
    body = damaged(both(without_tools, lambda body: body.update(tools=[{"functionDeclarations": [{"name": name}]}])))
    assert found(body) == []


@pytest.mark.parametrize("name", ["", "1wx", "a b", "a/b", "é", "W" * 129])
def test_a_name_outside_the_pattern_is_refused(name: str) -> None:
    body = damaged(both(without_tools, lambda body: body.update(tools=[{"functionDeclarations": [{"name": name}]}])))
    assert rules(found(body)) == {"function-name"}


def test_an_older_model_takes_shorter_names() -> None:
    body = {"contents": GOOD["contents"][:1], "tools": [{"functionDeclarations": [{"name": "W" * 65}]}]}
    assert rules(found(body, model="gemini-2.5-flash")) == {"function-name"}


def test_a_conversation_that_begins_with_the_model_may_be_led_by_an_empty_text() -> None:
    contents = [
        {"role": "user", "parts": [{"text": ""}]},
        {"role": "model", "parts": [{"text": "Hi"}]},
        {"role": "user", "parts": [{"text": "Who are you?"}]},
    ]
    assert found({"contents": contents}) == []
    assert rules(found({"contents": contents[::2]})) == {"text-empty"}


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_a_call_of_another_model_needs_the_placeholder(placeholder: str) -> None:
    body = damaged(lambda body: part(body, 1, 0).update(thoughtSignature=placeholder))
    assert found(body, given=()) == []
    assert rules(found(body)) == {"signature-corrupted"}
    assert rules(found(GOOD, given=())) == {"signature-corrupted"}
    bare = damaged(DAMAGES["signature-missing"][0])
    assert rules(found(bare, given=())) == {"signature-missing"}


def test_a_placeholder_on_a_parallel_call_is_refused() -> None:
    def mark_all(body: Body) -> None:
        for index in (0, 1):
            part(body, 1, index)["thoughtSignature"] = min(PLACEHOLDERS)

    assert rules(found(damaged(mark_all), given=())) == {"signature-on-sibling"}


def test_a_signature_moved_to_the_sibling_is_refused() -> None:
    def swap(body: Body) -> None:
        part(body, 1, 1)["thoughtSignature"] = part(body, 1, 0).pop("thoughtSignature")

    assert rules(found(damaged(swap))) == {"signature-missing", "signature-on-sibling"}


def test_a_sibling_with_a_signature_of_its_own_keeps_it() -> None:
    turn = Turn(calls=(Called("a"), Called("b", signature=OTHER)), signature=SIGNATURE)
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Go"}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "a", "args": {}}, "thoughtSignature": SIGNATURE},
                    {"functionCall": {"name": "b"}, "thoughtSignature": OTHER},
                ],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": name, "response": {"output": ""}}} for name in "ab"],
            },
        ]
    }
    assert found(body, given=(given_by(turn, streamed=True),)) == []


def test_older_steps_may_do_without_a_signature_and_older_models_always() -> None:
    bare = damaged(DAMAGES["signature-missing"][0])
    bare["contents"] += [
        {"role": "model", "parts": [{"text": "Cold"}]},
        {"role": "user", "parts": [{"text": "And now?"}]},
    ]
    assert found(bare) == []
    unsigned = damaged(both(older, DAMAGES["signature-missing"][0]))
    assert found(unsigned, model="gemini-2.5-pro") == []


@pytest.mark.parametrize(
    ("turn", "streamed", "sent", "accepted"),
    [
        (Turn("Co", "ld", signature=SIGNATURE), False, [("Cold", SIGNATURE)], True),
        (Turn("Co", "ld", signature=SIGNATURE), True, [("Cold", ""), ("", SIGNATURE)], True),
        (Turn("Co", "ld", signature=SIGNATURE), True, [("Cold", SIGNATURE)], False),
        (Turn("Co", "ld", signature=SIGNATURE), True, [("Col", ""), ("", SIGNATURE)], False),
        (Turn("Co", "ld", signature=SIGNATURE), False, [("Cool", SIGNATURE)], False),
        (Turn("Co", "ld", signature=SIGNATURE), False, [("Cold", OTHER)], False),
        (Turn("Co", "ld", signature=SIGNATURE, signed="text"), True, [("Cold", SIGNATURE)], True),
        (Turn("Co", "ld", signature=SIGNATURE, signed="text"), True, [("Co", ""), ("ld", SIGNATURE)], True),
        (Turn("Co", "ld", signature=SIGNATURE, signed="text"), True, [("Co", SIGNATURE), ("ld", "")], False),
        (Turn("Co", "ld", signature=SIGNATURE), True, [("Cold", "")], True),
    ],
)
def test_a_signed_text_comes_back_as_it_was(
    turn: Turn, streamed: bool, sent: list[tuple[str, str]], accepted: bool
) -> None:
    parts = [{"text": text, **({"thoughtSignature": signature} if signature else {})} for text, signature in sent]
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": parts},
            {"role": "user", "parts": [{"text": "Thanks"}]},
        ]
    }
    complaints = found(body, given=(given_by(turn, streamed=streamed),))
    assert rules(complaints) == (set() if accepted else {"signature-corrupted"})


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code", "status"),
    [
        ("key-in-query", 401, "UNAUTHENTICATED"),
        ("key-invalid", 400, "INVALID_ARGUMENT"),
        ("model-unknown", 404, "NOT_FOUND"),
    ],
)
def test_an_error_has_googles_form(rule: str, code: int, status: str) -> None:
    path, headers = ACCESS[rule]
    reply = gemini.answer(found(GOOD, path=path, headers=headers))
    assert reply.status == code
    assert isinstance(reply.steps[0], bytes)
    error = orjson.loads(reply.steps[0])["error"]
    assert (error["code"], error["status"]) == (code, status)
    assert ("API_KEY_INVALID" in str(error)) is (rule == "key-invalid")


def test_violations_name_their_fields() -> None:
    reply = gemini.answer(found(damaged(generation(store=True, user="me"))))
    assert isinstance(reply.steps[0], bytes)
    (details,) = orjson.loads(reply.steps[0])["error"]["details"]
    assert [violation["field"] for violation in details["fieldViolations"]] == ["generation_config"] * 2


# --- recorded requests ------------------------------------------------------------------------------------------------

CORPUS: Final = "DRAGOMAN_CORPUS"
OUR_NAMES: Final = {
    "file_data": "fileData",
    "file_uri": "fileUri",
    "mime_type": "mimeType",
    "parameters_json_schema": "parametersJsonSchema",
    "response_mime_type": "responseMimeType",
    "response_schema": "responseSchema",
}


def in_camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {OUR_NAMES.get(name, name): in_camel_case(entry) for name, entry in value.items()}
    return [in_camel_case(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} not set")
def test_what_google_took_has_no_complaint() -> None:
    looked_at = 0
    for path in sorted(Path(os.environ[CORPUS]).glob("gemini_generate_content/*.json")):
        exchange = json.loads(path.read_bytes())
        body = exchange["request_body"]
        address = re.sub("gemini-flash-latest", MODEL, exchange["path"])
        if exchange["status"] != 200 or body is None:
            continue
        complaints = found(in_camel_case(body), path=address)
        # The signatures are Google's own, and one test asks for two candidates.
        assert rules(complaints) <= {"signature-corrupted", "candidate-count"}, path.name
        looked_at += 1
    assert looked_at > 10
