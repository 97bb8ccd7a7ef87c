# Its packages are in an environment of its own, where mypy does not look.
# mypy: ignore-errors
"""openai-python: both its halves, its helpers, stored and stateless turns, and the classes of its errors."""

import asyncio
import base64
import json

import openai
import pydantic
from protocol import (
    API_KEY,
    BASE_URL,
    CUSTOM_TOOL,
    GREETING,
    IMAGE,
    MODEL,
    WEATHER,
    expect,
    expect_both_results,
    expect_equal,
    expect_one_result,
    expect_report,
    expect_rows,
    expect_seen,
    rows,
    run,
    weather,
)

TOOLS = [{"type": "function", **WEATHER, "strict": True}]


class Report(pydantic.BaseModel):
    city: str
    temperature: int


def client(key=API_KEY):
    return openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=0, timeout=30)


def async_client():
    return openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0, timeout=30)


def text():
    with client() as api:
        first = api.responses.create(model=MODEL, input="say hello", instructions="Be brief.", metadata={"a": "b"})
        expect_equal(first.output_text, GREETING, "output_text")
        expect_equal((first.status, first.model, first.metadata), ("completed", MODEL, {"a": "b"}), "the response")
        expect_equal(first.usage.total_tokens, first.usage.input_tokens + first.usage.output_tokens, "total_tokens")
        second = api.responses.create(model=MODEL, input="say hello", previous_response_id=first.id)
        expect_equal(second.output_text, GREETING, "output_text of the second turn")
        expect_equal(api.responses.retrieve(second.id).output_text, GREETING, "output_text of the kept response")
        items = list(api.responses.input_items.list(second.id))
        kinds = [item.type for item in items if item.type != "reasoning"]
        expect_equal(kinds, ["message"] * 3, "the input of the second turn")
        raw = api.responses.with_raw_response.create(model=MODEL, input=[{"role": "user", "content": "say hello"}])
        expect(raw.headers["x-request-id"], "no request id")
        expect_equal(raw.parse().output_text, GREETING, "output_text of the raw response")
        api.responses.delete(second.id)


async def stream():
    async with async_client() as api:
        deltas, kinds = "", []
        async for event in await api.responses.create(model=MODEL, input="say hello", stream=True):
            kinds.append(event.type)
            deltas += event.delta if event.type == "response.output_text.delta" else ""
        expect_equal(deltas, GREETING, "the deltas")
        expect_equal((kinds[0], kinds[-1]), ("response.created", "response.completed"), "the events")
        async with api.responses.stream(model=MODEL, input="say hello") as events:
            snapshots = [event.snapshot async for event in events if event.type == "response.output_text.delta"]
            final = await events.get_final_response()
        expect_equal((snapshots[-1], final.output_text), (GREETING, GREETING), "the helper")
    with client() as api, api.responses.with_streaming_response.create(model=MODEL, input="say hello") as raw:
        expect_equal(raw.parse().output_text, GREETING, "output_text of the streaming response")


# --- tools ------------------------------------------------------------------------------------------------------------


async def stored(api, **body):
    return await api.responses.create(**body)


async def streamed(api, **body):
    async with api.responses.stream(**body) as events:
        async for _ in events:
            pass
        return await events.get_final_response()


def calls_of(response, kind="function_call"):
    return [item for item in response.output if item.type == kind]


def output_of(call):
    result = weather(**json.loads(call.arguments))
    return {"type": "function_call_output", "call_id": call.call_id, "output": result}


async def converse(api, ask, prompt, calls, *, continued):
    """The model calls as often as told in each answer, and has every result in the end."""
    items = [{"role": "user", "content": prompt}]
    response = await ask(api, model=MODEL, tools=TOOLS, input=items, store=continued)
    for expected in calls:
        made = calls_of(response)
        expect_equal(len(made), expected, "calls in one answer")
        outputs = [output_of(call) for call in made]
        if continued:
            chained = {"previous_response_id": response.id, "input": outputs}
            response = await ask(api, model=MODEL, tools=TOOLS, **chained)
        else:
            items = [*items, *response.output, *outputs]
            response = await ask(api, model=MODEL, tools=TOOLS, input=items, store=False)
    expect_equal(calls_of(response), [], "calls in the last answer")
    expect_both_results(response.output_text)


async def every_way(prompt, calls):
    async with async_client() as api:
        for ask in (stored, streamed):
            for continued in (True, False):
                await converse(api, ask, prompt, calls, continued=continued)


async def tools():
    await every_way("use tools", (1, 1))


