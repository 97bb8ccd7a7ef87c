"""What released clients did with stored state, once more: their requests in their order, with the ids of today."""

import asyncio
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

import pytest

from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor

Recording: TypeAlias = dict[str, Any]

_STATEFUL = re.compile(
    r"/conversations|/responses/|\"(?:previous_response_id|conversation)\": \"|\"background\": true|item_reference"
)
_ID = re.compile(r"\b(?:resp|conv|msg)_[0-9a-f]{32}\b")
_CUT = re.compile(r"\.\.\.<cut \d+ chars>")
_UNKNOWN = "0" * 32
"""The ids that clients made up."""


def scenarios() -> list[Any]:
    """Each client's runs that touch stored state, as pytest's parameters."""
    folder = Path(os.environ.get("DRAGOMAN_CLIENTS", "/nowhere"))
    found: dict[str, list[Recording]] = defaultdict(list)
    for path in sorted(folder.glob("*/*.json")):
        recording: Recording = json.loads(path.read_text())
        if not recording.get("ws_messages"):
            found[f"{recording['client']}-{recording['scenario']}"].append(recording)
    kept = [
        pytest.param(recordings, id=name)
        for name, recordings in found.items()
        if any(_STATEFUL.search(json.dumps([one["path"], one["body"]])) for one in recordings)
    ]
    return kept or [pytest.param([], marks=pytest.mark.skip("DRAGOMAN_CLIENTS names no folder with recordings"))]


class Play:
    """One run. Ids of the recording become those that were given since: what is named first is what came last."""

    def __init__(self, gateway: Gateway, vendor: Vendor, target: str, recordings: list[Recording]) -> None:
        self._gateway = gateway
        self._vendor = vendor
        self._target = target
        self._recordings = recordings
        self._renamed: dict[str, str] = {}
        self._latest: dict[str, str] = {}
        self._sealed: str | None = None

    async def repeat(self, position: int) -> Whole:
        """Make the request at a position again."""
        recording = self._recordings[position]
        path = recording["path"] + ("?" + urlencode(recording["query"]) if recording["query"] else "")
        body = None
        if recording["body"] is not None:
            self._vendor.always(self._turn(position))
            value = {**recording["body"]}
            value |= {"model": self._target} if not value.get("model", "no-such").startswith("no-such") else {}
            body = _CUT.sub("", self._today(json.dumps(value))).encode()
        headers = {
            name: value
            for name, value in recording["headers"].items()
            if name in ("content-type", "accept", "user-agent") or name.startswith(("x-", "openai-"))
        }
        answer = await self._gateway.request(recording["method"], self._today(path), body=body, headers=headers)
        if answer.status == 200:
            self._note(answer)
        return answer

    def _turn(self, position: int) -> Turn:
        """What the model says: what the next request takes for granted. It does not end when it is to be cancelled, and
        makes the calls whose outputs are brought without the calls."""
        body = self._recordings[position]["body"]
        following: Recording = self._recordings[position + 1] if position + 1 < len(self._recordings) else {"path": ""}
        if body.get("background") and following["path"].endswith("/cancel"):
            return Turn("Never ", asyncio.Event())
        items = [item for item in (following.get("body") or {}).get("input", ()) if isinstance(item, dict)]
        own = {item["call_id"] for item in items if item.get("type") in ("function_call", "custom_tool_call")}
        tools = [tool["name"] for tool in body.get("tools", ())]
        calls = [
            Called(tools[0], id=item["call_id"])
            for item in items
            if item.get("type") in ("function_call_output", "custom_tool_call_output") and item["call_id"] not in own
        ]
        return Turn("Very well.", calls=tuple(calls))

    def _today(self, text: str) -> str:
        def renamed(match: re.Match[str]) -> str:
            name = match[0]
            if name.endswith(_UNKNOWN):
                return name
            if name not in self._renamed:
                self._renamed[name] = self._latest.get(name.partition("_")[0], name)
            return self._renamed[name]

        text = _ID.sub(renamed, text)
        if self._sealed is not None and '"type": "compaction"' in text:
            text = re.sub(r'(?<="encrypted_content": )"[^"]*"', json.dumps(self._sealed), text)
        return text

    def _note(self, answer: Whole) -> None:
        """Remember the newest id of each kind."""
        if answer.headers["content-type"].startswith("text/event-stream"):
            value = answer.terminal["response"]
        else:
            value = answer.json
        items = value.get("data") or value.get("output") or []
        if value.get("object") in ("response", "conversation"):
            self._latest[value["id"].partition("_")[0]] = value["id"]
        for item in items:
            self._latest[item["id"].partition("_")[0]] = item["id"]
            self._sealed = item.get("encrypted_content", self._sealed)


@pytest.mark.parametrize("recordings", scenarios())
async def test_the_state_of_real_clients(gateways: Gateways, vendor: Vendor, recordings: list[Recording]) -> None:
    gateway = await gateways.start()
    play = Play(gateway, vendor, MODELS["openai_chat"], recordings)
    for position, recording in enumerate(recordings):
        answer = await play.repeat(position)
        unknown_model = (recording["method"], recording["answered"]) == ("POST", 404)
        expected = 400 if unknown_model else recording["answered"]
        assert answer.status == expected, (recording["method"], recording["path"], answer.body)
        if answer.status == 200 and (recording["body"] or {}).get("previous_response_id"):
            assert b"Very well." in vendor.last.body
