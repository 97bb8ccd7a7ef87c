"""Keys and texts of clients stay where they belong: no log line, no metric, no error body repeats them."""

import asyncio
from pathlib import Path

import aiohttp
import orjson
import pytest
import yaml

from tests.vendors.gateway import configuration
from tests.vendors.process import Process
from tests.vendors.script import CUT, HANG_UP, HTML, Called, ErrorEvent, Script, Turn, failure
from tests.vendors.server import Vendor

CLIENT_KEY = "sk-canary-client-3f1c"
WRONG_KEY = "sk-canary-wrong-90bd"
VENDOR_KEY = "sk-canary-vendor-77ab"
PROMPT = "canary-prompt-5d0e"
ANSWER = "canary-answer-c4e2"

SCRIPTS: tuple[Script, ...] = (
    Turn(ANSWER),
    Turn(f"{ANSWER} ", ANSWER, CUT),
    Turn(f"{ANSWER} ", ErrorEvent(f"Wrong key {VENDOR_KEY}", "authentication_error")),
    Turn(calls=(Called("look", (f'{{"a": "{ANSWER}"}}',)),)),
    HANG_UP,
    HTML,
    failure(401, f"Incorrect API key provided: {VENDOR_KEY}"),
    failure(500, f"Failed for {VENDOR_KEY}"),
    failure(503, f"Overloaded for {VENDOR_KEY}"),
    failure(400, "Refused.", code=VENDOR_KEY, param=VENDOR_KEY),
)


def bodies(model: str) -> list[bytes]:
    """Good and bad requests that are full of canaries."""
    item = {"role": "user", "content": [{"type": "input_text", "text": PROMPT}]}
    good = {"model": model, "input": [item], "instructions": PROMPT, "metadata": {"a": PROMPT}}
    look = {"type": "function", "name": "look", "description": PROMPT, "parameters": {"type": "object"}}
    changes: list[dict[str, object]] = [
        {},
        {"stream": True},
        {"stream": True, "tools": [look], "user": PROMPT, "prompt_cache_key": PROMPT},
        {"input": [{**item, "content": [{"type": "input_text", "text": [PROMPT]}]}]},
        {"input": [item, {"type": "function_call_output", "call_id": "call_x", "output": PROMPT}]},
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": PROMPT}, item]},
        {
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PROMPT}"}]}
            ]
        },
        {"temperature": "warm"},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": PROMPT}}}},
        {"background": True},
    ]
    plain = orjson.dumps(good)
    return [
        *(orjson.dumps({**good, **change}) for change in changes),
        plain[:-1],
        plain + b"}",
        plain.replace(b'"', b"'"),
    ]


@pytest.mark.parametrize("provider", ["chat", "claude"])
async def test_canaries_are_repeated_nowhere(vendor: Vendor, tmp_path: Path, provider: str) -> None:
    path = tmp_path / "dragoman.yaml"
    changes = {
        "clients": [{"name": "shop", "key": CLIENT_KEY}],
        "retry": {"attempts": 1},
        "providers": {name: {"api_key": VENDOR_KEY} for name in ("chat", "claude")},
    }
    path.write_text(yaml.safe_dump(configuration(vendor.url, **changes)))
    model = {"chat": "chat/gpt-4o", "claude": "claude/claude-sonnet-5"}[provider]
    errors: list[bytes] = []
    async with Process("serve", "--config", str(path)) as process, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{await process.listening()}"
        for script in SCRIPTS:
            for body in bodies(model) if script is SCRIPTS[0] else bodies(model)[:2]:
                vendor.always(script)
                for key in (CLIENT_KEY, WRONG_KEY):
                    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
                    async with http.post(f"{url}/v1/responses", data=body, headers=headers) as answer:
                        content = await answer.read()
                        if answer.status != 200:
                            errors.append(content)
                        assert VENDOR_KEY.encode() not in content
        raw = f"POST /v1/responses HTTP/1.1\r\nauthorization: Bearer {CLIENT_KEY}\x00\r\n\r\n".encode()
        errors.append(await _raw(url, raw))
        async with http.get(f"{url}/metrics") as answer:
            metrics = await answer.read()
        process.process.terminate()
        status, output = await process.end()
    assert status == 0
    assert len(errors) > 30
    assert vendor.requests
    for canary in (CLIENT_KEY, WRONG_KEY, VENDOR_KEY, PROMPT, ANSWER):
        assert canary not in process.log.decode()
        assert canary not in output
        assert canary.encode() not in metrics
        assert [content for content in errors if canary.encode() in content] == []


async def _raw(url: str, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer
