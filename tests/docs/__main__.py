"""Writes the parts of the documents that are made from the code.

python -m tests.docs
"""

from tests.docs import conversions
from tests.docs.dialects import DOCUMENT, generated, written


def main() -> None:
    """Write them; what is up to date stays as it is."""
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8"), generated()), encoding="utf-8")
    conversions.DOCUMENT.write_text(conversions.generated(), encoding="utf-8")


if __name__ == "__main__":
    main()
