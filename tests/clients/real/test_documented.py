"""docs/clients.md has a snippet for every client that is tried."""

from tests.clients.real.documented import ADDRESS, PROMPT, documented
from tests.clients.real.node import install as node
from tests.clients.real.python import install as python


def test_every_client_has_a_snippet() -> None:
    clients = {f"python/{name}" for name in python.CLIENTS} | {f"node/{name}" for name in node.CLIENTS}
    assert {snippet.client for snippet in documented()} == clients


def test_every_snippet_names_the_address_and_asks_the_same() -> None:
    for snippet in documented():
        assert snippet.text.count(ADDRESS) == 1
        assert (PROMPT in snippet.text) == (snippet.language != "toml")
