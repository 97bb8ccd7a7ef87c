"""Schemas of request bodies, from the types that the gateway validates them with."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from proxy.responses import conversation
from proxy.responses.compaction import PARAMETERS_OF_RESPONSES
from proxy.responses.count_request import MAX_PERSONALITY
from proxy.responses.count_request import PARAMETERS as COUNTED
from proxy.responses.items import string_as_input_text, string_as_output_text
from proxy.responses.request import IGNORED_PARAMETERS, CreateParameters, string_as_message, string_as_reference
from proxy.responses.tools import WRAPPED_MODES, unwrap_mode

Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/{model}"

_STRING: Final[Schema] = {"type": "string"}

SHORT_FORMS: Final[Mapping[object, Schema]] = {
    string_as_message: _STRING,
    string_as_reference: _STRING,
    string_as_input_text: _STRING,
    string_as_output_text: _STRING,
    unwrap_mode: {
        "type": "object",
        "properties": {"type": {"enum": sorted(WRAPPED_MODES)}},
        "required": ["type"],
        "additionalProperties": False,
    },
}
"""What may stand in place of the full form, by the function that turns it into that."""


class _Generator(GenerateJsonSchema):
    """pydantic's schemas, with the short forms, closed objects and without titles, which only repeat the names."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        return {"anyOf": [SHORT_FORMS[schema["function"]["function"]], super().function_before_schema(schema)]}

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return {"additionalProperties": False, **super().typed_dict_schema(schema)}

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def get_title_from_name(self, name: str) -> str:
        return ""


def request_schemas() -> dict[str, Schema]:
    """The schemas of all bodies, by name, with what they refer to."""
    schemas: dict[str, Schema] = {}
    create = _body(CreateParameters, schemas)
    for name in IGNORED_PARAMETERS:
        create["properties"][name] = {"description": "Sent by clients of OpenAI's own; overlooked."}
    schemas["CreateResponse"] = create
    schemas["CountInputTokens"] = _part(create, COUNTED)
    schemas["CountInputTokens"]["properties"]["personality"] = {
        "type": ["string", "null"],
        "maxLength": MAX_PERSONALITY,
        "description": "Taken, and without effect.",
    }
    schemas["CompactResponse"] = _part(create, create["properties"].keys() - PARAMETERS_OF_RESPONSES)
    schemas["CreateConversation"] = _body(conversation.CreateParameters, schemas)
    schemas["UpdateConversation"] = _body(conversation.UpdateParameters, schemas)
    schemas["AddConversationItems"] = _body(conversation.AddParameters, schemas)
    return schemas


def _body(parameters: type[Mapping[str, object]], schemas: dict[str, Schema]) -> Schema:
    """The schema of a body; what it refers to is put into `schemas`. A null means that a parameter is absent."""
    schema = TypeAdapter(parameters).json_schema(ref_template=REFERENCE, schema_generator=_Generator)
    for name, definition in schema.pop("$defs", {}).items():
        assert schemas.setdefault(name, _untitled(definition)) == _untitled(definition), name
    for name, value in schema["properties"].items():
        if name not in schema.get("required", ()):
            schema["properties"][name] = {"anyOf": [value, {"type": "null"}]}
    return _untitled(schema)


def _part(schema: Schema, names: Collection[str]) -> Schema:
    """The same body with these parameters alone, of which only `model` is required."""
    kept = {name: value for name, value in schema["properties"].items() if name in names}
    kept["input"] = {"anyOf": [kept["input"], {"type": "null"}]}
    return {"type": "object", "properties": kept, "required": ["model"], "additionalProperties": False}


def _untitled(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name != "title"}
