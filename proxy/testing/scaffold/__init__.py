"""A new provider as a distribution of its own, written from templates: it speaks for a vendor that takes and gives text
alone, and passes the conformance kit as it is."""

import keyword
import re
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST_NAME: Final = 24

WRITTEN: Final[Mapping[str, str]] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "{{package}}/__init__.py": "package.py",
    "{{package}}/encode.py": "encode.py",
    "{{package}}/decode.py": "decode.py",
    "{{package}}/errors.py": "errors.py",
    "{{package}}/py.typed": "",
    "tests/exchanges.py": "exchanges.py",
    "tests/test_conformance.py": "test_conformance.py",
}
"""The files of the distribution, and the templates that they are made from."""


class ScaffoldError(Exception):
    """A provider cannot be written under this name or into this folder; the text says why."""


def new_provider(name: str, folder: Path, taken: Collection[str] = ()) -> list[Path]:
    """Write the distribution of a provider of the type `name` into a folder that does not exist yet. `taken` are the
    types that are installed. The files, in the order in which they are best read.

    Raises ScaffoldError for a name that cannot be a type, and for a folder that exists or cannot be written.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise ScaffoldError(
            f"'{name}' cannot be a provider's type: a letter, then letters, digits and single underscores, all small, "
            f"at most {LONGEST_NAME} characters"
        )
    if name in taken:
        raise ScaffoldError(f"there is a provider of the type '{name}' already; dragoman providers lists all")
    if folder.exists() or folder.is_symlink():
        raise ScaffoldError(f"{folder} exists already; name another place with --folder")
    words = _words(name)
    template, written = files(__package__) / "template", list[Path]()
    try:
        for path, source in WRITTEN.items():
            place = folder / _filled(path, words)
            place.parent.mkdir(parents=True, exist_ok=True)
            text = (template / f"{source}.template").read_text(encoding="utf-8") if source else ""
            place.write_text(_filled(text, words), encoding="utf-8")
            written.append(place)
    except OSError as error:
        raise ScaffoldError(f"cannot write {error.filename}: {error.strerror}") from None
    return written


def default_folder(name: str) -> Path:
    """Where a provider is written of which nobody says where."""
    return Path(f"dragoman-{name.replace('_', '-')}")


def _words(name: str) -> dict[str, str]:
    return {
        "name": name,
        "title": "".join(part.capitalize() for part in name.split("_")),
        "package": f"dragoman_{name}",
        "distribution": default_folder(name).name,
        "host": name.replace("_", "-"),
        "variable": f"{name.upper()}_API_KEY",
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{{{word}}}}}", value)
    return text
