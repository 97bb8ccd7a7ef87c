"""Prompt templates: what a request becomes that names one, and what is wrong with one that cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigurationError
from proxy.exchange.prompts import NOT_OF_TEMPLATES, Prompts, read_prompts
from proxy.responses.errors import ResponsesError
from proxy.responses.request import CreateRequest, parse_create
from tests.config.fakes import load_text

TEMPLATE = """
providers: {house: {type: scripted}}
prompts:
  support:
    versions:
      1: {instructions: "Answer for {{company}}."}
      2:
        model: house/small
        instructions: "You are {{ name }} of {{company}}; {{name}} is polite. {{# kept }} {kept} {{}}"
        input:
          - {role: developer, content: "The time is {{time}}."}
          - {role: user, content: "{{question}}"}
        temperature: 0.2
        max_output_tokens: 100
        tools: [{type: function, name: f}]
        text: {verbosity: low}
  short: {instructions: Plain.}
  chosen: {version: 1, versions: {1: {instructions: One.}, 2: {instructions: Two.}}}
  photo:
    input: [{role: user, content: ["{{photo}}", {type: input_text, text: "What is {{photo_name}}?"}]}]
  example:
    input:
      - {role: user, content: "Weather in {{city}}?"}
      - {type: function_call, call_id: "{{city}}", name: "{{city}}", arguments: '{"city": "{{city}}"}'}
      - {type: function_call_output, call_id: "{{city}}", output: [{type: input_text, text: "{{city}}"}]}
      - {role: assistant, content: "Fine in {{city}}."}
