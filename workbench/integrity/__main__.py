"""``python -m workbench.integrity [--repair] [--deep]``: check the data folder that WORKBENCH_DATA names."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

from storage.core.errors import DomainError, NotFound
from workbench.core.instance_lock import lock_holder
from workbench.core.privacy import restrict_process
from workbench.core.settings import Settings, from_environment
from workbench.integrity import IntegrityReport, check
from workbench.stores import Stores, open_stores

PATIENCE_SECONDS = 10.0
UNAVAILABLE = 503


def main() -> int:
    """Run the check and print the report; returns exit code 0 if there are no faults, 1 if there are, 2 on errors."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.integrity", description="Check the data folder (WORKBENCH_DATA)."
    )
    parser.add_argument("--repair", action="store_true", help="repair what can be repaired")
    parser.add_argument(
        "--deep", action="store_true", help="read every byte of every picture, which takes longer"
    )
    arguments = parser.parse_args()
    restrict_process()
    try:
        settings = from_environment(os.environ)
        if problem := running_server_problem(settings):
            print(f"The server that is running says: {problem}", file=sys.stderr)
            return 1
        report = check(_open_existing(settings), arguments.repair, arguments.deep)
    except DomainError as error:
        print(error, file=sys.stderr)
        return 2
    print(format_report(report))
    return 0 if report.ok else 1


def _open_existing(settings: Settings) -> Stores:
    # Opening would otherwise create a new, empty catalogue.
    if not (settings.data / "waterline.db").is_file():
        raise NotFound(f"There is no catalogue in {settings.data}. Set WORKBENCH_DATA to the data folder.")
    return open_stores(settings)


def running_server_problem(settings: Settings) -> str:
    """The problem that a running server reports, since only it can detect that its open database was replaced on disk.

    Empty if there is no problem, no server, or the server cannot be reached.
    """
    address = lock_holder(settings.data).replace("//0.0.0.0:", "//127.0.0.1:")
    # Without a proxy, since the server is on this machine.
    open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        open_url(f"{address}/healthz", timeout=PATIENCE_SECONDS).close()
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["problem"]) if error.code == UNAVAILABLE else ""
    except (OSError, ValueError):  # no server, or not reachable
        pass
    return ""


def format_report(report: IntegrityReport) -> str:
    """Format the report as text."""
    lines = [f"{report.pictures:,} pictures and {report.files:,} files checked in {report.seconds:.3g} s."]
    if not report.faults:
        lines.append("All is well.")
    for fault in report.faults:
        lines += [
            f"{fault.what}",
            *(f"    {example}" for example in fault.examples if example),
            f"  {fault.sentence}",
        ]
    if report.repairable:
        lines.append("Run it again with --repair.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