async def parallel():
    await every_way("two at once", (2,))
    async with async_client() as api:  # eight conversations at a time do not mix
        await asyncio.gather(*(converse(api, streamed, "two at once", (2,), continued=bool(n % 2)) for n in range(8)))


# --- the rest ---------------------------------------------------------------------------------------------------------


async def structured():
    with client() as api:
        parsed = api.responses.parse(model=MODEL, input="structured", text_format=Report).output_parsed
        expect_report(parsed.city, parsed.temperature)
    async with async_client() as api:
        parsed = (await streamed(api, model=MODEL, input="structured", text_format=Report)).output_parsed
        expect_report(parsed.city, parsed.temperature)
        function = openai.pydantic_function_tool(Report, name="report")["function"]
        tool = {"type": "function", **function}
        forced = {"type": "function", "name": "report"}
        for ask in (stored, streamed):
            response = await ask(api, model=MODEL, input="structured", tools=[tool], tool_choice=forced)
            report = json.loads(calls_of(response)[0].arguments)
            expect_report(**report)


def image():
    url = f"data:image/png;base64,{base64.b64encode(IMAGE).decode()}"
    content = [
        {"type": "input_text", "text": "look at the image"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]
    with client() as api:
        expect_seen(api.responses.create(model=MODEL, input=[{"role": "user", "content": content}]).output_text)


async def reasoning():
    shared = {
        "model": MODEL,
        "tools": TOOLS,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
    }
    async with async_client() as api:
        for ask in (stored, streamed):
            items = [{"role": "user", "content": "think"}]
            first = await ask(api, **shared, input=items)
            thoughts = calls_of(first, "reasoning")
            expect(thoughts and all(item.encrypted_content for item in thoughts), f"the thoughts: {thoughts}")
            outputs = [output_of(call) for call in calls_of(first)]
            dumped = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
            for replayed in (first.output, dumped):
                second = await ask(api, **shared, input=[*items, *replayed, *outputs])
                expect_one_result(second.output_text)
            kept = {**shared, "store": True}
            first = await ask(api, **kept, input=items)
            outputs = [output_of(call) for call in calls_of(first)]
            expect_one_result((await ask(api, **kept, previous_response_id=first.id, input=outputs)).output_text)


def failure_of(kind, what, api, **body):
    try:
        response = api.responses.create(**{"model": MODEL, "input": "say hello", **body})
        list(response if body.get("stream") else ())
    except openai.APIStatusError as error:
        expect(type(error) is kind, f"{what}: {error!r}")
        expect(error.request_id, f"{what}: no request id")
        return error
    raise AssertionError(f"{what}: no error came")


def errors():
    with client("sk-wrong") as api:
        failure_of(openai.AuthenticationError, "a wrong key", api)
    with client() as api:
        unknown = failure_of(openai.BadRequestError, "an unknown model", api, model="no-such-model")
        expect_equal((unknown.code, unknown.param), ("model_not_found", "model"), "an unknown model")
        wrong = failure_of(openai.BadRequestError, "a wrong value", api, temperature="warm")
        expect_equal(wrong.param, "temperature", "param of a wrong value")
        for stream in (False, True):
            limited = failure_of(openai.RateLimitError, "a rate limit", api, input="fail 429", stream=stream)
            expect_equal(limited.response.headers.get("retry-after"), "30", "retry-after")
        lost = failure_of(openai.BadRequestError, "an unknown response", api, previous_response_id="resp_none")
        expect_equal(lost.param, "previous_response_id", "param of an unknown response")


async def custom_tool():
    grammar = {"type": "grammar", "syntax": "lark", "definition": CUSTOM_TOOL["grammar"]}
    named = {"name": CUSTOM_TOOL["name"], "description": CUSTOM_TOOL["description"]}
    async with async_client() as api:
        for form in (grammar, {"type": "text"}):
            for ask in (stored, streamed):
                shared = {"model": MODEL, "tools": [{"type": "custom", **named, "format": form}], "store": False}
                items = [{"role": "user", "content": "use the custom tool"}]
                first = await ask(api, **shared, input=items)
                made = calls_of(first, "custom_tool_call")
                expect_equal([call.name for call in made], [CUSTOM_TOOL["name"]], "the custom calls")
                output = {"type": "custom_tool_call_output", "call_id": made[0].call_id, "output": rows(made[0].input)}
                expect_rows((await ask(api, **shared, input=[*items, *first.output, output])).output_text)


run(
    {
        "text": text,
        "stream": stream,
        "tools": tools,
        "parallel": parallel,
        "structured": structured,
        "image": image,
        "reasoning": reasoning,
        "errors": errors,
        "custom_tool": custom_tool,
    }
)
