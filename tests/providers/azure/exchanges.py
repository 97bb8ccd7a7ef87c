"""What Azure answered, recorded by others: both of its APIs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from providers.azure import Azure, AzureSettings
from proxy.provider.secret import Secret
from proxy.testing import Exchange

ADDRESS = "https://r1.openai.azure.com"


def provider(**settings: Any) -> Azure:
    """A resource that nobody asks."""
    return Azure(AzureSettings(**{"base_url": ADDRESS, "api_key": Secret("an-azure-key"), **settings}), "azure")


def recorded(folder: str) -> list[Exchange]:
    """The recorded answers of one API; none without recordings."""
    return list(_recorded(folder))


def _recorded(folder: str) -> Iterator[Exchange]:
    corpus = os.environ.get("DRAGOMAN_CORPUS")
    for path in sorted(Path(corpus, folder).glob("*.json")) if corpus else ():
        exchange = json.loads(path.read_bytes())
        body, streamed = exchange["response_body"], exchange["response_body_kind"] == "text"
        asked = exchange["request_body"] if isinstance(exchange["request_body"], dict) else {}
        tools = [tool for tool in asked.get("tools") or () if tool.get("type") == "function"]
        functions = [{"type": "function", **tool.get("function", tool)} for tool in tools]
        yield Exchange(
            id=path.stem,
            model=str(asked.get("model") or "gpt-4.1"),
            answer=(body if streamed else json.dumps(body)).encode(),
            status_code=exchange["status"],
            headers={"content-type": "text/event-stream" if streamed else "application/json"},
            stream=streamed,
            request={"input": "ping", **({"tools": functions} if functions else {})},
        )
