"""A minimal instance of a JSON Schema: what the model answers or passes when only the schema is known."""

import math
import re
from collections.abc import Mapping
from typing import Any

MAX_STEPS = 10_000
MAX_SIZE = 10_000
MAX_PATTERN = 500

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "idn-email": "user@example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "iri": "https://example.com/",
    "iri-reference": "https://example.com/",
    "json-pointer": "/a",
    "regex": "a",
    "relative-json-pointer": "0",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uri-template": "https://example.com/{a}",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_PATTERN_CANDIDATES = (
    "text",
    "Text",
    "TEXT",
    "",
    *(letter * length for length in (1, 2, 3, 4, 5, 6, 8, 10, 12) for letter in "aA0"),
    "a0",
    "A0",
    "A1",
    "a1b2",
    "#000000",
    "@a",
    "v1.0.0",
    "1.0.0",
    "0.0",
    "00:00",
    "a b",
    "a-a",
    "a_a",
    "000-0000",
    "000-00-0000",
    "(000)000-0000",
    "+10000000000",
    "AA-000",
    "AAA-000",
    "a@a.aa",
    *_FORMATS.values(),
)
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,)")
_SHORT = 12
_MERGED_BY_UNION = frozenset({"properties", "$defs", "definitions", "patternProperties"})


class NoInstance(ValueError):  # noqa: N818 - it says what it is
    """A schema for which no instance was found; the message says at which keyword."""


def instance(schema: Mapping[str, Any] | bool) -> Any:  # noqa: ANN401 - any JSON value
    """The smallest value of the schema, the same for the same schema. Raises NoInstance.

    It reads the keywords that models are given in practice: local references, const, enum, the combinations, types,
    required members, bounds, formats, and patterns as far as a known example satisfies them. `not` and the conditional
    keywords are not read.
    """
    return _Maker(schema)._make(schema, ())


