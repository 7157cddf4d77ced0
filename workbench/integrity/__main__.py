"""``python -m workbench.integrity [--repair] [--deep]``: check the data folder that WORKBENCH_DATA names."""

from __future__ import annotations

import argparse
import os
import sys

from storage.errors import DomainError, NotFound
from workbench.integrity import Findings, check
from workbench.settings import Settings, from_environment
from workbench.stores import Stores, open_stores


def main() -> int:
    """Check, say what was found, and give 0 where all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.integrity", description="Check the data folder (WORKBENCH_DATA)."
    )
    parser.add_argument("--repair", action="store_true", help="repair what can be repaired")
    parser.add_argument(
        "--deep", action="store_true", help="read every byte of every picture, which takes longer"
    )
    chosen = parser.parse_args()
    try:
        settings = from_environment(os.environ)
        found = check(_opened(settings), chosen.repair, chosen.deep)
    except DomainError as error:
        print(error, file=sys.stderr)
        return 2
    print(described(found))
    return 0 if found.ok else 1


def _opened(settings: Settings) -> Stores:
    # Opening would make a new, empty one.
    if not (settings.data / "waterline.db").is_file():
        raise NotFound(f"There is no catalogue in {settings.data}. Set WORKBENCH_DATA to the data folder.")
    return open_stores(settings)


def described(found: Findings) -> str:
    """Everything found, as lines of text."""
    lines = [f"{found.pictures:,} pictures and {found.files:,} files checked in {found.seconds:.3g} s."]
    if not found.faults:
        lines.append("All is well.")
    for fault in found.faults:
        lines += [f"{fault.what}", *(f"    {each}" for each in fault.examples if each), f"  {fault.sentence}"]
    if found.repairable:
        lines.append("Run it again with --repair.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
