"""What a tool did, told in words between marks that nothing in it can close."""

import re
from typing import Final

MAX_TOLD: Final = 16_000
"""How much of what a tool did is told, in characters."""

_MARK: Final = re.compile(r"<(\s*/?\s*tool_record)", re.IGNORECASE)
_ESCAPED: Final = r"<\\\1"


def tool_record(text: str) -> str:
    """The record of a text. What a page or a server says cannot end the record and go on as the user."""
    if len(text) > MAX_TOLD:
        text = f"{text[:MAX_TOLD]}\n[... {len(text) - MAX_TOLD} characters more]"
    return f"<tool_record>\n{_MARK.sub(_ESCAPED, text)}\n</tool_record>"
