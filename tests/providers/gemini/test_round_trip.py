"""An answer goes to the client and comes back with the next request: through the exchange and its seals the vendor is
sent its own parts again, as they were and where they were."""

from typing import Any, cast

import orjson
import pytest

from providers.gemini import Gemini, GeminiSettings
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.exchange.proofs import sealing
from proxy.provider.contract import Frame, Prepared
from proxy.responses.assembler import Assembler
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.seal import Sealer, SealKey
from proxy.upstream.client import HttpClient
from tests.providers.gemini.answers import call, chunk, said, stop, thought
from tests.providers.gemini.requests import FLASH_3, FLASH_25, S1, S2, S3

SEALER = Sealer([SealKey("test", bytes(32))])
TOOLS = [
    {"type": "web_search"},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}},
]

CODE = {"executableCode": {"code": "print(1)", "language": "PYTHON", "id": "x"}}
RAN = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n", "id": "x"}}
SEARCH = {"toolCall": {"id": "a", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}, "thoughtSignature": S1}
FOUND = {"toolResponse": {"id": "a", "toolType": "GOOGLE_SEARCH_WEB", "response": {"search_suggestions": "<b>é</b>"}}}
OTHER = {"toolCall": {"id": "b", "toolType": "URL_CONTEXT", "args": {"urls": ["u"]}}}
READ = {"toolResponse": {"id": "b", "toolType": "URL_CONTEXT", "response": {"url_metadata": [{"retrieved_url": "u"}]}}}
WX = call("wx", {"city": "Oslo"}, identifier="f1", signature=S2)


def target_of(model: str) -> Target:
    return Target(Endpoint("vendor", Gemini(GeminiSettings()), cast(HttpClient, None)), model)


def prepared(model: str, *items: Any) -> Prepared:
    tools = TOOLS if model == FLASH_3 else TOOLS[1:2]
    request = {"model": "any", "input": [{"role": "user", "content": "ping"}, *items], "tools": tools}
    return prepare(parse_create(request), target_of(model), rules=Rules(), sealer=SEALER, client="c")[0]


def output_of(model: str, parts: list[Any], *, streamed: bool) -> list[dict[str, Any]]:
    """What the client gets."""
    asked = prepared(model)
    provider = target_of(model).endpoint.provider
    seal = sealing(SEALER, target_of(model), asked.capabilities.family, "c")
    assembler = Assembler(opening(parse_create({"model": "any", "input": "ping"})), seal=seal)
    if streamed:
        decoder = provider.decoder(asked)
        for each in (*map(chunk, parts), stop()):
            assembler.feed(decoder.feed(Frame("", orjson.dumps(each))))
        assembler.feed(decoder.end())
    else:
        assembler.feed(provider.decode(orjson.dumps(stop(*parts)), asked))
    assembler.finish("completed", None)
    items: list[dict[str, Any]] = orjson.loads(orjson.dumps(assembler.output))
    return items


def sent_again(model: str, items: list[dict[str, Any]]) -> tuple[Any, list[str]]:
    """The contents behind the first question, and what was declared of the history."""
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "3 C"}
        for item in items
        if item["type"] == "function_call"
    ]
    question = [] if results else [{"role": "user", "content": "pong"}]
    asked = prepared(model, *items, *results, *question)
    contents = orjson.loads(encode(asked, target_of(model), Rules()).body)["contents"]
    return contents[1:], [loss.path for loss in asked.conversions if loss.path.startswith("input")]


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    "parts",
    [
        [CODE, RAN, said("Done")],
        [SEARCH, FOUND, said("Done", S3)],
        [SEARCH, FOUND, WX],
        [said("I look."), SEARCH, FOUND, CODE, RAN, WX],
        [SEARCH, OTHER, FOUND, READ, said("Done")],
        [SEARCH, OTHER, READ, FOUND, WX],
        [SEARCH, CODE, RAN, FOUND, said("Done")],
        [SEARCH, FOUND, said("So"), OTHER, READ, said("that")],
    ],
)
def test_the_vendor_is_sent_its_own_parts(parts: list[Any], streamed: bool) -> None:
    items = output_of(FLASH_3, parts, streamed=streamed)
    (turn, *_), losses = sent_again(FLASH_3, items)
    assert turn == {"role": "model", "parts": parts}
    assert losses == []


def test_thoughts_between_them_take_no_signature_away() -> None:
    parts = [thought("Hm"), SEARCH, FOUND, thought("Well"), WX]
    (turn, *_), _ = sent_again(FLASH_3, output_of(FLASH_3, parts, streamed=True))
    assert turn == {"role": "model", "parts": [SEARCH, FOUND, WX]}


def test_another_model_is_told_in_words() -> None:
    items = output_of(FLASH_3, [CODE, RAN, said("Done")], streamed=True)
    contents, losses = sent_again(FLASH_25, items)
    assert [turn["role"] for turn in contents] == ["model", "user"]
    assert contents[0]["parts"] == [{"text": "Done"}]
    assert "print(1)" in contents[1]["parts"][0]["text"]
    assert losses


def test_an_image_goes_back_as_one_of_the_user() -> None:
    model = "gemini-3-pro-image-preview"
    image = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="}
    request = {
        "model": "any",
        "input": [{"role": "user", "content": "Draw"}, image, {"role": "user", "content": "Red"}],
    }
    asked = prepare(parse_create(request), target_of(model), rules=Rules(), sealer=SEALER, client="c")[0]
    contents = orjson.loads(encode(asked, target_of(model), Rules()).body)["contents"]
    assert any("inlineData" in part for part in contents[0]["parts"])
