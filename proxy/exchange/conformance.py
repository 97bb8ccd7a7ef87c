"""Whether an answer conforms to a client's JSON Schema.

The library validates small schemas at once. What may take long (patterns, references of the rarer kinds, alternatives
that multiply) is done by a process of its own, which is ended in time: so no schema holds up the gateway.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

import orjson

from proxy.responses.errors import ResponsesError

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_VISITS: Final = 20_000
"""How many schemas one value may be held against, at most, for a schema that is compiled in the process itself."""

MAX_STEPS: Final = 4_000_000
"""How many schemas all values of an answer may be held against in the process itself: some 50 ms."""

MAX_EXPLAINED: Final = 1_000
"""As `MAX_STEPS`, for finding out what is wrong: every alternative that fails is written down."""

MAX_LEVELS: Final = 200
"""How deep such a schema may be, references followed."""

MAX_DEPTH: Final = 100
"""How deep an answer may be that is held against it: with both at their limits, a quarter of the stack is used."""

WORKER_SECONDS: Final = 5.0
"""How long the other process may take, its start included. It ends itself after a second of processor time."""

_WORKER: Final = Path(__file__).with_name("schema_worker.py")


class UnusableSchemaError(Exception):
    """A schema that nothing can be held against: it is not valid, refers to something outside, or is too complex."""


class Violation(NamedTuple):
    """Where an answer does not conform, as a JSON Pointer, and how. Strings of the answer are not quoted."""

    pointer: str
    message: str


class Checker:
    """One schema, ready for answers. `slots` limits the processes that run at a time."""

    __slots__ = ("_schema", "_slots", "_validator", "_work")

    def __init__(self, schema: bytes, slots: asyncio.Semaphore, validator: "Validator | None", work: "Work") -> None:
        """`schema` is JSON. Without a validator everything is left to the other process."""
        self._schema = schema
        self._slots = slots
        self._validator = validator
        self._work = work

    async def check(self, text: str, value: object) -> Violation | None:
        """What is wrong with a value, None when it conforms; `text` is its JSON. Raises ResponsesError (502) where that
        takes too long."""
        steps = self._work.visits * _values(text)
        if self._validator is not None and steps <= MAX_STEPS and not _is_deep(value):
            from proxy.exchange.schema_worker import violation

            if self._validator.is_valid(value):
                return None
            if steps <= MAX_EXPLAINED and not self._work.recursive:
                return Violation(*violation(self._validator, value))
        found = await _ask_worker(b'{"schema":%b,"answer":%b}' % (self._schema, text.encode()), self._slots)
        if not found:
            # To ask the model once more would cost the same again, and end alike.
            raise ResponsesError(
                502,
                "The model's answer could not be held against the schema in time: the schema is too complex.",
                type="server_error",
                code="invalid_structured_output",
                headers={"x-should-retry": "false"},
            )
        if found[0].get("valid") is True:
            return None
        said = found[1] if len(found) > 1 else {}
        return Violation(str(said.get("pointer", "")), str(said.get("message", "it is not valid")))


async def checker(schema: Mapping[str, object], slots: asyncio.Semaphore) -> Checker:
    """What holds answers against the schema. Raises UnusableSchemaError."""
    try:
        written = orjson.dumps(dict(schema))
    except orjson.JSONEncodeError:
        raise UnusableSchemaError("it is nested too deep") from None
    work = work_of(schema)
    if work is None or work.visits > MAX_VISITS:
        found = await _ask_worker(b'{"schema":%b}' % written, slots)
        problem = found[0].get("unusable") if found else "it takes too long to compile"
        if problem is not None:
            raise UnusableSchemaError(str(problem))
        return Checker(written, slots, None, NO_WORK)
    from proxy.exchange.schema_worker import compiled

    try:
        return Checker(written, slots, compiled(dict(schema)), work)
    except ValueError as error:
        raise UnusableSchemaError(str(error)) from None


# --- how much work a schema is ----------------------------------------------------------------------------------------


class _Unbounded(Exception):  # noqa: N818 - leaves a recursion
    pass


class Work(NamedTuple):
    """How many schemas one value is held against at most, and whether the schema refers to itself."""

    visits: int
    recursive: bool


NO_WORK: Final = Work(0, recursive=False)


def work_of(schema: Mapping[str, object]) -> Work | None:
    """How much work the schema is; None where that cannot be told.

    `visits` is the size of the schema with its references followed, each up to where it comes back to itself: from
    there on the library remembers. All that stands in the schema counts: to know better would be to know all keywords.
    """
    if not str(schema.get("$schema", _DRAFTS[0])).startswith(_DRAFTS):
        return None
    counting = _Counting(schema)
    try:
        size = counting.size({name: value for name, value in schema.items() if name not in _OF_ROOT})
    except _Unbounded:
        return None
    return Work(size, counting.recursive)


_DRAFTS: Final = (
    "https://json-schema.org/draft/2020-12/",
    "https://json-schema.org/draft/2019-09/",
    "http://json-schema.org/draft-07/",
    "http://json-schema.org/draft-06/",
)
_OF_ROOT: Final = frozenset({"$defs", "$id", "definitions"})
"""Members of the whole schema that validate nothing themselves."""

_UNCOUNTED: Final = frozenset(
    {
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$id",
        "$recursiveRef",
        "patternProperties",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Members whose cost does not follow from the size: patterns, other references, evaluation that is repeated."""


