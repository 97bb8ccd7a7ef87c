"""What docs/providers.md says of servers that speak Responses, made from their rows: `python -m tests.docs`."""

from collections.abc import Iterable, Iterator
from typing import Final

from providers.responses.profile import PARAMETERS, Profile
from providers.responses.profiles import PROFILES

BEGIN: Final = "<!-- made by `make docs` from the profiles -->"
END: Final = "<!-- end of what is made from the profiles -->"

REPLAY: Final = {
    "encrypted": "encrypted, to this account",
    "text": "as text",
    "both": "encrypted, else as text",
    "none": "no",
}
SYSTEM: Final = {
    "developer": "as they are",
    "system": "as `system`",
    "instructions": "leading ones into `instructions`, later ones as `system`",
}


def generated() -> str:
    """The part of the document, without the marks around it."""
    return "\n".join(("", *_table(), ""))


def written(document: str, part: str) -> str:
    """The document with the part between its marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin
    assert end
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def _table() -> Iterator[str]:
    columns = ("profile", "server", "address", "its own tools", "custom tools", "earlier reasoning")
    yield _line(*columns, "messages to the model", "parameters that it does not take")
    yield "|" + "---|" * (len(columns) + 2)
    for profile in PROFILES.values():
        yield _line(
            f"`{profile.name}`",
            profile.title,
            f"`{profile.base_url}`" if profile.base_url else "`base_url` is needed",
            _codes(profile.capabilities.hosted_tools) or "none",
            "yes" if profile.capabilities.custom_tools else "as functions",
            REPLAY[profile.replay],
            SYSTEM[profile.system_messages],
            _missing(profile),
        )


def _missing(profile: Profile) -> str:
    wanted = set(PARAMETERS) - {"stream_options", "tool_choice"}
    if profile.parameters >= wanted:
        return "none"
    return _codes(sorted(wanted - profile.parameters))


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
