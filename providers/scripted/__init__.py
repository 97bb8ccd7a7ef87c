"""A deterministic model without a network, directed by the prompt itself.

It is for trying things out, for tests, and for the CI of applications that speak the Responses API: the answer, its
tool calls, its reasoning, its failures and its delays are written in the last user message. `script` documents the
language.
"""

from providers.scripted.provider import Scripted, ScriptedSettings

__all__ = ["Scripted", "ScriptedSettings"]
