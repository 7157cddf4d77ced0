"""``python -m tests``: make sure that a browser is there, then run every check and test.

``python -m tests --quick`` runs what a change breaks most often: the checks, the architecture, storage, what is
computed without a server, a net or a browser, and once the way from pictures to a prediction.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.browser.conftest import NAMES

CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("pytest",),
)
QUICK = (
    *("-m", "not slow or loop"),
    *("tests/test_architecture.py", "tests/storage", "tests/workbench", "tests/api/test_loop.py"),
)


def main(arguments: list[str]) -> int:
    """Run everything, or what is quick; other arguments go to pytest."""
    quick = "--quick" in arguments
    arguments = [*(QUICK if quick else ()), *(argument for argument in arguments if argument != "--quick")]
    if not quick and not any(map(shutil.which, NAMES)):
        print("No Chromium on this machine; asking Playwright for one.", flush=True)
        if _run("playwright", "install", "chromium"):
            print("The browser tests need Chromium: install your system's chromium package and try again.")
            return 1
    for check in CHECKS:
        print("$", *check, *(arguments if check == CHECKS[-1] else []), flush=True)
        if code := _run(*check, *(arguments if check == CHECKS[-1] else [])):
            return code
    return 0


def _run(module: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
