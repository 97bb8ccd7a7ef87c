"""What docs/providers.md says of dialects, made from the rows themselves: `python -m tests.docs` writes it there.

A table with one row a server, a list of what the table has no column for, and a table of model families.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Final

import orjson

from providers.openai_chat.dialect import SAMPLING, Dialect, Replay
from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.efforts import EFFORTS
from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Changes, changed, shipped_rows
from tests.docs.markdown import ROOT

DOCUMENT: Final = ROOT / "docs/providers.md"
BEGIN: Final = "<!-- made by `make docs`: what follows is not written by hand -->"
END: Final = "<!-- end of what is made by `make docs` -->"

SERVERS: Final[Mapping[str, str]] = {
    "openai": "OpenAI",
    "deepseek": "DeepSeek",
    "xai": "xAI",
    "moonshot": "Moonshot (Kimi)",
    "dashscope": "Alibaba (Qwen)",
    "glm": "Z.ai (GLM)",
    "minimax": "MiniMax",
    "mistral": "Mistral",
    "perplexity": "Perplexity",
    "groq": "Groq",
    "together": "Together",
    "fireworks": "Fireworks",
    "openrouter": "OpenRouter",
    "cerebras": "Cerebras",
    "huggingface": "Hugging Face",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "llama_cpp": "llama.cpp",
    "ollama": "Ollama, at /v1",
    "lm_studio": "LM Studio",
    "generic": "anything else",
}

WEIGHTS: Final = "weights"
"""The table of model families that is no dialect's own."""

_BLANK: Final = Dialect(name="blank", capabilities=Capabilities())

Words = Callable[[Dialect], str]


def generated() -> str:
    """The part of the document, without the marks around it."""
    return "\n".join(("", *_servers(), "", *_others(), "", *_families(), ""))


def written(document: str, part: str) -> str:
    """The document with the part between its marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{DOCUMENT} has no {BEGIN}"
    assert end, f"{DOCUMENT} has no {END}"
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


# --- one row a server -------------------------------------------------------------------------------------------------


def _servers() -> Iterator[str]:
    yield from _table(("dialect", "server", *COLUMNS))
    for dialect in DIALECTS.values():
        cells = (column(dialect) for column in COLUMNS.values())
        yield _line(f"`{dialect.name}`", SERVERS[dialect.name], *cells)


def _asked(dialect: Dialect) -> str:
    able = dialect.capabilities
    accepted = [each for each in EFFORTS if each in dialect.efforts and (able.efforts is None or each in able.efforts)]
    if not able.reasoning or not accepted:
        return "cannot be set"
    members = dict.fromkeys(member for effort in accepted for member in dialect.efforts[effort])
    if not members:
        return "cannot be set"
    efforts = "all" if len(accepted) == len(EFFORTS) else ", ".join(accepted)
    return f"{_codes(members)} {efforts}"


def _shown(dialect: Dialect) -> str:
    if not dialect.shows_reasoning:
        return "no"
    return "yes, also from `<think>`" if dialect.think_tags else "yes"


def _goes_back(dialect: Dialect) -> str:
    replay = dialect.replay
    if replay is None:
        return "no"
    told = f", with {_members(replay.members)}" if replay.members else ""
    return f"{_form(replay)}, {_SCOPES[replay.scope]}{told}"


_SCOPES: Final = {"open_turn": "open turn", "call_turns": "turns with calls", "all": "every turn"}


def _form(replay: Replay) -> str:
    match replay.form:
        case "text":
            return f"`{replay.member}`"
        case "details":
            instead = ", else a `<think>` block" if replay.tagged_text else ""
            return f"`{replay.member}` as it came{instead}"
        case "think_tags":
            return "`<think>` block"
        case "thinking_part":
            return "`thinking` part"


def _choices(dialect: Dialect) -> str:
    known = [each for each in ("none", "auto", "required", "named") if each in dialect.tool_choices]
    words = "all" if len(known) == 4 else ", ".join(known) or "not sent"
    if dialect.capabilities.allowed_tools:
        words += ", `allowed_tools`"
    if dialect.required_word != "required":
        words += f" (required is `{dialect.required_word}`)"
    missing = [each for each in ("required", "named") if each not in known]
    if missing == ["named"]:
        return f"{words}; named: only that tool, required"
    if missing:
        return f"{words}; {' and '.join(missing)}: {'refused' if dialect.unforced == 'refused' else 'dropped'}"
    return words


def _schemas(dialect: Dialect) -> str:
    able = dialect.capabilities
    words = {"sent": "strict as said", "always": "always strict", "never": "never strict"}
    schema = words[dialect.strict_schema] if able.json_schema else "no"
    if able.json_object:
        return schema
    return f"{schema}; JSON mode: {'a schema of any object' if able.json_schema else 'no'}"


def _media(dialect: Dialect) -> str:
    images = ("address or data" if dialect.image_urls else "data") if dialect.capabilities.images else "none"
    files = []
    if dialect.pdf:
        files.append("PDF")
    if dialect.file_urls:
        files.append("address")
    if dialect.file_ids:
        files.append("id")
    return f"{images}; {', '.join(files)}" if files else images


def _order(dialect: Dialect) -> str:
    words = []
    if dialect.one_system_message:
        words.append("one system message")
    elif dialect.tagged_system:
        words.append("system messages in front")
    else:
        words.append(f"{'developer' if dialect.developer_role else 'system'} messages anywhere")
    words += [words_of(name, dialect) for name in ("order", "last_assistant", "needs_user_message")]
    return "; ".join(word for word in words if word)


def _usage(dialect: Dialect) -> str:
    return "asked for" if dialect.usage_option else "unasked"


COLUMNS: Final[Mapping[str, Words]] = {
    "output limit": lambda dialect: f"`{dialect.tokens_member}`",
    "effort": _asked,
    "reasoning shown": _shown,
    "reasoning goes back": _goes_back,
    "tool choices": _choices,
    "JSON schema": _schemas,
    "images; files": _media,
    "order of messages": _order,
    "usage in streams": _usage,
}

IN_COLUMNS: Final = frozenset(
    """
    developer_role efforts file_ids file_urls image_urls last_assistant needs_user_message one_system_message order pdf
    replay required_word shows_reasoning strict_schema think_tags tokens_member tool_choices unforced usage_option
    """.split()  # noqa: SIM905 - a list of literals is harder to read
)
"""The members of a row that the table's columns tell."""