class _Maker:
    def __init__(self, root: Mapping[str, Any] | bool) -> None:
        self._root = root
        self._steps = 0

    def _make(self, schema: Mapping[str, Any] | bool, references: tuple[str, ...]) -> Any:  # noqa: ANN401
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise NoInstance("the schema is too large")
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise NoInstance("a schema that nothing satisfies" if schema is False else "a schema must be an object")
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list):
            if not schema["enum"]:
                raise NoInstance("an empty 'enum'")
            return schema["enum"][0]
        if "$ref" in schema:
            return self._referenced(schema, references)
        if schema.get("allOf"):
            return self._make(self._merged(schema), references)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                return self._alternative(schema, keyword, references)
        return self._typed(schema, references)

    def _referenced(self, schema: Mapping[str, Any], references: tuple[str, ...]) -> Any:  # noqa: ANN401
        reference = schema["$ref"]
        # The smallest instance never holds a reference inside itself: where it would, another alternative is smaller.
        if reference in references:
            raise NoInstance(f"'{reference}' requires itself without end")
        target = self._resolved(reference)
        siblings = {name: value for name, value in schema.items() if name != "$ref"}
        if siblings and isinstance(target, Mapping):
            target = _union(target, siblings)
        return self._make(target, (*references, reference))

    def _resolved(self, reference: object) -> Any:  # noqa: ANN401
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise NoInstance(f"the reference '{reference}' is not local")
        place: Any = self._root
        for token in reference.lstrip("#").split("/")[1:]:
            name = token.replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and name.isdecimal() and len(name) < 10 and int(name) < len(place):
                place = place[int(name)]
            elif isinstance(place, Mapping) and name in place:
                place = place[name]
            else:
                raise NoInstance(f"the reference '{reference}' leads nowhere")
        return place

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        merged: Mapping[str, Any] = {name: value for name, value in schema.items() if name != "allOf"}
        seen: set[str] = set()
        pending = list(schema["allOf"])
        while pending:
            part = pending.pop(0)
            if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
                if part["$ref"] in seen:
                    raise NoInstance(f"'{part['$ref']}' requires itself without end")
                seen.add(part["$ref"])
                siblings = {name: value for name, value in part.items() if name != "$ref"}
                pending[:0] = [self._resolved(part["$ref"]), siblings]
            elif isinstance(part, Mapping):
                pending[:0] = part.get("allOf", ())
                merged = _union(merged, {name: value for name, value in part.items() if name != "allOf"})
        return merged

    def _alternative(self, schema: Mapping[str, Any], keyword: str, references: tuple[str, ...]) -> Any:  # noqa: ANN401
        common = {name: value for name, value in schema.items() if name != keyword}
        reasons: list[str] = []
        for branch in schema[keyword]:
            try:
                return self._make(_union(common, branch) if isinstance(branch, Mapping) else branch, references)
            except NoInstance as reason:
                reasons.append(str(reason))
        raise NoInstance(reasons[0] if reasons else f"an empty '{keyword}'")

    def _typed(self, schema: Mapping[str, Any], references: tuple[str, ...]) -> Any:  # noqa: ANN401
        kind = schema.get("type")
        if isinstance(kind, list):
            # Null is the smallest of them and says the least.
            kind = next((name for name in kind if name != "null"), "null")
        if kind is None:
            kind = _implied_type(schema)
        match kind:
            case "object":
                return self._object(schema, references)
            case "array":
                return self._array(schema, references)
            case "string":
                return _string(schema)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return False
            case "null":
                return None
        raise NoInstance(f"the type '{kind}'")

    def _object(self, schema: Mapping[str, Any], references: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        others = schema.get("additionalProperties", True)
        made = {name: self._make(properties.get(name, others), references) for name in schema.get("required") or ()}
        for name in properties:
            if len(made) >= _bound(schema, "minProperties", 0):
                break
            if name not in made:
                made[name] = self._make(properties[name], references)
        return made

    def _array(self, schema: Mapping[str, Any], references: tuple[str, ...]) -> list[Any]:
        length = _bound(schema, "minItems", 0)
        first = schema.get("prefixItems") or []
        made = [self._make(item, references) for item in first[:length]]
        if length > len(made):
            member = self._make(schema.get("items", True), references)
            made += [member] * (length - len(made))
            if schema.get("uniqueItems") and length > len(first) + 1:
                raise NoInstance("'uniqueItems' with more than one element")
        return made


def _union(left: Mapping[str, Any], right: Mapping[str, Any]) -> Mapping[str, Any]:
    """Both schemas as one: members and requirements of both, else the right one's word."""
    merged = {**left, **right}
    for name in left.keys() & right.keys():
        if name in _MERGED_BY_UNION:
            merged[name] = {**left[name], **right[name]}
        elif name == "required":
            merged[name] = [*left[name], *(member for member in right[name] if member not in left[name])]
    return merged


def _implied_type(schema: Mapping[str, Any]) -> str:
    if "items" in schema or "minItems" in schema or "prefixItems" in schema:
        return "array"
    if "pattern" in schema or "minLength" in schema or "maxLength" in schema or "format" in schema:
        return "string"
    if any(name in schema for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")):
        return "number"
    return "object"


def _bound(schema: Mapping[str, Any], name: str, default: int) -> int:
    value = schema.get(name, default)
    if not isinstance(value, int) or not 0 <= value <= MAX_SIZE:
        raise NoInstance(f"'{name}' must be a whole number up to {MAX_SIZE}")
    return value


def _string(schema: Mapping[str, Any]) -> str:
    minimum = _bound(schema, "minLength", 0)
    maximum = schema.get("maxLength", math.inf)
    if pattern := schema.get("pattern"):
        return _matching(str(pattern), minimum, maximum)
    value = _FORMATS.get(str(schema.get("format")), "text")
    if len(value) < minimum:
        value = value.ljust(minimum, "x")
    if len(value) > maximum:
        value = value[: int(maximum)]
    if len(value) < minimum:
        raise NoInstance("'minLength' above 'maxLength'")
    return value


def _matching(pattern: str, minimum: int, maximum: float) -> str:
    if len(pattern) > MAX_PATTERN:
        raise NoInstance(f"a pattern longer than {MAX_PATTERN} characters")
    try:
        expression = re.compile(pattern)
    except re.error:
        raise NoInstance(f"the pattern '{pattern}' cannot be read") from None
    candidates = [*_PATTERN_CANDIDATES, *(letter * minimum for letter in "aA0")]
    if _REPEATED_GROUP.search(pattern):
        # Matching takes time exponential in the length for some of these patterns, and the schema is a stranger's.
        candidates = [candidate for candidate in candidates if len(candidate) <= _SHORT]
    for candidate in candidates:
        if minimum <= len(candidate) <= maximum and expression.search(candidate):
            return candidate
    raise NoInstance(f"no example for the pattern '{pattern}' is known")


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    step = schema.get("multipleOf") or (1 if whole else None)
    low, above = schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf)
    high, below = schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf)
    for value in _number_candidates(max(low, above), min(high, below), step):
        if low <= value <= high and above < value < below and (step is None or value % step == 0):
            return int(value) if whole else value
    raise NoInstance("no number lies between the bounds")


def _number_candidates(low: float, high: float, step: float | None) -> list[float]:
    candidates: list[float] = [0, 1]
    for bound in (low, high):
        if not math.isfinite(bound):
            continue
        if step is None:
            candidates += [bound, bound + 1, bound - 1]
        else:
            multiple = math.floor(bound / step) * step
            candidates += [multiple, multiple + step, multiple - step]
    if step is None and math.isfinite(low) and math.isfinite(high):
        candidates.append((low + high) / 2)
    return candidates
