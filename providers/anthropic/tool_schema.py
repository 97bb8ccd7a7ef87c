"""The schema of a tool's arguments, as the vendor takes it: an object without alternatives at its top.

Source: the refusals of Anthropic's API; what stands below the top is taken as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from proxy.provider.json_schema import Schema, referenced

ALTERNATIVES: Final = ("anyOf", "oneOf")
MAX_EITHER: Final = 64
"""The most schemas that one property may have; with more it takes anything."""

COMBINED: Final = (*ALTERNATIVES, "allOf")


def has_alternatives(schema: Schema) -> bool:
    """Whether the schema has alternatives at its top."""
    return any(name in schema for name in COMBINED)


def without_alternatives(schema: Schema) -> dict[str, object]:
    """The schema that takes what any of the alternatives at its top takes; they themselves are told in its description.

    Every property of an alternative becomes one of the whole; what all of them require is required.
    """
    told = {name: value for name, value in schema.items() if name in COMBINED}
    flat = {name: value for name, value in schema.items() if name not in COMBINED}
    properties = _properties(schema)
    required = dict.fromkeys(_required(schema))
    for name, branches in told.items():
        found = list(_branches(schema, branches))
        for branch in found:
            for key, value in _properties(branch).items():
                properties[key] = _either(properties[key], value) if key in properties else value
        common = [set(_required(branch)) for branch in found]
        if common:
            wanted = set.union(*common) if name == "allOf" else set.intersection(*common)
            required.update(dict.fromkeys(sorted(wanted)))
    flat["properties"] = properties
    if required:
        flat["required"] = list(required)
    description = schema.get("description")
    demands = ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in told.items())
    parts = [description] if isinstance(description, str) and description else []
    flat["description"] = "\n\n".join([*parts, f"{{{demands}}}"])
    return flat


def _branches(root: Schema, branches: object) -> Iterator[Schema]:
    for branch in branches if isinstance(branches, list) else ():
        if isinstance(branch, Mapping):
            reference = branch.get("$ref")
            target = referenced(root, reference) if isinstance(reference, str) else None
            yield target if target is not None else branch


def _properties(schema: Schema) -> dict[str, object]:
    properties = schema.get("properties")
    return dict(properties) if isinstance(properties, Mapping) else {}


def _required(schema: Schema) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _either(first: object, second: object) -> object:
    """The schema of a property that several alternatives have."""
    if first in (second, {}):
        return first
    several = first["anyOf"] if isinstance(first, Mapping) and first.keys() == {"anyOf"} else [first]
    if not isinstance(several, list) or len(several) >= MAX_EITHER:
        return {}
    return first if second in several else {"anyOf": [*several, second]}
