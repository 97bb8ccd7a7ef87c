"""Writes what each provider makes of the requests: `python -m tests.dictionary`."""

import orjson

from tests.dictionary.dictionary import ENTRIES, completed


def main() -> None:
    """Write it; what is up to date stays as it is."""
    for file in sorted(ENTRIES.glob("*.json")):
        file.write_bytes(completed(orjson.loads(file.read_bytes())))


if __name__ == "__main__":
    main()
