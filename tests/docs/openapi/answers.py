"""Schemas of answers, from the tables that `proxy.testing.grammar` checks objects and streams with."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.testing.grammar.events import EVENTS, Step
from proxy.testing.grammar.items import ITEMS, PARTS, ItemShape
from proxy.testing.grammar.response import CORE, ECHO, INCOMPLETE_REASONS, STATUSES
from proxy.testing.grammar.shapes import Shape

Schema = dict[str, Any]

STRING: Final[Schema] = {"type": "string"}
INTEGER: Final[Schema] = {"type": "integer", "minimum": 0}
TRUE: Final[Schema] = {"const": True}


def answer_schemas() -> dict[str, Schema]:
    """The schemas of everything that is answered, by name."""
    return {
        "Error": _object(
            {
                "error": _object(
                    {
                        "message": {"type": "string", "minLength": 1},
                        "type": STRING,
                        "param": {"type": ["string", "null"]},
                        "code": {"type": ["string", "null"]},
                    },
                    "Every error has this form.",
                    closed=True,
                )
            },
            closed=True,
        ),
        "Response": _response(),
        "Usage": _usage(),
        "OutputItem": {"oneOf": [_reference(f"item.{kind}") for kind in ITEMS]},
        **{f"item.{kind}": _item(kind, shape) for kind, shape in ITEMS.items()},
        "StreamEvent": {
            "description": "One event of a stream: the JSON of a `data:` line. Other events may come to be.",
            "oneOf": [_reference(f"event.{name}") for name in EVENTS],
        },
        **{f"event.{name}": _event(name) for name in EVENTS},
        "DeletedResponse": _object({"id": STRING, "object": {"const": "response"}, "deleted": TRUE}),
        "CompactedResponse": _object(
            {
                "id": STRING,
                "object": {"const": "response.compaction"},
                "created_at": INTEGER,
                "output": _list(_reference("KeptItem")),
                "usage": _reference("Usage"),
            }
        ),
        "InputTokens": _object({"object": {"const": "response.input_tokens"}, "input_tokens": INTEGER}),
        "KeptItem": {
            **_object({"type": STRING}),
            "description": "An item of the input or of the output, as it is kept.",
        },
        "ItemList": _object(
            {
                "object": {"const": "list"},
                "data": _list(_reference("KeptItem")),
                "first_id": {"type": ["string", "null"]},
                "last_id": {"type": ["string", "null"]},
                "has_more": {"type": "boolean"},
            }
        ),
        "Conversation": _object(
            {
                "id": STRING,
                "object": {"const": "conversation"},
                "created_at": INTEGER,
                "metadata": {"type": "object", "additionalProperties": STRING},
            }
        ),
        "DeletedConversation": _object({"id": STRING, "object": {"const": "conversation.deleted"}, "deleted": TRUE}),
        "Model": _object(
            {"id": STRING, "object": {"const": "model"}, "created": INTEGER, "owned_by": STRING},
            optional={
                "context_window": INTEGER,
                "max_output_tokens": INTEGER,
                "input_modalities": _list({"enum": ["text", "image", "file", "audio"]}),
                "output_modalities": _list({"enum": ["text", "image"]}),
                "prices": {"type": "object", "description": "USD per million tokens."},
            },
        ),
        "ModelList": _object({"object": {"const": "list"}, "data": _list(_reference("Model"))}),
        "DryRun": _dry_run(),
        "Health": _object({"status": STRING}, optional={"targets": {"type": "object", "additionalProperties": STRING}}),
    }


def _response() -> Schema:
    members = {**_members(CORE), **_members(ECHO)}
    members["object"] = {"const": "response"}
    members["status"] = {"enum": list(STATUSES)}
    members["output"] = _list(_reference("OutputItem"))
    members["usage"] = {"anyOf": [_reference("Usage"), {"type": "null"}]}
    members["error"] = {"anyOf": [_object({"code": STRING, "message": STRING}), {"type": "null"}]}
    reason = _object({"reason": {"enum": list(INCOMPLETE_REASONS)}})
    members["incomplete_details"] = {"anyOf": [reason, {"type": "null"}]}
    return _object(members)


def _usage() -> Schema:
    return _object(
        {
            "input_tokens": INTEGER,
            "input_tokens_details": _object({"cached_tokens": INTEGER, "cache_write_tokens": INTEGER}),
            "output_tokens": INTEGER,
            "output_tokens_details": _object({"reasoning_tokens": INTEGER}),
            "total_tokens": INTEGER,
        }
    )


def _item(kind: str, shape: ItemShape) -> Schema:
    identity: Schema = {"type": {"const": kind}, "id": STRING}
    if shape.prefix is not None:
        identity["id"] = {"type": "string", "description": f"Begins with `{shape.prefix}`."}
    status: Schema = {"enum": list(shape.statuses)} if shape.statuses else STRING
    members = _members(shape.members)
    optional = _members({**shape.members_optional, **shape.members_completed})
    (members if shape.status_required else optional)["status"] = status
    for (owner, member), parts in PARTS.items():
        if owner == kind:
            listed = _list({"oneOf": [_object({"type": {"const": part}, **_members(parts[part])}) for part in parts]})
            (members if member in members else optional)[member] = listed
    return _object(identity | members, optional=optional)


def _event(name: str) -> Schema:
    row = EVENTS[name]
    members: Schema = {"type": {"const": name}, "sequence_number": INTEGER, **_members(row.members)}
    if row.step in (Step.LIFECYCLE, Step.TERMINAL):
        members["response"] = _reference("Response")
    elif row.step in (Step.ITEM_ADDED, Step.ITEM_DONE):
        members["item"] = _reference("OutputItem")
    elif row.step is Step.ERROR:
        members["error"] = {"type": "object"}
    return _object(members)


def _dry_run() -> Schema:
    request = _object(
        {
            "method": STRING,
            "url": STRING,
            "headers": {"type": "object", "additionalProperties": STRING},
            "body": {"description": "What the vendor would be sent."},
        }
    )
    conversion = _object({"path": STRING, "disposition": STRING, "reason": STRING})
    return {
        **_object(
            {
                "object": {"const": "dragoman.dry_run"},
                "provider": STRING,
                "model": STRING,
                "request": request,
                "conversions": _list(conversion),
            },
            optional={"notes": _list(STRING)},
        ),
        "description": "What a request would become; answers `x-dragoman-dry-run: true`.",
    }


def _members(shape: Shape) -> Schema:
    """The schema of each member of a shape."""
    return {name: _kinds(kinds.split("|")) for name, kinds in shape.items()}


def _kinds(kinds: Sequence[str]) -> Schema:
    if "any" in kinds:
        return {}
    return {"type": kinds[0] if len(kinds) == 1 else list(kinds)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(
    members: Mapping[str, Schema],
    description: str | None = None,
    *,
    optional: Mapping[str, Schema] | None = None,
    closed: bool = False,
) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {**members, **(optional or {})},
        "required": list(members),
    }
    if closed:
        schema["additionalProperties"] = False
    return schema if description is None else {"description": description, **schema}
