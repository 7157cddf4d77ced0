"""The direction of the imports and the size of the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

FOLDERS = ("storage", "workbench", "tests")
SOURCES = [
    Path("app.py"),
    *sorted(path.relative_to(ROOT) for each in FOLDERS for path in (ROOT / each).rglob("*.py")),
]
PRODUCT = [path for path in SOURCES if path.parts[0] != "tests"]
TRAINING = Path("workbench/training")
INSIGHT = Path("workbench/insight")
RUN_BY_THE_WORKER = {
    *(
        TRAINING / f"{name}.py"
        for name in (
            "train",
            "feed",
            "architectures",
            "callbacks",
            "export",
            "trunks",
            "templates",
            "transfer",
            "recipes",
            "scratch",
            "compiling",
            "checkpoints",
            "devices",
            "stopwatch",
            "crossval",
            "serial",
            "averaged",
            "members",
        )
    ),
    INSIGHT / "nets.py",
}
LAUNCHERS = TRAINING / "launchers"
WORKERS = {
    TRAINING / "worker.py",
    TRAINING / "results.py",
    TRAINING / "search.py",
    TRAINING / "trying.py",
    INSIGHT / "worker.py",
    LAUNCHERS / "cluster.py",
    LAUNCHERS / "errands.py",
    LAUNCHERS / "node.py",
}
HEAVY = {"tensorflow", "keras"}
LAZY = {"sklearn"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 350, 60, 5
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def imported(nodes: Iterator[ast.AST] | list[ast.stmt], path: Path) -> set[str]:
    """Full names of the modules that some statements import, and of what they take from them."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: len(path.parts) - node.level] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{each.name}" for each in node.names}
    return names


def everywhere(path: Path) -> set[str]:
    return imported(ast.walk(tree(path)), path)


def at_start(path: Path) -> set[str]:
    """What a module imports as soon as it is imported itself: not in functions, not for type checkers."""
    waiting: list[ast.stmt] = list(tree(path).body)
    found = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif not isinstance(node, Function) and not _only_for_types(node):
            waiting += [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
    return imported(found, path)


def _only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def below(names: set[str], *packages: str) -> set[str]:
    return {name for name in names for package in packages if f"{name}.".startswith(f"{package}.")}


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def _docstring_lines(node: ast.AST) -> int:
    return _lines(node.body[0]) if isinstance(node, Function) and ast.get_docstring(node) else 0


def of(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=str)


@of([path for path in PRODUCT if path.parts[0] == "storage"])
def test_storage_knows_nothing_above_it(path: Path) -> None:
    assert not tops(everywhere(path)) & {"gradio", "workbench", "app", "tests", *HEAVY}


@of(PRODUCT)
def test_only_the_page_and_the_server_import_gradio(path: Path) -> None:
    if path.parts[:2] != ("workbench", "ui") and path != Path("workbench/server.py"):
        assert not below(everywhere(path), "gradio", "workbench.ui")
    if path not in {Path("app.py"), Path("workbench/server.py")}:
        assert not below(everywhere(path), "workbench.server", "app")


@of(PRODUCT)
def test_only_what_the_worker_runs_imports_tensorflow(path: Path) -> None:
    if path in RUN_BY_THE_WORKER:
        return
    assert not tops(everywhere(path)) & HEAVY
    modules = {".".join(each.with_suffix("").parts) for each in RUN_BY_THE_WORKER}
    assert not below(at_start(path), *modules)
    if path not in WORKERS:
        workers = {".".join(each.with_suffix("").parts) for each in WORKERS}
        assert not below(everywhere(path), *modules, *workers)


@of(PRODUCT)
def test_slow_libraries_are_imported_where_they_are_needed(path: Path) -> None:
    assert not tops(at_start(path)) & LAZY


@of(PRODUCT)
def test_the_product_does_not_know_its_tests(path: Path) -> None:
    assert "tests" not in tops(everywhere(path))


@of(SOURCES)
def test_code_stays_small(path: Path) -> None:
    assert len((ROOT / path).read_text("utf-8").splitlines()) <= MOST_LINES
    for function in functions(path):
        lines = _lines(function) - sum(map(_docstring_lines, ast.walk(function)))
        assert lines <= MOST_FUNCTION_LINES, f"{function.name} has {lines} lines"


# The parameters of an endpoint are named fields that scripts send; a record in their place would only hide them.
@of([path for path in PRODUCT if path.parent != Path("workbench/ui/endpoints")])
def test_functions_take_few_parameters(path: Path) -> None:
    for function in functions(path):
        given = function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        names = [each for each in names if each not in {"self", "cls"}]
        assert len(names) <= MOST_PARAMETERS, f"{function.name} takes {', '.join(names)}"


def test_the_server_imports_neither_tensorflow_nor_sklearn() -> None:
    code = "import sys, workbench.server, workbench.services; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = tops(set(ran.stdout.split()))
    assert "gradio" in loaded
    assert not loaded & {*HEAVY, *LAZY, "torch", "jax"}


def test_charts_and_scikit_learn_share_nothing_that_two_threads_could_import_at_once() -> None:
    """Python refuses one of two threads that import modules of one cycle, and the page asks for both at once."""
    measures = "{'accuracy': 1, 'macro_f1': 1, 'per_class': []}"
    drawn = _newly_imported(
        f"from workbench.charts import *\ncomparison_bars(*[Measured('v1', {measures})] * 2)"
    )
    both = drawn & _newly_imported("import sklearn.model_selection")
    assert not {name for name in both if name.split(".")[0] not in sys.stdlib_module_names}


def _newly_imported(statements: str) -> set[str]:
    code = f"import sys, workbench.server\nthere = set(sys.modules)\n{statements}\nprint(*set(sys.modules) - there)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
