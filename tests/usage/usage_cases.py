"""All shapes in which vendors report usage."""

from typing import Final

from tests.usage.case import PRICE, TEXT, Case
from tests.usage.chat_cases import CHAT, chat
from tests.usage.gemini_cases import GEMINI, gemini
from tests.usage.messages_cases import MESSAGES, messages

__all__ = ["CASES", "PRICE", "TEXT", "UNCOUNTED", "Case"]

CASES: Final = (*CHAT, *MESSAGES, *GEMINI)

UNCOUNTED: Final = (
    *(
        chat(shows, "generic", report, usage=(0,) * 5, kinds=(0,) * 5, cost="")
        for shows, report in (
            ("a total alone", {"total_tokens": 30}),
            ("texts", {"prompt_tokens": "9", "completion_tokens": "3", "total_tokens": "12"}),
            ("below zero", {"prompt_tokens": -9, "completion_tokens": -3, "total_tokens": -12}),
            ("truths", {"prompt_tokens": True, "completion_tokens": False}),
            ("nulls", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}),
            ("nothing", {}),
        )
    ),
    messages("nothing", {}, {}, usage=(0,) * 5, kinds=(0,) * 5, cost=""),
    gemini("nothing", {"trafficType": "ON_DEMAND"}, usage=(0,) * 5, kinds=(0,) * 5, cost=""),
)
"""Reports that are none: the tokens are estimated."""