CAPABILITIES_IN_COLUMNS: Final = frozenset({"allowed_tools", "efforts", "images", "json_object", "json_schema"})


# --- what the table has no column for --------------------------------------------------------------------------------


def _others() -> Iterator[str]:
    yield "What else is particular:"
    yield ""
    for dialect in DIALECTS.values():
        told = [
            *_differing(dialect.capabilities, _BLANK.capabilities, CAPABILITIES_IN_COLUMNS, dialect),
            *_differing(dialect, _BLANK, IN_COLUMNS, dialect),
        ]
        address = f"`{dialect.base_url}`" if dialect.base_url else "`base_url` is needed"
        yield f"- `{dialect.name}`: {'; '.join((address, *told))}."


def _differing(
    ours: Dialect | Capabilities, theirs: Dialect | Capabilities, told: frozenset[str], dialect: Dialect
) -> list[str]:
    names = (field.name for field in fields(ours))
    return _distinct(
        words_of(name, dialect) for name in names if name not in told and getattr(ours, name) != getattr(theirs, name)
    )


def words_of(name: str, dialect: Dialect) -> str:
    """What the member of the row, or of its capabilities, says; "" where it has nothing to say beside the others."""
    if name in SENTENCES:
        return SENTENCES[name](dialect)
    true, false = FLAGS[name]
    value = getattr(dialect.capabilities if name in _CAPABILITIES else dialect, name)
    return true if value else false


_CAPABILITIES: Final = frozenset(field.name for field in fields(Capabilities))


def _taken(dialect: Dialect) -> str:
    taken = dialect.optional - {"service_tier"}
    names = []
    if taken >= SAMPLING:
        names.append("all sampling parameters")
        taken -= SAMPLING
    names += [f"`{name}`" for name in sorted(taken)]
    return f"takes {', '.join(names)}" if names else "takes no optional parameters"


