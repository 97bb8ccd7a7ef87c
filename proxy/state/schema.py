"""The tables of the SQL stores, as a list of migrations: a database of version n has had the first n of them.

A migration that was released is never changed; what comes next is appended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FIRST: Final = (
    # `length` is the depth of the chain's end, `state` one of `sql_chains.ChainState`, `size` the bytes of its items,
    # its responses and its conversation.
    """CREATE TABLE dragoman_chains (
        id {text} NOT NULL PRIMARY KEY,
        owner {text} NOT NULL,
        parent {text},
        parent_depth INTEGER,
        length INTEGER NOT NULL,
        state INTEGER NOT NULL,
        size BIGINT NOT NULL
    ) {clustered}""",
    """CREATE INDEX dragoman_chains_children ON dragoman_chains (parent, parent_depth) WHERE parent IS NOT NULL""",
    # `hidden`: from which depth on the item is not seen any more. Without `body`: its content is gone.
    """CREATE TABLE dragoman_items (
        number {number},
        chain {text} NOT NULL,
        position INTEGER NOT NULL,
        owner {text} NOT NULL,
        id {text} NOT NULL,
        hidden INTEGER,
        body {bytes}
    )""",
    """CREATE UNIQUE INDEX dragoman_items_places ON dragoman_items (chain, position)""",
    """CREATE INDEX dragoman_items_ids ON dragoman_items (owner, id, number)""",
    """CREATE INDEX dragoman_items_hidden ON dragoman_items (chain) WHERE hidden IS NOT NULL""",
    """CREATE TABLE dragoman_responses (
        number {number},
        id {text} NOT NULL UNIQUE,
        owner {text} NOT NULL,
        status {text} NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at {real} NOT NULL,
        chain {text} NOT NULL,
        start INTEGER NOT NULL,
        input_end INTEGER NOT NULL,
        depth INTEGER NOT NULL,
        background INTEGER NOT NULL,
        body {bytes} NOT NULL,
        journal {bytes},
        ended_by {text}
    )""",
    # The response that began a chain has the chain's id, and is found by it.
    """CREATE INDEX dragoman_responses_places ON dragoman_responses (chain, depth) WHERE chain <> id""",
    """CREATE INDEX dragoman_responses_expiry ON dragoman_responses (expires_at)""",
    """CREATE TABLE dragoman_conversations (
        id {text} NOT NULL PRIMARY KEY,
        owner {text} NOT NULL,
        created_at BIGINT NOT NULL,
        metadata {bytes} NOT NULL
    ) {clustered}""",
    """CREATE TABLE dragoman_runs (
        response {text} NOT NULL PRIMARY KEY,
        owner {text} NOT NULL,
        replica {text} NOT NULL,
        lease {real} NOT NULL,
        request {bytes} NOT NULL,
        attempt INTEGER NOT NULL,
        cancel INTEGER NOT NULL,
        shown INTEGER NOT NULL
    )""",
    """CREATE INDEX dragoman_runs_leases ON dragoman_runs (lease)""",
    """CREATE INDEX dragoman_runs_replicas ON dragoman_runs (replica)""",
    """CREATE TABLE dragoman_events (
        response {text} NOT NULL,
        first BIGINT NOT NULL,
        last BIGINT NOT NULL,
        data {bytes} NOT NULL,
        PRIMARY KEY (response, first)
    )""",
    """CREATE TABLE dragoman_secrets (name {text} NOT NULL PRIMARY KEY, value {bytes} NOT NULL)""",
)

_SECOND: Final = (
    # `day` is the number of the UTC day of `at`; `cost` is in USD * 10**12.
    """CREATE TABLE dragoman_spend (
        id {text} NOT NULL PRIMARY KEY,
        at {real} NOT NULL,
        day INTEGER NOT NULL,
        client {text} NOT NULL,
        provider {text} NOT NULL,
        model {text} NOT NULL,
        outcome {text} NOT NULL,
        input_tokens BIGINT NOT NULL,
        cache_read_tokens BIGINT NOT NULL,
        cache_write_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        reasoning_tokens BIGINT NOT NULL,
        source {text} NOT NULL,
        cost BIGINT,
        price_source {text},
        attempts BIGINT NOT NULL,
        duration_ms BIGINT NOT NULL,
        first_output_ms BIGINT
    )""",
    """CREATE INDEX dragoman_spend_times ON dragoman_spend (at)""",
    # `value`: what was charged to a budget, or the level of a bucket in millionths of a unit; `at`: as of when.
    """CREATE TABLE dragoman_meters (
        id {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL,
        value BIGINT NOT NULL,
        at {real} NOT NULL
    )""",
    # Of an id that claims of buckets alone one row with the amount 0.
    """CREATE TABLE dragoman_reservations (
        id {text} NOT NULL,
        meter {text} NOT NULL,
        amount BIGINT NOT NULL,
        until {real} NOT NULL,
        PRIMARY KEY (id, meter)
    ) {clustered}""",
    """CREATE INDEX dragoman_reservations_meters ON dragoman_reservations (meter)""",
    """CREATE INDEX dragoman_reservations_ends ON dragoman_reservations (until)""",
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (_FIRST, _SECOND)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the databases call things: text that is compared by its bytes, bytes, a double, a number that counts up, and
    what makes a table lie in its key's order."""

    text: str
    bytes: str
    real: str
    number: str
    clustered: str

    def migrations(self, version: int) -> list[list[str]]:
        """The migrations from a version on, each a list of statements."""
        return [[self._written(statement) for statement in migration] for migration in MIGRATIONS[version:]]

    def _written(self, statement: str) -> str:
        words: Mapping[str, str] = {
            "text": self.text,
            "bytes": self.bytes,
            "real": self.real,
            "number": self.number,
            "clustered": self.clustered,
        }
        return statement.format_map(words)


SQLITE: Final = Dialect("TEXT", "BLOB", "REAL", "INTEGER PRIMARY KEY", "WITHOUT ROWID")
POSTGRES: Final = Dialect(
    'TEXT COLLATE "C"', "BYTEA", "DOUBLE PRECISION", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", ""
)


def newer_schema(found: int) -> str:
    """What the operator is told of a database that a later release has changed."""
    return (
        f"The store has schema version {found}, this release knows up to {len(MIGRATIONS)}. Run the release that made "
        "it, or a later one, or name another store."
    )
