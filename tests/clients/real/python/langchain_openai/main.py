"""langchain-openai with the Responses API: bare calls, joined chunks, chains of ids, and an agent of langgraph."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: ignore-errors

import base64
import functools
import operator
import warnings

import openai
import pydantic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langchain_openai import custom_tool as as_custom_tool
from langgraph.prebuilt import create_react_agent
from protocol import (
    API_KEY,
    BASE_URL,
    CUSTOM_TOOL,
    GREETING,
    IMAGE,
    MODEL,
    expect,
    expect_both_results,
    expect_equal,
    expect_one_result,
    expect_report,
    expect_rows,
    expect_seen,
    rejection,
    rows,
    run,
    weather,
)

warnings.filterwarnings("ignore", message=".*create_react_agent has been moved.*")


class Report(pydantic.BaseModel):
    """The weather in a city."""

    city: str
    temperature: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return weather(city)


THINKING = {
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "medium", "summary": "auto"},
}
STATELESS = {"store": False, "include": ["reasoning.encrypted_content"]}


def chat(**options):
    settings = {"model": MODEL, "base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "timeout": 30}
    return ChatOpenAI(use_responses_api=True, **{**settings, **options})


async def plain(model, messages):
    return await model.ainvoke(messages)


async def streamed(model, messages):
    return functools.reduce(operator.add, [chunk async for chunk in model.astream(messages)])


def text():
    first = chat().invoke("say hello")
    expect_equal(first.text, GREETING, "text")
    usage = first.usage_metadata
    expect_equal(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"], "total_tokens")
    history = [("system", "Be brief."), ("user", "say hello"), first, ("user", "say hello")]
    for options in ({}, {"store": False}, {"use_previous_response_id": True}):
        expect_equal(chat(**options).invoke(history).text, GREETING, "text of the second turn")


async def stream():
    expect_equal("".join([chunk.text for chunk in chat().stream("say hello")]), GREETING, "the chunks")
    joined = await streamed(chat(), "say hello")
    expect_equal(joined.text, GREETING, "the joined chunks")
    expect(joined.usage_metadata["total_tokens"] > 0, "no usage came")


async def converse(ask, prompt, options, calls):
    """The model calls as often as told in each answer, and has every result in the end."""
    model = chat(**options).bind_tools([get_weather], strict=True)
    messages = [HumanMessage(prompt)]
    for expected in (*calls, 0):
        answer = await ask(model, messages)
        expect_equal(len(answer.tool_calls), expected, "calls in one answer")
        messages.append(answer)
        messages += [
            ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls
        ]
    return messages


async def every_way(prompt, calls):
    for ask in (plain, streamed):
        for options in ({}, STATELESS, {"store": False}, {"use_previous_response_id": True}):
            expect_both_results((await converse(ask, prompt, options, calls))[-1].text)
    agent = create_react_agent(chat(), [get_weather])
    expect_both_results((await agent.ainvoke({"messages": [HumanMessage(prompt)]}))["messages"][-1].text)


async def tools():
    await every_way("use tools", (1, 1))


async def parallel():
    await every_way("two at once", (2,))


async def structured():
    for method in ("json_schema", "function_calling"):
        model = chat().with_structured_output(Report, method=method)
        report = await model.ainvoke("structured")
        expect_report(report.city, report.temperature)
        *_, report = [chunk async for chunk in model.astream("structured")]
        expect_report(report.city, report.temperature)


def image():
    encoded = base64.b64encode(IMAGE).decode()
    for part in (
        {"type": "image", "base64": encoded, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
    ):
        expect_seen(chat().invoke([HumanMessage([{"type": "text", "text": "look at the image"}, part])]).text)


async def reasoning():
    for ask in (plain, streamed):
        for options in (THINKING, {"reasoning": THINKING["reasoning"], "use_previous_response_id": True}):
            messages = await converse(ask, "think", options, (1,))
            expect_one_result(messages[-1].text)
            kinds = [block["type"] for block in messages[1].content_blocks]
            expect("reasoning" in kinds, f"the blocks: {kinds}")
    agent = create_react_agent(chat(**THINKING), [get_weather])
    expect_one_result((await agent.ainvoke({"messages": [HumanMessage("think")]}))["messages"][-1].text)


async def errors():
    for ask in (plain, streamed):
        refused = await rejection(ask(chat(api_key="sk-wrong"), "say hello"))
        expect(isinstance(refused, openai.AuthenticationError), f"a wrong key: {refused!r}")
        unknown = await rejection(ask(chat(model="no-such-model"), "say hello"))
        expect(isinstance(unknown, openai.BadRequestError), f"an unknown model: {unknown!r}")
        limited = await rejection(ask(chat(), "fail 429"))
        expect(isinstance(limited, openai.RateLimitError), f"a rate limit: {limited!r}")
        expect_equal(limited.response.headers.get("retry-after"), "30", "retry-after")


async def custom_tool():
    grammar = {"type": "grammar", "syntax": "lark", "definition": CUSTOM_TOOL["grammar"]}
    for form in (grammar, {"type": "text"}):

        @as_custom_tool(format=form)
        def write_sql(statement: str) -> str:
            """Run one SQL statement."""
            return rows(statement)

        agent = create_react_agent(chat(), [write_sql])
        answer = await agent.ainvoke({"messages": [HumanMessage("use the custom tool")]})
        expect_rows(answer["messages"][-1].text)


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