def _sent_always(dialect: Dialect) -> str:
    return f"is told {_members(dialect.constants)}" if dialect.constants else "is told nothing that was not asked for"


def _tiers(dialect: Dialect) -> str:
    named = (tier if name == tier else f"{tier} (as `{name}`)" for tier, name in dialect.service_tiers.items())
    return f"service tiers: {', '.join(named)}" if dialect.service_tiers else "no service tiers"


def _ranges(dialect: Dialect) -> str:
    return ", ".join(f"{name} from {least:g} to {most:g}" for name, (least, most) in dialect.ranges.items())


def _of_its_own(tools: Sequence[str]) -> str:
    return f"its own {', '.join(f'`{tool}`' for tool in tools)}" if tools else "no tools of its own"


SENTENCES: Final[Mapping[str, Words]] = {
    "efforts": lambda dialect: f"effort {_asked(dialect)}" if dialect.capabilities.reasoning else "",
    "constants": _sent_always,
    "streamed_tools": lambda dialect: f"streamed tools come with {_members(dialect.streamed_tools)}",
    "optional": _taken,
    "tokens_member": lambda dialect: f"the output limit is `{dialect.tokens_member}`",
    "ranges": _ranges,
    "order": lambda dialect: {
        "free": "",
        "alternating": "turns alternate",
        "mistral": "turns alternate, no user's after a tool's",
    }[dialect.order],
    "last_assistant": lambda dialect: {
        "kept": "",
        "prefix": "the assistant's last is a prefix",
        "followed": "the user speaks last",
    }[dialect.last_assistant],
    "forced_effort": lambda dialect: f"a forced tool choice sets the effort `{dialect.forced_effort}`",
    "replay": lambda dialect: f"reasoning goes back: {_goes_back(dialect)}",
    "tool_choices": lambda dialect: f"tool choices: {_choices(dialect)}",
    "required_word": lambda dialect: f"tool choices: {_choices(dialect)}",
    "unforced": lambda dialect: f"tool choices: {_choices(dialect)}",
    "strict_schema": lambda dialect: f"JSON schema: {_schemas(dialect)}",
    "max_top_logprobs": lambda dialect: f"at most {dialect.max_top_logprobs} alternatives of a token",
    "service_tiers": _tiers,
    "finish_reasons": lambda dialect: "finish reasons of its own",
    "error_codes": lambda dialect: "error codes of its own",
    "name": lambda dialect: "",
    "base_url": lambda dialect: "",
    "price_catalogue": lambda dialect: f"prices of `{dialect.price_catalogue}`" if dialect.price_catalogue else "",
    "hosts": lambda dialect: "",
    "capabilities": lambda dialect: "",
    "family": lambda dialect: "",
    "tool_name_limit": lambda dialect: f"tool names of at most {dialect.capabilities.tool_name_limit} characters",
    "context_window": lambda dialect: f"a context of {dialect.capabilities.context_window} tokens",
    "max_output_tokens": lambda dialect: f"at most {dialect.capabilities.max_output_tokens} tokens of output",
    "hosted_tools": lambda dialect: _of_its_own(dialect.capabilities.hosted_tools),
    "json_schema": lambda dialect: f"JSON schema: {_schemas(dialect)}",
    "json_object": lambda dialect: f"JSON schema: {_schemas(dialect)}",
}

