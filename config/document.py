"""Reads a configuration file into plain data: YAML 1.2 scalars, no duplicate keys, environment variables put in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigurationError, Location, Problem, path_text

if TYPE_CHECKING:
    import yaml

_TAG = "tag:yaml.org,2002:"
# The core schema of YAML 1.2: `off` and 12:30 are text, as people mean them; longer numbers stay text, too.
_SCALARS = {
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    "int": (re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})"), list("-+0123456789")),
    "float": (
        re.compile(r"[-+]?(?:[0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17}|[0-9]{1,17}(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"),
        list("-+.0123456789"),
    ),
}
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_QUOTED = re.compile(r"'(?P<text>[^']*)'")
# `{key: ${VARIABLE}}` is what people write, and not YAML: while it is read, characters of private use, just as many,
# stand for the braces
_OPENING, _CLOSING = "\ue000\ue000", "\ue001"
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_WORDS = frozenset(
    (
        *("key", "keys", "apikey", "token", "secret", "password", "passwd", "passphrase", "credential", "credentials"),
        *("authorization", "cookie", "header", "headers", "store"),
    )
)


@dataclass(slots=True)
class Document:
    """What was written. `file` is its name in errors and `folder` what relative paths start from. `variables` tells for
    each place the environment variables its value came from; `origins` renames places that no file holds."""

    file: str
    data: dict[str, object] = field(default_factory=dict)
    folder: Path | None = None
    variables: dict[Location, tuple[str, ...]] = field(default_factory=dict)
    origins: dict[Location, tuple[str, str]] = field(default_factory=dict)

    def problem(self, location: Location, found: str, allowed: str = "") -> Problem:
        """The problem at a place, under the name that the reader knows the place by."""
        file, path = self.origins.get(location, (self.file, path_text(location)))
        return Problem(file, path, found, allowed)

    def secret(self, location: Location, value: object) -> bool:
        """Whether a value is not to be shown: its key sounds secret, or it came from a variable, or it holds a `@` as a
        URL with a password does."""
        if isinstance(value, str) and "@" in value:
            return True
        if location and location[-1] == "file":
            return False
        words = {word for part in location if isinstance(part, str) for word in re.split(r"[\W_]+", part.lower())}
        return bool(words & _SECRET_WORDS) or any(
            place[: len(location)] == location or location[: len(place)] == place for place in self.variables
        )

    def mask(self, text: str) -> str:
        """The text without the secret values of the document, longest first."""
        secrets = {value for location, value in _texts(self.data, ()) if self.secret(location, value)}
        for secret in sorted((value for value in secrets if len(value) >= 4), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def read(path: Path, environ: Mapping[str, str]) -> Document:
    """The document in a file, with `${VARIABLE}` replaced. Raises ConfigurationError for what cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError([Problem(str(path), "", f"cannot be read: {error.strerror or error}")]) from None
    except ValueError:
        raise ConfigurationError([Problem(str(path), "", "is not UTF-8 text")]) from None
    document = Document(str(path), folder=path.absolute().parent)
    try:
        written = _parse(text, document.file)
        if written is None:
            return document
        if not isinstance(written, dict):
            raise ConfigurationError([Problem(document.file, "", "found no keys", "expected a mapping of settings")])
        problems: list[Problem] = []
        data = _expanded(written, (), environ, document, problems)
    except RecursionError:
        raise ConfigurationError([Problem(document.file, "", "is nested too deeply")]) from None
    if problems:
        raise ConfigurationError(problems)
    assert isinstance(data, dict)
    document.data = data
    return document


def absolute_files(value: object, folder: Path | None) -> object:
    """The value with the path of every `{file: PATH}` in it made absolute."""
    match value:
        case {"file": str(path), **rest} if not rest and folder is not None:
            return {"file": str(folder / path)}
        case dict():
            return {key: absolute_files(item, folder) for key, item in value.items()}
        case list():
            return [absolute_files(item, folder) for item in value]
    return value


def _texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*location, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*location, index))


def _expanded(
    value: object, location: Location, environ: Mapping[str, str], document: Document, problems: list[Problem]
) -> object:
    if isinstance(value, dict):
        return {key: _expanded(item, (*location, key), environ, document, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, (*location, index), environ, document, problems) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    names: list[str] = []

    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            if match[0] == "$${":
                return "${"
            problems.append(
                document.problem(
                    location, "found '${' without a variable", "write ${VARIABLE}, or $${ for the characters ${"
                )
            )
            return ""
        if name not in environ:
            problems.append(
                document.problem(
                    location,
                    f"the environment variable {name} is not set",
                    "set it, or write $${ for the characters ${",
                )
            )
        names.append(name)
        return environ.get(name, "")

    text = _VARIABLE.sub(replacement, value)
    if names:
        document.variables[location] = tuple(names)
    return text


def _parse(text: str, file: str) -> object:
    # not at the top: without a file, starting needs no YAML
    import yaml

    class Loader(yaml.BaseLoader):
        """Composes nodes with the scalars of YAML 1.2."""

    for name, (pattern, first) in _SCALARS.items():
        Loader.add_implicit_resolver(_TAG + name, re.compile(f"(?:{pattern.pattern})$"), first)
    try:
        node = yaml.compose(_BRACED.sub(rf"{_OPENING}\1{_CLOSING}", text), Loader=Loader)
        return None if node is None else _plain(node, file, frozenset())
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "is not YAML"
        if problem.startswith("but ") and error.context:
            problem = f"{error.context}, {problem}"
        raise _syntax_error(file, problem, error.problem_mark) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(
            [Problem(file, f"line {line}", "found a character that YAML does not allow")]
        ) from None


def _syntax_error(file: str, problem: str, mark: "yaml.Mark | None") -> ConfigurationError:
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    # what YAML quotes may be a part of a secret: only its own token names and single characters are shown
    said = _QUOTED.sub(
        lambda match: match[0] if len(match["text"]) < 2 or match["text"][0] == "<" else "'...'", problem
    )
    return ConfigurationError([Problem(file, where, said)])


def _plain(node: "yaml.Node", file: str, above: frozenset[int]) -> object:
    import yaml

    if id(node) in above:
        raise _syntax_error(file, "found an alias to the mapping or list that it stands in", node.start_mark)
    above |= {id(node)}
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _plain_mapping(node, file, above)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_plain(item, file, above) for item in node.value]
    if isinstance(node, yaml.ScalarNode):
        text = _with_braces(node.value)
        if kind == "str":
            return text
        if kind in _SCALARS and _SCALARS[kind][0].fullmatch(text):
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text)
                case _:
                    return float(text)
    raise _syntax_error(file, "found a tag that has no meaning here", node.start_mark)


def _with_braces(text: str) -> str:
    return text.replace(_OPENING, "${").replace(_CLOSING, "}")


def _plain_mapping(node: "yaml.MappingNode", file: str, above: frozenset[int]) -> dict[str, object]:
    import yaml

    written: dict[str, object] = {}
    merged: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _syntax_error(file, "found a mapping or list as a key", key_node.start_mark)
        key = _with_braces(key_node.value)
        value = _plain(value_node, file, above)
        if key == "<<" and key_node.style is None:
            for part in value if isinstance(value, list) else [value]:
                if not isinstance(part, dict):
                    raise _syntax_error(file, "found '<<' with something else than a mapping", value_node.start_mark)
                merged = part | merged
        elif key in written:
            mark = key_node.start_mark
            where = f"line {mark.line + 1}, column {mark.column + 1}"
            raise ConfigurationError([Problem(file, where, f"found the key {key!r} a second time in one mapping")])
        else:
            written[key] = value
    return merged | written