class _Counting:
    def __init__(self, root: Mapping[str, object]) -> None:
        self.recursive = False
        self._root = root
        self._known: dict[int, tuple[int, int]] = {}
        self._open = {id(root)}

    def size(self, node: object) -> int:
        return self._measure(node, 0)[0]

    def _measure(self, node: object, level: int) -> tuple[int, int]:
        """The size and the height of what begins at a node."""
        if not isinstance(node, (Mapping, list)):
            return 1, 0
        key = id(node)
        found = self._known.get(key)
        if found is None:
            if key in self._open:
                self.recursive = True
                return 1, 0
            if level > MAX_LEVELS:
                raise _Unbounded
            self._open.add(key)
            found = self._sum(node, level)
            self._open.discard(key)
            self._known[key] = found
        if level + found[1] > MAX_LEVELS:
            raise _Unbounded
        return found

    def _sum(self, node: Mapping[str, object] | list[object], level: int) -> tuple[int, int]:
        size, height = 1, 0
        for below in self._below(node) if isinstance(node, Mapping) else node:
            more, depth = self._measure(below, level + 1)
            size, height = size + more, max(height, depth + 1)
        return size, height

    def _below(self, node: Mapping[str, object]) -> list[object]:
        if not _UNCOUNTED.isdisjoint(node) or isinstance(node.get("pattern"), str) or node.get("format") == "regex":
            raise _Unbounded
        reference = node.get("$ref")
        return [*node.values(), self._target(reference)] if isinstance(reference, str) else list(node.values())

    def _target(self, reference: str) -> object:
        """What a pointer into the schema leads to."""
        if reference == "#":
            return self._root
        if not reference.startswith("#/"):
            raise _Unbounded
        current: object = self._root
        for step in unquote(reference[2:]).split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(current, Mapping):
                current = current.get(name)
            elif isinstance(current, list) and name.isdecimal() and len(name) < 10 and int(name) < len(current):
                current = current[int(name)]
            else:
                return None
        return current


def _values(text: str) -> int:
    """How many values stand in a JSON text, at most."""
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [each for each in level if isinstance(each, (dict, list))]
        if not inner:
            return False
        level = [below for each in inner for below in (each.values() if isinstance(each, dict) else each)]
    return True


# --- the other process ------------------------------------------------------------------------------------------------


async def _ask_worker(asked: bytes, slots: asyncio.Semaphore) -> list[dict[str, object]]:
    """What the other process finds, as far as it gets in time. It knows nothing of this one's environment."""
    environment = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    found: list[dict[str, object]] = []
    async with slots:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_WORKER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(WORKER_SECONDS):
                process.stdin.write(asked)
                with suppress(ConnectionError):
                    await process.stdin.drain()
                process.stdin.close()
                while line := await process.stdout.readline():
                    found.append(orjson.loads(line))
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return found