FLAGS: Final[Mapping[str, tuple[str, str]]] = {
    "developer_role": ("instructions as `developer`", "instructions as `system`"),
    "one_system_message": ("one system message", "system messages anywhere"),
    "tagged_system": ("later system messages as tagged user text", ""),
    "needs_user_message": ("at least one user message", ""),
    "named_results": ("results carry the tool's name", ""),
    "nine_letter_ids": ("call ids of nine letters", "call ids of any form"),
    "object_arguments": ("", "arguments of earlier calls in any form"),
    "text_parts": ("text stays in parts", "text parts are joined"),
    "null_content": ("", "no null content"),
    "refusal_member": ("earlier refusals as such", "earlier refusals as text"),
    "image_urls": ("images by address or as data", "images as data only"),
    "image_detail": ("", "no `detail` of images"),
    "original_images": ("", "no `detail: original`"),
    "pdf": ("PDF files", "no PDF files"),
    "document_urls": ("files are `document_url` parts", ""),
    "file_urls": ("files by address", "no files by address"),
    "file_ids": ("files by id", "no files by id"),
    "audio_data_urls": ("audio as a data URL", ""),
    "plain_audio": ("audio as base64 text alone", ""),
    "cache_breakpoints": ("cache breakpoints", "no cache breakpoints"),
    "thinks": ("reasons unless told not to", "reasons only when asked"),
    "shows_reasoning": ("reasoning is shown", "reasoning is not shown"),
    "sampling_while_reasoning": (
        "sampling parameters also while it reasons",
        "no sampling parameters while it reasons",
    ),
    "greedy_top_p": ("`top_p` is 1 at temperature 0", ""),
    "hides_tools": ("to choose none, tools are left out", ""),
    "strict_tools": ("`strict` functions", "no `strict` functions"),
    "parallel_tool_calls": ("", "parallel calls have to be asked for"),
    "inline_references": ("`$ref` is written out", ""),
    "says_json": ("JSON mode wants the word in a message", "JSON mode without the word"),
    "logprobs_number": ("`logprobs` is a number", ""),
    "usage_option": ("usage is asked for", "usage comes unasked"),
    "obfuscation_option": ("padding is switched off", ""),
    "stream_only": ("answers only in streams, which are collected", ""),
    "think_tags": ("a leading `<think>` block is reasoning", "a `<think>` block is text"),
    "thinks_first": ("the text begins inside a `<think>` block", ""),
    "numbered_citations": ("`[1]` cites the list of sources", ""),
    "salvages_calls": ("calls that it refused itself are salvaged", ""),
    "finish_optional": ("streams may end without a finish signal", ""),
    "reasoning_outside_output": ("reasoning tokens are added to the output where the total says so", ""),
    "audio_outside_input": ("audio tokens are added to the input where the total says so", ""),
    "counts_apart": ("reasoning and citation tokens are added to output and input", ""),
    "searches_always": ("one web search for each answer is billed", ""),
    "images": ("takes images", "no images"),
    "files": ("takes files", "no files"),
    "audio": ("takes audio", "no audio"),
    "tools": ("takes tools", "no tools"),
    "custom_tools": ("custom tools", "custom tools as functions"),
    "native_items": ("", ""),
    "native_parameters": ("", ""),
    "native_tools": ("", ""),
    "hosted_with_functions": ("", "its own tools not beside functions"),
    "allowed_tools": ("`allowed_tools`", "no `allowed_tools`"),
    "forced_tool_choice": ("tools can be forced", "tools cannot be forced"),
    "tool_name_starts_with_letter": ("tool names begin with a letter", ""),
    "reasoning": ("", "does not reason"),
    "sampling": ("takes sampling parameters", "no sampling parameters"),
    "logprobs": ("", "no log probabilities"),
    "verbosity": ("", "no verbosity"),
}


# --- model families --------------------------------------------------------------------------------------------------


def _families() -> Iterator[str]:
    yield "What single families of models differ in, by the beginning of a model's name; the longest that fits counts:"
    yield ""
    yield from _table(("dialect", "names that begin with", "what is different"))
    for name in (*DIALECTS, WEIGHTS):
        for prefixes, changes in shipped_rows("providers.openai_chat", name):
            told = _changes(DIALECTS["generic" if name == WEIGHTS else name], changes)
            server = "any that serves others' models" if name == WEIGHTS else f"`{name}`"
            yield _line(server, _codes(prefixes), "; ".join(told) or "as the dialect")


def _changes(dialect: Dialect, changes: Changes) -> list[str]:
    row = changed(dialect, changes)
    able = changes.get("capabilities")
    names = [*able, *changes] if isinstance(able, Mapping) else [*changes]
    return _distinct(words_of(name, row) for name in names)


# --- Markdown --------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str]) -> Iterator[str]:
    yield _line(*head)
    yield f"|{'---|' * len(head)}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _members(members: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}: {orjson.dumps(value).decode()}`" for name, value in members.items())


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if word))
