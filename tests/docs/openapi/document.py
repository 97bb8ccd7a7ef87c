"""The document: every route of the gateway's main address with its parameters, bodies and answers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import orjson

from proxy.app import api_routes
from proxy.http.queries import DEFAULT_LIMIT, MAX_LIMIT, ORDERS
from proxy.responses.validation import INCLUDE_VALUES
from tests.docs.markdown import ROOT
from tests.docs.openapi.answers import answer_schemas
from tests.docs.openapi.requests import request_schemas

Schema = dict[str, Any]

DOCUMENT: Final = ROOT / "proxy/http/openapi.json"

PREFIX: Final = "/v1"

DESCRIPTION: Final = f"""\
The OpenAI Responses API in front of other vendors' models. Every path under `{PREFIX}` is served without it as well.
What each element of a request becomes is told in docs/conversions.md of the product.

Bodies are JSON and may be compressed with gzip, deflate or zstd. A parameter that does not exist is refused unless the
gateway is configured with `unknown_parameters: ignore`. A `null` is an absent parameter."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a request that succeeds."""

    description: str
    content: Mapping[str, Schema]
    status: str = "200"
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A route: what it is called, takes and gives."""

    name: str
    summary: str
    answer: Answer
    body: str | None = None
    body_required: bool = True
    parameters: tuple[str, ...] = ()
    is_open: bool = False
    also: tuple[Answer, ...] = ()


def _json(schema: str, description: str, **more: Any) -> Answer:
    return Answer(description, {"application/json": {"$ref": f"#/components/schemas/{schema}"}}, **more)


TOLD: Final = (
    "x-dragoman-provider",
    "x-dragoman-model",
    "x-dragoman-dropped",
    "x-dragoman-usage-source",
)
ANSWERED: Final = (*TOLD, "x-dragoman-attempts", "x-dragoman-cost-usd", "x-dragoman-overhead-ms")
TREATMENT: Final = ("x-dragoman-strict", "x-dragoman-timeout", "x-dragoman-dry-run", "dry_run")
LISTING: Final = ("limit", "order", "after", "include")

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "/responses"): Operation(
        "createResponse",
        "Create a response: whole, or with `stream: true` as events.",
        Answer(
            "The response; its events; or, for a dry run, what the request would become.",
            {
                "application/json": {
                    "oneOf": [{"$ref": "#/components/schemas/Response"}, {"$ref": "#/components/schemas/DryRun"}]
                },
                "text/event-stream": {
                    "type": "string",
                    "description": "Frames of `event:` and `data:`, of which each holds a `StreamEvent`, comments "
                    "while the model is silent, and `data: [DONE]` at the end.",
                },
            },
            headers=ANSWERED,
        ),
        body="CreateResponse",
        parameters=TREATMENT,
    ),
    ("GET", "/responses"): Operation(
        "connectResponses",
        "Open a WebSocket, over which responses are created with `response.create` messages.",
        Answer("The connection is a WebSocket now.", {}, status="101"),
        parameters=("upgrade", "x-dragoman-strict", "x-dragoman-timeout"),
    ),
    ("POST", "/responses/input_tokens"): Operation(
        "countInputTokens",
        "Count the tokens of a request's input. No model is asked for an answer.",
        _json("InputTokens", "The number of tokens.", headers=TOLD),
        body="CountInputTokens",
    ),
    ("POST", "/responses/compact"): Operation(
        "compactResponse",
        "Turn a history into one that is shorter and says the same.",
        _json("CompactedResponse", "The history to go on with.", headers=ANSWERED),
        body="CompactResponse",
        parameters=TREATMENT,
    ),
    ("GET", "/responses/{id}"): Operation(
        "retrieveResponse",
        "Retrieve a stored response, or its events once more.",
        Answer(
            "The response, or its events.",
            {"application/json": {"$ref": "#/components/schemas/Response"}, "text/event-stream": {"type": "string"}},
        ),
        parameters=("stream", "starting_after", "include", "include_obfuscation"),
    ),
    ("DELETE", "/responses/{id}"): Operation(
        "deleteResponse", "Delete a stored response.", _json("DeletedResponse", "It is deleted.")
    ),
    ("POST", "/responses/{id}/cancel"): Operation(
        "cancelResponse", "Cancel a response that is made in the background.", _json("Response", "What became of it.")
    ),
    ("GET", "/responses/{id}/input_items"): Operation(
        "listInputItems", "List what a response's model was given.", _json("ItemList", "The items."), parameters=LISTING
    ),
    ("POST", "/conversations"): Operation(
        "createConversation",
        "Create a conversation.",
        _json("Conversation", "The conversation."),
        body="CreateConversation",
        body_required=False,
    ),
    ("GET", "/conversations/{id}"): Operation(
        "retrieveConversation", "Retrieve a conversation.", _json("Conversation", "The conversation.")
    ),
    ("POST", "/conversations/{id}"): Operation(
        "updateConversation",
        "Replace a conversation's metadata.",
        _json("Conversation", "The conversation."),
        body="UpdateConversation",
    ),
    ("DELETE", "/conversations/{id}"): Operation(
        "deleteConversation",
        "Delete a conversation; its responses stay.",
        _json("DeletedConversation", "It is deleted."),
    ),
    ("GET", "/conversations/{id}/items"): Operation(
        "listConversationItems", "List a conversation's items.", _json("ItemList", "The items."), parameters=LISTING
    ),
    ("POST", "/conversations/{id}/items"): Operation(
        "addConversationItems",
        "Add items to a conversation.",
        _json("ItemList", "The items that were added."),
        body="AddConversationItems",
        parameters=("include",),
    ),
    ("GET", "/conversations/{id}/items/{item_id}"): Operation(
        "retrieveConversationItem",
        "Retrieve an item of a conversation.",
        _json("KeptItem", "The item."),
        parameters=("include",),
    ),
    ("DELETE", "/conversations/{id}/items/{item_id}"): Operation(
        "deleteConversationItem",
        "Delete an item of a conversation.",
        _json("Conversation", "The conversation."),
    ),
    ("GET", "/models"): Operation(
        "listModels", "List the models that can be asked for.", _json("ModelList", "Models.")
    ),
    ("GET", "/models/{id}"): Operation(
        "retrieveModel", "What is known of a model; slashes may stand in its id.", _json("Model", "The model.")
    ),
}
"""The routes below the prefix."""

OWN_OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("GET", "/healthz"): Operation("live", "Whether the process lives.", _json("Health", "It does."), is_open=True),
    ("GET", "/readyz"): Operation(
        "ready",
        "Whether the process takes work, and which targets are left alone.",
        _json("Health", "It does."),
        is_open=True,
        also=(_json("Health", "Not yet, or no more.", status="503"),),
    ),
    ("GET", "/metrics"): Operation(
        "metrics",
        "Prometheus metrics.",
        Answer("The exposition.", {"text/plain": {"type": "string"}}),
        is_open=True,
    ),
    ("GET", "/openapi.json"): Operation(
        "describe",
        "This document.",
        Answer("An OpenAPI document.", {"application/json": {"type": "object"}}),
        is_open=True,
    ),
}
"""The routes beside it."""


def _query(schema: Schema, description: str, **more: Any) -> Schema:
    return {"in": "query", "schema": schema, "description": description, **more}


def _header(schema: Schema, description: str, **more: Any) -> Schema:
    return {"in": "header", "schema": schema, "description": description, **more}


PARAMETERS: Final[Mapping[str, Schema]] = {
    "x-dragoman-strict": _header({"type": "boolean"}, "Refuse what could not be carried exactly."),
    "x-dragoman-timeout": _header(
        {"type": "string", "examples": ["30s", "1m"]},
        "How long to wait at most: a number with `ms`, `s`, `m`, `h` or `d`.",
    ),
    "x-dragoman-dry-run": _header({"type": "boolean"}, "Tell what the request would become, and send nothing."),
    "dry_run": _query({"type": "boolean"}, "The same as a query parameter."),
    "upgrade": _header({"const": "websocket"}, "Begins the handshake of RFC 6455.", required=True),
    "limit": _query(
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "How many items."
    ),
    "order": _query({"enum": list(ORDERS), "default": "desc"}, "From the first, or from the last."),
    "after": _query({"type": "string"}, "The id of the item behind which to go on."),
    "include": _query(
        {"type": "array", "items": {"enum": list(INCLUDE_VALUES)}}, "Taken, and without effect: all is shown."
    ),
    "stream": _query({"type": "boolean", "default": False}, "Give the events."),
    "starting_after": _query({"type": "integer", "minimum": 0}, "The sequence number behind which to go on."),
    "include_obfuscation": _query({"type": "boolean"}, "Taken, and without effect: nothing is padded."),
}

HEADERS: Final[Mapping[str, str]] = {
    "x-request-id": "The id of this request, which the log names as well.",
    "x-dragoman-provider": "The provider that answered, by its configured name.",
    "x-dragoman-model": "The model that answered, as the vendor calls it.",
    "x-dragoman-attempts": "How often vendors were asked.",
    "x-dragoman-dropped": "What of the request was left out.",
    "x-dragoman-usage-source": "`estimated` where the vendor did not count the tokens.",
    "x-dragoman-cost-usd": "What the answer cost, in USD.",
    "x-dragoman-overhead-ms": "The gateway's own part of the time, in milliseconds.",
}

ERRORS: Final[Mapping[str, str]] = {
    "400": "The request is not valid; `param` names the place.",
    "401": "The key is missing or wrong.",
    "404": "The model, or what the path names, does not exist.",
    "429": "A limit of the client's or of the vendor's is reached; `retry-after` says when to come again.",
    "4XX": "Another fault of the request: of its size (413), encoding (415) or time (408), its method (405).",
    "5XX": "The vendor failed (502), took too long (504), or the gateway or the vendor has no place (503).",
}


def generated() -> bytes:
    """The whole document as JSON."""
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Dragoman",
            "version": version("dragoman"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A client's key; where the gateway is configured without keys, any or none.",
                }
            },
            "headers": {name: {"description": told, "schema": {"type": "string"}} for name, told in HEADERS.items()},
            "responses": {
                f"Error{status}": {
                    "description": told,
                    "headers": _headers(()),
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status, told in ERRORS.items()
            },
            "schemas": {**request_schemas(), **answer_schemas()},
        },
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def served() -> Iterator[tuple[str, str]]:
    """The methods and paths that the gateway serves at its main address, those that differ by the prefix once."""
    for route in api_routes():
        path = re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", route.path)
        if path.startswith(f"{PREFIX}/") or (route.method, path) in OWN_OPERATIONS:
            yield route.method, path


def _paths() -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for method, path in served():
        operation = OWN_OPERATIONS.get((method, path)) or OPERATIONS[method, path.removeprefix(PREFIX)]
        paths.setdefault(path, {})[method.lower()] = _operation(operation, re.findall(r"\{(\w+)\}", path))
    return paths


def _operation(operation: Operation, path_parameters: Iterable[str]) -> Schema:
    told: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.is_open:
        told["security"] = []
    told["parameters"] = [
        *(
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in path_parameters
        ),
        *({"name": name, **PARAMETERS[name]} for name in operation.parameters),
    ]
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{operation.body}"}}},
        }
    told["responses"] = {
        **{answer.status: _answer(answer) for answer in (operation.answer, *operation.also)},
        **{status: {"$ref": f"#/components/responses/Error{status}"} for status in ERRORS},
    }
    return told


def _answer(answer: Answer) -> Schema:
    told: Schema = {"description": answer.description, "headers": _headers(answer.headers)}
    if answer.content:
        told["content"] = {kind: {"schema": schema} for kind, schema in answer.content.items()}
    return told


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("x-request-id", *names)}
