"""The language in which a prompt directs the scripted model.

A script is the text of the last user message. A line that begins with `/` and a word is a directive; the slash is what
people know from chat applications, and no model prompt needs it at the start of a line. Every other line is a remark,
so that an application may wrap a directive in a prompt of its own; `/usr/bin` and `//` are remarks, too. A message
without any directive is answered as if it were `/echo`.

TEXT runs to the end of the line. Text that begins with a double quote is a JSON string, for line ends and other
characters that a line cannot hold. A text directive that follows another goes on in the same text on a new line.

    /say TEXT                     visible text, one delta a word
    /echo                         a sentence that repeats the remarks; a tool call where the request forces one
    /json                         an instance of the schema in text.format
    /history                      what the model was given, as compact JSON
    /repeat N TEXT                TEXT N times, one delta each
    /big N                        N bytes of text in one delta
    /refuse TEXT                  text in the refusal channel
    /cite URL [TITLE]             a citation of the text said so far
    /think TEXT                   a reasoning summary, with a proof
    /reason TEXT                  raw reasoning, with a proof
    /call NAME [JSON]             a tool call; without JSON the arguments are made from the tool's schema
    /call-raw NAME TEXT           a tool call whose arguments are TEXT as it stands, valid or not
    /delay SECONDS                a wait before the next piece
    /pace SECONDS                 a wait before every piece from here on
    /usage in=N cached=N written=N written-1h=N out=N reasoning=N, or none
                                  token counts in place of the counted words; also audio-in=N, audio-cached=N,
                                  audio-out=N, image-out=N of these, and searches=N
    /stop REASON                  why the answer ends: stop, length, content_filter, pause, unknown
    /fail STATUS [class=NAME] [retry-after=SECONDS] [MESSAGE]
                                  an HTTP error in place of the answer
    /error [class=NAME] [MESSAGE] an error in the stream, after what was said
    /cut                          the connection breaks
    /end                          the answer ends without its finish signal
    /then                         what follows is the answer after the tools have returned

Tool results do not change the last user message. So the script is divided by `/then`: the first step is played at
once, the second after the first round of tool results, and so on; when no step is left the model says what the tools
returned.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

import orjson

DIRECTIVES = (
    "say",
    "echo",
    "json",
    "history",
    "repeat",
    "big",
    "refuse",
    "cite",
    "think",
    "reason",
    "call",
    "call-raw",
    "delay",
    "pace",
    "usage",
    "stop",
    "fail",
    "error",
    "cut",
    "end",
    "then",
)

LAST_DIRECTIVES = frozenset({"fail", "error", "cut", "end"})
"""After one of these the answer is over."""

_WITHOUT_ARGUMENT = frozenset({"echo", "json", "history", "cut", "end", "then"})
_DIRECTIVE = re.compile(r"\s*/([A-Za-z][A-Za-z-]*)(?:\s+(.*?))?\s*")


class ScriptError(ValueError):
    """A script that cannot be played; the message is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive and the rest of its line."""

    name: str
    argument: str

    def fail(self, reason: str) -> ScriptError:
        """The error that names this directive."""
        return ScriptError(f"/{self.name}: {reason}.")


@dataclass(frozen=True, slots=True)
class Script:
    """A message, read: its `steps` (each played in an answer of its own) and its `remarks`, the other lines."""

    steps: tuple[tuple[Directive, ...], ...]
    remarks: str


def parse(text: str) -> Script:
    """Read a message. Raises ScriptError for a directive that does not exist or cannot stand where it stands."""
    steps: list[list[Directive]] = [[]]
    remarks: list[str] = []
    # Not splitlines(): it also cuts at form feeds and Unicode separators, which are ordinary text here.
    for line in text.split("\n"):
        match = _DIRECTIVE.fullmatch(line)
        if match is None:
            remarks.append(line)
            continue
        directive = Directive(match[1], match[2] or "")
        _check(directive, steps[-1])
        if directive.name == "then":
            steps.append([])
        else:
            steps[-1].append(directive)
    return Script(tuple(tuple(step) for step in steps), "\n".join(remarks).strip())


def _check(directive: Directive, step: list[Directive]) -> None:
    if directive.name not in DIRECTIVES:
        nearest = get_close_matches(directive.name.lower(), DIRECTIVES, n=1)
        hint = f"Did you mean /{nearest[0]}? " if nearest else ""
        names = ", ".join(f"/{name}" for name in DIRECTIVES)
        raise ScriptError(f"Unknown directive '/{directive.name[:64]}'. {hint}The scripted model knows {names}.")
    if directive.argument and directive.name in _WITHOUT_ARGUMENT:
        raise directive.fail("takes no argument")
    if directive.name == "then":
        return
    if step and step[-1].name in LAST_DIRECTIVES:
        raise directive.fail(f"nothing can follow /{step[-1].name} in the same answer")
    if directive.name == "fail" and any(earlier.name != "delay" for earlier in step):
        raise directive.fail("an HTTP error stands in place of the answer; only /delay may precede it (see /error)")


def text_of(directive: Directive) -> str:
    """The directive's TEXT."""
    return text_in(directive, directive.argument)


def text_in(directive: Directive, source: str) -> str:
    """`source` read as TEXT: as it stands, or as the JSON string that it is."""
    if not source:
        raise directive.fail("a text must follow")
    if not source.startswith('"'):
        return source
    try:
        value = orjson.loads(source)
    except orjson.JSONDecodeError as error:
        raise directive.fail(f"text that begins with a double quote must be a JSON string ({error})") from None
    if not isinstance(value, str) or not value:
        raise directive.fail("the JSON string must not be empty")
    return value


def seconds_of(directive: Directive, maximum: float) -> float:
    """The directive's argument as a duration."""
    return seconds_in(directive, directive.argument, maximum)


def seconds_in(directive: Directive, source: str, maximum: float) -> float:
    """`source` read as a number of seconds between 0 and `maximum`."""
    try:
        value = float(source)
    except ValueError:
        value = -1.0
    if not 0 <= value <= maximum:
        raise directive.fail(f"expected seconds between 0 and {maximum:g}, got '{source[:64]}'")
    return value


def count_in(directive: Directive, source: str, minimum: int, maximum: int) -> int:
    """`source` read as a whole number between the bounds."""
    value = int(source) if re.fullmatch(r"[0-9]{1,12}", source) else -1
    if not minimum <= value <= maximum:
        raise directive.fail(f"expected a whole number between {minimum} and {maximum}, got '{source[:64]}'")
    return value


def options_in(directive: Directive, source: str, names: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """The `name=value` words at the start of `source`, and the text after them."""
    options: dict[str, str] = {}
    rest = source
    while match := re.match(r"([a-z][a-z0-9-]*)=(\S+)\s*", rest):
        if match[1] not in names:
            break
        if match[1] in options:
            raise directive.fail(f"'{match[1]}' is given twice")
        options[match[1]] = match[2]
        rest = rest[match.end() :]
    return options, rest
