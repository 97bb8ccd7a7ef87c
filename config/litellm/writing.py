"""An imported configuration as a file."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from config.errors import ConfigurationError, Problem
from config.litellm.importing import Imported
from config.loader import load
from config.settings import ProviderType

_HEAD = "# Written by `dragoman import-litellm`. docs/configuration.md explains each key.\n"
_REFERENCE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)")

_EXAMPLES = {"AWS_REGION": "us-east-1"}
"""Values that variables could have, where an address is none."""


def written(imported: Imported) -> str:
    """The configuration as YAML, with the notes on top of it."""
    lines = [_HEAD]
    if imported.notes:
        lines.append("#\n# Not carried over, or not as it was:\n")
        lines += [f"# - {' '.join(note.split())}\n" for note in imported.notes]
    body = yaml.safe_dump(imported.configuration, sort_keys=False, allow_unicode=True, width=120)
    return "".join([*lines, "\n", body])


def faults_of(text: str, provider_types: Mapping[str, ProviderType]) -> list[Problem]:
    """What keeps the gateway from starting with a configuration whose variables are all set."""
    environ = {name: _EXAMPLES.get(name, "https://example.com") for name in _REFERENCE.findall(text)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imported.yaml")
        path.write_text(text, encoding="utf-8")
        try:
            load(path, environ, provider_types)
        except ConfigurationError as error:
            return [Problem("", problem.path, problem.found, problem.allowed) for problem in error.problems]
    return []
