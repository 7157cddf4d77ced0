"""``python -m workbench.integrity [--repair] [--deep]``: check the data folder that WORKBENCH_DATA names."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

from storage.core.errors import DomainError, NotFound
from workbench.core.instance_lock import holder
from workbench.core.privacy import begin_private
from workbench.core.settings import Settings, from_environment
from workbench.integrity import IntegrityReport, check
from workbench.stores import Stores, open_stores

PATIENCE_SECONDS = 10.0
UNAVAILABLE = 503


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
    begin_private()
    try:
        settings = from_environment(os.environ)
        if problem := told_by_server(settings):
            print(f"The server that is running says: {problem}", file=sys.stderr)
            return 1
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


def told_by_server(settings: Settings) -> str:
    """What a running server says is wrong; only it can tell that the database it has open is not the one on the disk."""
    address = holder(settings.data).replace("//0.0.0.0:", "//127.0.0.1:")
    # Not through a proxy, which would not reach this machine.
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        ask(f"{address}/healthz", timeout=PATIENCE_SECONDS).close()
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["problem"]) if error.code == UNAVAILABLE else ""
    except (OSError, ValueError):  # there is none, or it cannot be reached from here
        pass
    return ""


def described(found: IntegrityReport) -> str:
    """Everything found, as lines of text."""
    lines = [f"{found.pictures:,} pictures and {found.files:,} files checked in {found.seconds:.3g} s."]
    if not found.faults:
        lines.append("All is well.")
    for fault in found.faults:
        lines += [
            f"{fault.what}",
            *(f"    {example}" for example in fault.examples if example),
            f"  {fault.sentence}",
        ]
    if found.repairable:
        lines.append("Run it again with --repair.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
