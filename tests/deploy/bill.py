"""Holds the bill of materials to the lock file: the same packages, in the same versions, and no address of a mirror.

`make sbom && python -m tests.deploy.bill`
"""

import sys
from typing import Final

import orjson
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.locks import locked
from tests.docs.markdown import ROOT

BILL: Final = ROOT / "dist/dragoman.cdx.json"


def faults() -> list[str]:
    """What is wrong with the bill."""
    bill = orjson.loads(BILL.read_bytes())
    listed = {canonicalize_name(each["name"]): each["version"] for each in bill["components"]}
    meant = {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in map(Requirement, locked("runtime"))
        if each.marker is None or each.marker.evaluate()
    }
    names = sorted({name for name, _ in meant.items() ^ listed.items()})
    return [f"{name}: {meant.get(name)} is locked, {listed.get(name)} listed" for name in names]


def main() -> int:
    """Say what is wrong; 0 where nothing is."""
    found = faults()
    print("\n".join(found) or f"{BILL.name} names what is locked")  # noqa: T201 - a command's answer
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
