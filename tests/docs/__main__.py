"""Writes the parts of the documents that are made from the code.

python -m tests.docs
"""

from tests.docs import capabilities, conversions, profiles, settings_tables
from tests.docs.dialects import DOCUMENT, generated, written
from tests.docs.openapi import document


def main() -> None:
    """Write them; what is up to date stays as it is."""
    text = written(DOCUMENT.read_text(encoding="utf-8"), generated())
    DOCUMENT.write_text(profiles.written(text, profiles.generated()), encoding="utf-8")
    conversions.DOCUMENT.write_text(conversions.generated(), encoding="utf-8")
    capabilities.DOCUMENT.write_text(capabilities.generated(), encoding="utf-8")
    settings_tables.DOCUMENT.write_text(
        settings_tables.written(settings_tables.DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8"
    )
    document.DOCUMENT.write_bytes(document.generated())


if __name__ == "__main__":
    main()
