"""JSON Schemas of strangers, compiled and applied. Also a program: it reads `{"schema": ..., "answer": ...}` from its
standard input and writes what it finds, a line of JSON each, so that whoever started it may end it at any time.

What a schema costs cannot be told in general: alternatives within alternatives multiply, and a pattern's automaton may
be large. `proxy.exchange.conformance` says which schemas are small enough to be applied in the process itself.
"""

import os
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import jsonschema_rs
import orjson

SECONDS: Final = 1
"""Processor time that one check may take in a process of its own."""

MEMORY: Final = 2**30
"""Bytes of address space that such a process may take."""

MAX_PATTERN: Final = 2**21
"""The largest compiled pattern, in bytes."""

MAX_MESSAGE: Final = 300
"""The most characters of a message."""


def compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """The schema's validator, formats included. Nothing is fetched, and patterns take linear time.

    Raises ValueError for what is no valid schema, refers to something outside, or has a pattern that does not compile.
    """
    try:
        return jsonschema_rs.validator_for(
            schema,
            offline=True,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN),
            mask="the value",
        )
    except jsonschema_rs.ValidationError as error:
        place = pointer(error.instance_path)
        raise ValueError(f"{error.message[:MAX_MESSAGE]}{f' (at {place})' if place else ''}") from None


def pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def violation(validator: jsonschema_rs.Validator, value: object) -> tuple[str, str]:
    """Where a value that is not valid first violates the schema, as a JSON Pointer, and how; it is not quoted. Among
    alternatives that all fail, the one counts that got furthest."""
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        found = _innermost(error)
        return pointer(found.instance_path), found.message[:MAX_MESSAGE]
    return "", "it is not valid"


def _innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    alternatives: list[list[jsonschema_rs.ValidationError]] = getattr(error.kind, "context", [])
    deepest = max(
        (each for alternative in alternatives for each in alternative),
        key=lambda each: len(each.instance_path),
        default=error,
    )
    return _innermost(deepest) if len(deepest.instance_path) > len(error.instance_path) else error


def _main() -> None:
    for limit, value in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY)):
        # Not every system has both; whoever started this ends it in any case.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    with suppress(OSError):
        os.nice(10)
    asked = orjson.loads(sys.stdin.buffer.read())
    try:
        validator = compiled(asked["schema"])
    except ValueError as error:
        _say({"unusable": str(error)})
        return
    if "answer" not in asked:
        _say({"unusable": None})
        return
    value = asked["answer"]
    try:
        valid = validator.is_valid(value)
    except ValueError:
        _say({"valid": False})
        _say({"pointer": "", "message": "it is nested too deep"})
        return
    _say({"valid": valid})
    if not valid:
        place, message = violation(validator, value)
        _say({"pointer": place[:MAX_MESSAGE], "message": message})


def _say(line: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
