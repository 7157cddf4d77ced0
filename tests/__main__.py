"""``python -m tests``: make sure that a browser and Node.js are there, then run every check and test.

``python -m tests --quick`` runs what a change breaks most often: the checks, the architecture, storage, what is
computed without a server, a net or a browser, and once the way from pictures to a prediction.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.browser.conftest import NAMES
from tests.running import ROOT

NO_NODE = (
    "The checks of the page's scripts need Node.js 18.18 or newer with npm, and {missing} is not on this machine: "
    "install your system's packages nodejs and npm and try again."
)
PYTHON_CHECKS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",))
LINT = ("npx", "--no-install", "eslint", "--max-warnings", "0", "workbench", "tests", "eslint.config.js")
QUICK = (
    *("-m", "not slow or loop"),
    *("tests/test_architecture.py", "tests/storage", "tests/workbench", "tests/api/test_loop.py"),
)
Command = tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Run everything, or what is quick; other arguments go to pytest."""
    quick = "--quick" in arguments
    arguments = [*(QUICK if quick else ()), *(argument for argument in arguments if argument != "--quick")]
    if problem := ("" if quick else _missing_browser()) or missing_node():
        print(problem)
        return 1
    for command in commands(arguments):
        print("$", *command, flush=True)
        if code := _run(*command):
            return code
    return 0


def commands(arguments: list[str]) -> list[Command]:
    """The checks and tests, those that are over soonest first."""
    scripts = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests/js").glob("*.test.js"))]
    return [
        *map(_python, PYTHON_CHECKS),
        *([] if _has_node_modules() else [("npm", "ci")]),
        LINT,
        ("node", "--test", "--test-reporter=spec", *scripts),
        _python(("pytest", *arguments)),
    ]


def missing_node() -> str:
    """What is wrong, in a sentence, where the scripts cannot be checked; else nothing."""
    missing = [name for name in ("node", "npm", "npx") if not shutil.which(name)]
    return NO_NODE.format(missing=" and ".join(missing)) if missing else ""


def _missing_browser() -> str:
    if any(map(shutil.which, NAMES)):
        return ""
    print("No Chromium on this machine; asking Playwright for one.", flush=True)
    if _run(*_python(("playwright", "install", "chromium"))):
        return "The browser tests need Chromium: install your system's chromium package and try again."
    return ""


def _has_node_modules() -> bool:
    """Whether npm has installed what the lock says since the lock was written."""
    installed = ROOT / "node_modules/.package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (ROOT / "package-lock.json").stat().st_mtime


def _python(command: Command) -> Command:
    return (sys.executable, "-m", *command)


def _run(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
