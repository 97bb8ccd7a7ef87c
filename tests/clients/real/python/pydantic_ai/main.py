"""pydantic-ai: its agent carries the loop of tools, plain and streamed, and has structured output of every kind."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: ignore-errors

import openai
import pydantic
from protocol import (
    API_KEY,
    BASE_URL,
    GREETING,
    IMAGE,
    MODEL,
    Skip,
    expect,
    expect_both_results,
    expect_equal,
    expect_one_result,
    expect_report,
    expect_seen,
    rejection,
    run,
    weather,
)
from pydantic_ai import Agent, BinaryContent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Report(pydantic.BaseModel):
    city: str
    temperature: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return weather(city)


def agent(*, model=MODEL, key=API_KEY, **options):
    client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=key, max_retries=0, timeout=30)
    made = OpenAIResponsesModel(model, provider=OpenAIProvider(openai_client=client))
    return Agent(made, instructions="Be brief.", **options)


async def plain(asked, prompt, **options):
    return await asked.run(prompt, **options)


async def streamed(asked, prompt, **options):
    async with asked.iter(prompt, **options) as steps:
        async for node in steps:
            if Agent.is_model_request_node(node):
                async with node.stream(steps.ctx) as events:
                    async for _ in events:
                        pass
    return steps.result


def calls_of(result):
    """How many calls each answer made."""
    answers = [each for each in result.all_messages() if isinstance(each, ModelResponse)]
    return [len([part for part in each.parts if isinstance(part, ToolCallPart)]) for each in answers]


async def text():
    first = await plain(agent(), "say hello")
    expect_equal(first.output, GREETING, "output")
    expect(first.usage.input_tokens > 0 and first.usage.output_tokens > 0, f"usage: {first.usage}")
    for settings in ({}, {"openai_store": False}, {"openai_previous_response_id": "auto"}):
        history = first.all_messages()
        second = await plain(agent(), "say hello", message_history=history, model_settings=settings)
        expect_equal(second.output, GREETING, "output of the second turn")


async def stream():
    async with agent().run_stream("say hello") as result:
        deltas = [delta async for delta in result.stream_text(delta=True, debounce_by=None)]
    expect_equal("".join(deltas), GREETING, "the deltas")
    expect(len(deltas) > 1, f"the deltas: {deltas}")
    expect(result.usage.output_tokens > 0, "no usage came")


async def every_way(prompt, calls):
    for ask in (plain, streamed):
        for settings in ({}, {"openai_store": False}, {"openai_previous_response_id": "auto"}):
            result = await ask(agent(tools=[get_weather]), prompt, model_settings=settings)
            expect_both_results(result.output)
            expect_equal(calls_of(result), [*calls, 0], "calls in each answer")


async def tools():
    await every_way("use tools", [1, 1])


async def parallel():
    await every_way("two at once", [2])


async def structured():
    for kind in (NativeOutput, ToolOutput, PromptedOutput):
        for ask in (plain, streamed):
            report = (await ask(agent(output_type=kind(Report)), "structured")).output
            expect_report(report.city, report.temperature)
    both = await plain(agent(output_type=NativeOutput(Report), tools=[get_weather]), "structured")
    expect_report(both.output.city, both.output.temperature)


async def image():
    shown = BinaryContent(IMAGE, media_type="image/png")
    expect_seen((await plain(agent(), ["look at the image", shown])).output)


async def reasoning():
    settings = {"openai_reasoning_effort": "medium", "openai_reasoning_summary": "auto"}
    for ask in (plain, streamed):
        for more in ({}, {"openai_store": False}):
            result = await ask(agent(tools=[get_weather]), "think", model_settings={**settings, **more})
            expect_one_result(result.output)
            thoughts = [part for part in result.all_messages()[1].parts if isinstance(part, ThinkingPart)]
            expect(thoughts and thoughts[-1].signature, f"the thoughts: {thoughts}")


async def errors():
    for ask in (plain, streamed):
        for status, asked, prompt in (
            (401, agent(key="sk-wrong"), "say hello"),
            (400, agent(model="no-such-model"), "say hello"),
            (429, agent(), "fail 429"),
        ):
            error = await rejection(ask(asked, prompt))
            expect(isinstance(error, ModelHTTPError), f"{status}: {error!r}")
            expect_equal(error.status_code, status, "status")
            expect(error.body["message"] in str(error), f"{status}: {error.body}")
        expect_equal(error.__cause__.response.headers.get("retry-after"), "30", "retry-after")


def custom_tool():
    raise Skip("it has no custom tools")


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
