"""Thought signatures as proofs: how the decoder seals them and how the encoder puts them back where they came from.

A signature belongs to the part on which it came: a function call, a text, a thought itself, or an empty text at the end
of the turn. The proof's `kind` says which, its payload is the signature as the vendor wrote it (base64), and `binds`
says on which side of the reasoning item the part stands: `next`, `previous`, `self`, or `turn_end` for the empty text.
"""

from typing import Final

CALL: Final = "function_call"
TEXT: Final = "text"
THOUGHT: Final = "thought"
TURN: Final = "turn"

#: base64 of `skip_thought_signature_validator`: what Gemini 3 and later accept on a call that another model made.
PLACEHOLDER: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
