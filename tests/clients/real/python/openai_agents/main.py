"""openai-agents: the runner carries the loop of tools, plain and streamed, with its own history, ids of responses, or a
session."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: ignore-errors

import base64

import openai
import pydantic
from agents import (
    Agent,
    CustomTool,
    ModelSettings,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from openai.types.shared import Reasoning
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

set_tracing_disabled(True)


class Report(pydantic.BaseModel):
    city: str
    temperature: int


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return weather(city)


def model(name=MODEL, key=API_KEY):
    client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=key, max_retries=0, timeout=30)
    return OpenAIResponsesModel(model=name, openai_client=client)


def agent(**options):
    return Agent(**{"name": "Helper", "instructions": "Be brief.", "model": model(), **options})


async def plain(starting, prompt, **options):
    return await Runner.run(starting, prompt, **options)


async def streamed(starting, prompt, **options):
    result = Runner.run_streamed(starting, prompt, **options)
    deltas = ""
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas += event.data.delta
    if isinstance(result.final_output, str):
        expect(deltas.endswith(result.final_output), f"the deltas: {deltas!r}")
    return result


async def text():
    first = await plain(agent(), "say hello")
    expect_equal(first.final_output, GREETING, "final_output")
    usage = first.context_wrapper.usage
    expect_equal(usage.total_tokens, usage.input_tokens + usage.output_tokens, "total_tokens")
    history = [*first.to_input_list(), {"role": "user", "content": "say hello"}]
    expect_equal((await plain(agent(), history)).final_output, GREETING, "final_output of the second turn")
    session = SQLiteSession("one")
    for _ in range(3):
        expect_equal((await plain(agent(), "say hello", session=session)).final_output, GREETING, "with a session")


async def stream():
    expect_equal((await streamed(agent(), "say hello")).final_output, GREETING, "final_output")


async def every_way(prompt, calls):
    settings = (ModelSettings(), ModelSettings(store=False, parallel_tool_calls=True))
    for ask in (plain, streamed):
        for options in settings:
            result = await ask(agent(tools=[get_weather], model_settings=options), prompt)
            expect_both_results(result.final_output)
            made = [len([i for i in each.output if i.type == "function_call"]) for each in result.raw_responses]
            expect_equal(made, [*calls, 0], "calls in each answer")
        chained = await ask(agent(tools=[get_weather]), prompt, auto_previous_response_id=True)
        expect_both_results(chained.final_output)


async def tools():
    await every_way("use tools", [1, 1])


async def parallel():
    await every_way("two at once", [2])


async def structured():
    for ask in (plain, streamed):
        report = (await ask(agent(output_type=Report), "structured")).final_output
        expect_report(report.city, report.temperature)
    both = await plain(agent(output_type=Report, tools=[get_weather]), "structured")
    expect_report(both.final_output.city, both.final_output.temperature)


async def image():
    url = f"data:image/png;base64,{base64.b64encode(IMAGE).decode()}"
    content = [
        {"type": "input_text", "text": "look at the image"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]
    expect_seen((await plain(agent(), [{"role": "user", "content": content}])).final_output)


async def reasoning():
    settings = ModelSettings(
        store=False,
        reasoning=Reasoning(effort="medium", summary="auto"),
        response_include=["reasoning.encrypted_content"],
    )
    for ask in (plain, streamed):
        result = await ask(agent(tools=[get_weather], model_settings=settings), "think")
        expect_one_result(result.final_output)
        kinds = [item.type for item in result.new_items]
        expect("reasoning_item" in kinds, f"the items: {kinds}")


async def errors():
    for ask in (plain, streamed):
        refused = await rejection(ask(agent(model=model(key="sk-wrong")), "say hello"))
        expect(isinstance(refused, openai.AuthenticationError), f"a wrong key: {refused!r}")
        unknown = await rejection(ask(agent(model=model("no-such-model")), "say hello"))
        expect(isinstance(unknown, openai.BadRequestError), f"an unknown model: {unknown!r}")
        limited = await rejection(ask(agent(), "fail 429"))
        expect(isinstance(limited, openai.RateLimitError), f"a rate limit: {limited!r}")
        expect_equal(limited.response.headers.get("retry-after"), "30", "retry-after")


async def custom_tool():
    grammar = {"type": "grammar", "syntax": "lark", "definition": CUSTOM_TOOL["grammar"]}

    async def invoke(context, statement):
        return rows(statement)

    for form in (grammar, {"type": "text"}):
        tool = CustomTool(
            name=CUSTOM_TOOL["name"], description=CUSTOM_TOOL["description"], format=form, on_invoke_tool=invoke
        )
        for ask in (plain, streamed):
            expect_rows((await ask(agent(tools=[tool]), "use the custom tool")).final_output)


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