"""
VARIABLES = {"company": "ACME", "name": "Ann", "time": "noon", "question": "Why?"}
IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png"}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    return read_prompts(load_text(TEMPLATE, tmp_path_factory.mktemp("prompts")))


def filled(
    prompts: Prompts, name: str, variables: dict[str, Any] | None = None, version: str | None = None, **body: Any
) -> CreateRequest:
    """The request that names a prompt."""
    prompt: dict[str, Any] = {"id": name}
    if variables is not None:
        prompt["variables"] = variables
    if version is not None:
        prompt["version"] = version
    written: dict[str, Any] = {"prompt": prompt, **body}
    prompts.complete(written)
    written.setdefault("model", "asked")
    request = parse_create(written)
    prompts.fill(request)
    return request


def error(prompts: Prompts, *arguments: Any, **body: Any) -> ResponsesError:
    """The error of such a request."""
    with pytest.raises(ResponsesError) as caught:
        filled(prompts, *arguments, **body)
    return caught.value


def texts(request: CreateRequest) -> list[str]:
    """The texts of the messages of a request."""
    items: list[Any] = list(request.input)
    return [part.get("text", "") for item in items if item["type"] == "message" for part in item["content"]]


# --- what a request becomes -------------------------------------------------------------------------------------------


def test_the_template_fills_in_what_the_request_leaves_open(prompts: Prompts) -> None:
    request = filled(prompts, "support", VARIABLES, input="And now?")
    assert request.model == "house/small"
    assert request.instructions == "You are Ann of ACME; Ann is polite. {{# kept }} {kept} {{}}"
    assert texts(request) == ["The time is noon.", "Why?", "And now?"]
    assert (request.temperature, request.max_output_tokens, request.text) == (0.2, 100, {"verbosity": "low"})
    assert [tool["type"] for tool in request.tools] == ["function"]
    assert {"temperature", "max_output_tokens", "tools", "text", "instructions"} <= request.given


def test_what_the_request_sets_wins(prompts: Prompts) -> None:
    request = filled(
        prompts,
        "support",
        {"time": "noon", "question": "Why?"},
        model="other",
        instructions="{{company}} as it is",
        temperature=1,
        tools=[],
        text={"format": {"type": "json_object"}},
    )
    assert (request.model, request.instructions, request.temperature) == ("other", "{{company}} as it is", 1)
    assert (request.tools, request.text) == ([], {"format": {"type": "json_object"}})
    assert request.max_output_tokens == 100


def test_a_null_of_the_request_leaves_it_to_the_template(prompts: Prompts) -> None:
    request = filled(prompts, "support", VARIABLES, instructions=None, temperature=None)
    assert request.instructions is not None
    assert request.temperature == 0.2


def test_the_default_version_is_the_one_that_is_named_or_the_last(prompts: Prompts) -> None:
    assert filled(prompts, "chosen", input="x").instructions == "One."
    assert filled(prompts, "chosen", version="2", input="x").instructions == "Two."
    assert filled(prompts, "support", VARIABLES).model == "house/small"
    assert filled(prompts, "support", {"company": "ACME"}, "1", input="x").instructions == "Answer for ACME."
    assert filled(prompts, "short", version="1", input="x").instructions == "Plain."


def test_a_part_takes_the_place_of_a_part(prompts: Prompts) -> None:
    [item] = filled(prompts, "photo", {"photo": IMAGE, "photo_name": "this"}).input
    assert item["type"] == "message"
    assert item["content"] == [IMAGE, {"type": "input_text", "text": "What is this?"}]


def test_a_part_takes_the_place_of_a_whole_content(prompts: Prompts) -> None:
    request = filled(prompts, "support", VARIABLES | {"question": IMAGE})
    [_, item] = request.input
    assert item["type"] == "message"
    assert item["content"] == [IMAGE]


def test_a_text_part_may_stand_within_a_text(prompts: Prompts) -> None:
    request = filled(prompts, "support", VARIABLES | {"name": {"type": "input_text", "text": "Bob"}})
    assert request.instructions is not None
    assert request.instructions.startswith("You are Bob of ACME; Bob")


def test_a_value_is_text_and_no_template(prompts: Prompts) -> None:
    request = filled(prompts, "support", VARIABLES | {"name": "{{company}}", "question": "{{time}} \\1 {{question}}"})
    assert request.instructions is not None
    assert request.instructions.startswith("You are {{company}} of ACME")
    assert texts(request)[1] == "{{time}} \\1 {{question}}"


def test_items_of_all_kinds_are_filled_in_and_their_structure_is_not(prompts: Prompts) -> None:
    _, call, result, answer = filled(prompts, "example", {"city": "Oslo"}).input
    assert call == {
        "type": "function_call",
        "call_id": "{{city}}",
        "name": "{{city}}",
        "arguments": '{"city": "Oslo"}',
    }
    assert result["type"] == "function_call_output"
    assert result["output"] == [{"type": "input_text", "text": "Oslo"}]
    assert answer["type"] == "message"
    assert answer["content"] == [{"type": "output_text", "text": "Fine in Oslo."}]


def test_two_requests_share_nothing(prompts: Prompts) -> None:
    first = filled(prompts, "support", VARIABLES | {"question": "First?"})
    second = filled(prompts, "support", VARIABLES | {"question": "Second?"})
    assert texts(first)[1:] == ["First?"]
    assert texts(second)[1:] == ["Second?"]


def test_a_request_without_a_prompt_is_left_alone(prompts: Prompts) -> None:
    body: dict[str, Any] = {"model": "m"}
    prompts.complete(body)
    assert body == {"model": "m"}
    request = parse_create({"model": "m", "input": "x"})
    prompts.fill(request)
    assert request == parse_create({"model": "m", "input": "x"})


# --- what is wrong with a request -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [
        ("nobody", None, "Prompt with id 'nobody' not found."),
        ("nobody", "1", "Prompt with id 'nobody' not found."),
        ("support", "3", "Prompt with id 'support' and version '3' not found."),
        ("support", "", "Prompt with id 'support' and version '' not found."),
    ],
)
@pytest.mark.parametrize("body", [{}, {"model": "m"}])
def test_an_unknown_prompt_is_not_found(
    prompts: Prompts, name: str, version: str | None, says: str, body: dict[str, Any]
) -> None:
    found = error(prompts, name, None, version, **body)
    assert (found.status, found.message) == (404, says)


@pytest.mark.parametrize(
    ("name", "variables", "says"),
    [
        ("support", {}, "the prompt needs a value for 'name'"),
        ("support", {"company": "A", "name": "B", "time": "C"}, "the prompt needs a value for 'question'"),
        ("support", VARIABLES | {"nmae": "x"}, "unknown variable 'nmae'; prompt 'support' has 'company', 'name',"),
        ("short", {"a": "x"}, "unknown variable 'a'; prompt 'short' has none"),
        ("support", VARIABLES | {"name": IMAGE}, "'name' stands within a text, where no part of type 'input_image'"),
        ("photo", {"photo": IMAGE, "photo_name": IMAGE}, "'photo_name' stands within a text"),
        ("example", {"city": IMAGE}, "'city' stands within a text"),
        ("support", VARIABLES | {"name": "x" * 6_000_000}, "string too long"),
    ],
)
def test_variables_that_do_not_fit_are_refused(
    prompts: Prompts, name: str, variables: dict[str, Any], says: str
) -> None:
    found = error(prompts, name, variables, input="x")
    assert (found.status, found.param) == (400, "prompt.variables")
    assert says in found.message


def test_variables_of_what_is_not_used_are_known_and_not_needed(prompts: Prompts) -> None:
    rest = {"time": "noon", "question": "Why?"}
    assert filled(prompts, "support", rest, instructions="Mine.").instructions == "Mine."
    assert filled(prompts, "support", VARIABLES, instructions="Mine.").instructions == "Mine."


@pytest.mark.parametrize(
    "prompt", [5, "support", [], {}, {"id": 5}, {"id": ["x"]}, {"id": "support", "version": 2}, {"id": None}]
)
def test_a_prompt_of_the_wrong_form_is_left_to_the_validation(prompts: Prompts, prompt: object) -> None:
    body: dict[str, Any] = {"prompt": prompt}
    prompts.complete(body)
    assert "model" not in body
    with pytest.raises(ResponsesError) as caught:
        parse_create(body | {"model": "m", "input": "x"})
    assert caught.value.status == 400
    assert str(caught.value.param).startswith("prompt")


# --- what is wrong with a template ------------------------------------------------------------------------------------


def entry(text: str) -> str:
    return f"providers: {{house: {{type: scripted}}}}\nprompts: {{a: {text}}}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{temprature: 1}", "prompts.a.temprature: Unknown parameter: 'temprature'. Did you mean 'temperature'?"),
        ("{temperature: 3}", "prompts.a.temperature: Invalid 'temperature': decimal above maximum value."),
        (
            "{versions: {1: {instructions: x}, v2: {instructions: [x]}}}",
            "prompts.a.versions.v2.instructions: Invalid type for 'instructions': expected a string, but got an array",
        ),
        ("{input: [{role: user, content: [x]}]}", "prompts.a.input[0].content[0]: Invalid type"),
        ("{input: [{role: usr, content: x}]}", "prompts.a.input[0]: Invalid value: 'usr'."),
        ("{input: [{type: item_reference, id: x}]}", "prompts.a.input[0]: an item of type 'item_reference' belongs"),
        ("{input: [{type: compaction_trigger}]}", "prompts.a.input[0]: an item of type 'compaction_trigger' belongs"),
        ("{model: nobody}", "prompts.a.model: The requested model 'nobody' does not exist"),
        ("{model: 5}", "prompts.a.model: Invalid type for 'model': expected a string"),
        ("{tools: [{type: function}]}", "prompts.a.tools[0].name: Missing required parameter: 'tools[0].name'"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_prompts(load_text(entry(text), tmp_path))
    assert f"dragoman.yaml: {says}" in str(caught.value)


@pytest.mark.parametrize("name", sorted(NOT_OF_TEMPLATES))
def test_what_belongs_to_a_request_is_no_part_of_a_template(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_prompts(load_text(entry(f"{{{name}: true}}"), tmp_path))
    assert str(caught.value).endswith(f"dragoman.yaml: prompts.a.{name}: belongs to a request, not to a prompt")


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_prompts(load_text("prompts: {a: {versions: {1: {top_p: 2}, 2: {top_p: 3}}}, b: {model: x}}", tmp_path))
    assert len(caught.value.problems) == 3


def test_a_template_may_be_empty(tmp_path: Path) -> None:
    prompts = read_prompts(load_text(entry("{instructions: }"), tmp_path))
    assert filled(prompts, "a", input="x").instructions is None
