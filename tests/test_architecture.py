"""Who may import whom, by folder, and the size of the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.running import ROOT

# A room imports from rooms in the rows above its own. Rooms of one row meet through the other's module “service” alone.
ROOMS = (
    ("storage.core", "storage.records"),
    ("storage.queries",),
    ("storage.journal",),
    ("storage.catalogue", "storage.training", "storage.jobs", "storage.learning"),
    ("workbench.core",),
    ("workbench.imaging", "workbench.evaluation", "workbench.backbones", "workbench.web"),
    ("workbench.charts", "workbench.sample_data"),
    ("workbench.stores",),
    ("workbench.catalogue",),
    (
        *("workbench.importing", "workbench.exporting", "workbench.serving", "workbench.training"),
        *("workbench.active_learning", "workbench.label_safety", "workbench.integrity"),
    ),
    ("workbench.services",),
    ("workbench.ui",),
    ("workbench.server",),
    ("app",),
)
# Rooms within two of these: each imports from those before it and from what lies loose beside them.
INNER = {
    "workbench.training": ("engine", "search", "cluster", "worker"),
    "workbench.ui": ("components", "api", "tabs"),
}
# Who may import what: a library or a room by the folders, or names of modules, that may.
ONLY_IN = {
    "gradio": ("workbench.ui", "workbench.server"),
    "tensorflow": ("workbench.training.engine",),
    "keras": ("workbench.training.engine",),
    "ray": ("workbench.training.cluster",),
    "workbench.training.engine": (
        *("workbench.training.engine", "workbench.training.search"),
        *("workbench.training.cluster", "workbench.training.worker", "worker"),
    ),
    "workbench.training.cluster": ("workbench.training.cluster", "workbench.training.worker"),
}
LAZY = {"sklearn"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 350, 60, 5
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A Python file of the project, read and parsed once."""

    path: Path

    @property
    def module(self) -> str:
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text("utf-8")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def imports(self) -> set[str]:
        """Modules that are imported anywhere, and what is taken from them, by their full names."""
        return imported(self.nodes)

    @cached_property
    def imports_for_types(self) -> set[str]:
        """What is imported for type checkers alone."""
        guarded = [node for node in self.nodes if isinstance(node, ast.If) and _is_for_types(node)]
        return imported(part for node in guarded for part in ast.walk(node))

    @property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def classes(self) -> list[str]:
        return [node.name for node in self.nodes if isinstance(node, ast.ClassDef)]


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _is_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test) == "TYPE_CHECKING"


SOURCES = [
    Source(path)
    for path in (
        Path("app.py"),
        *sorted(
            path.relative_to(ROOT)
            for folder in ("storage", "workbench", "tests")
            for path in (ROOT / folder).rglob("*.py")
        ),
    )
]
PRODUCT = [source for source in SOURCES if source.path.parts[0] != "tests"]
MODULES = {source.module for source in PRODUCT}


def is_below(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def product_modules(names: set[str]) -> set[str]:
    """The modules of the product among some names; of ``module.function``, the module is one of them anyway."""
    return names & MODULES


def room_of(module: str) -> str:
    return next((disk_space for row in ROOMS for disk_space in row if is_below(module, disk_space)), module)


def rank_of(module: str) -> int:
    """The row of a module's room; a bare package such as ``workbench`` is above all."""
    return next((rank for rank, row in enumerate(ROOMS) if room_of(module) in row), -1)


def arrows() -> Iterator[tuple[str, str]]:
    """Every import of one module of the product by another."""
    for source in PRODUCT:
        for target in product_modules(source.imports):
            yield source.module, target


def test_imports_go_from_upper_rooms_to_lower_ones() -> None:
    wrong = [
        f"{source} imports {target}"
        for source, target in arrows()
        if room_of(source) != room_of(target)
        and not any(is_below(target, disk_space) for disk_space in ONLY_IN)
        and (
            rank_of(target) > rank_of(source)
            or (
                rank_of(target) == rank_of(source)
                and target not in {room_of(target), f"{room_of(target)}.service"}
            )
        )
    ]
    assert wrong == []


@pytest.mark.parametrize("package", INNER)
def test_the_rooms_within_a_room_have_an_order_too(package: str) -> None:
    order = INNER[package]
    ranks = {f"{package}.{disk_space}": number for number, disk_space in enumerate(order)}

    def rank(module: str) -> int | None:
        return next((number for disk_space, number in ranks.items() if is_below(module, disk_space)), None)

    inside = [
        (source, target)
        for source, target in arrows()
        if is_below(source, package) and rank(source) is not None
    ]
    assert [
        f"{source} imports {target}" for source, target in inside if (rank(target) or 0) > (rank(source) or 0)
    ] == []


def test_a_tab_knows_no_other_tab() -> None:
    tabs = "workbench.ui.tabs"
    crossing = [
        f"{source} imports {target}"
        for source, target in arrows()
        if is_below(source, tabs)
        and is_below(target, tabs)
        and source.split(".")[3:4] != target.split(".")[3:4]
    ]
    assert crossing == []


@pytest.mark.parametrize("name", ONLY_IN)
def test_a_library_stays_in_its_room(name: str) -> None:
    allowed = ONLY_IN[name]
    outside = [
        source.module
        for source in PRODUCT
        if any(is_below(target, name) for target in source.imports - source.imports_for_types)
        and not any(is_below(source.module, disk_space) for disk_space in allowed)
        and source.path.stem not in allowed
    ]
    assert outside == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        source.module: product_modules(source.imports - source.imports_for_types) - {source.module}
        for source in PRODUCT
        if source.path.name != "__init__.py"
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the modules of the circle


def test_slow_libraries_are_imported_where_they_are_needed() -> None:
    assert [
        source.module for source in PRODUCT if LAZY & {name.split(".")[0] for name in at_start(source)}
    ] == []


def at_start(source: Source) -> set[str]:
    """What a module imports as soon as it is imported itself: not in functions, not for type checkers."""
    inner = [node for function in source.functions for node in ast.walk(function)]
    return imported(set(source.nodes) - set(inner)) - source.imports_for_types


def test_the_product_does_not_know_its_tests() -> None:
    assert [
        source.module for source in PRODUCT if any(is_below(name, "tests") for name in source.imports)
    ] == []


def test_one_name_is_one_class() -> None:
    homes = defaultdict(list)
    for source in PRODUCT:
        for name in source.classes:
            homes[name].append(source.module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_code_stays_small() -> None:
    assert [str(source.path) for source in SOURCES if len(source.text.splitlines()) > MOST_LINES] == []
    long = [
        f"{source.module}.{function.name} has {lines} lines"
        for source in SOURCES
        for function in source.functions
        if (lines := _lines(function) - sum(map(_docstring_lines, ast.walk(function)))) > MOST_FUNCTION_LINES
    ]
    assert long == []


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def _docstring_lines(node: ast.AST) -> int:
    return _lines(node.body[0]) if isinstance(node, Function) and ast.get_docstring(node) else 0


def test_functions_take_few_parameters() -> None:
    """The parameters of an endpoint are named fields that scripts send; a record in their place would only hide them."""
    many = [
        f"{source.module}.{function.name}"
        for source in PRODUCT
        if source.path.parent != Path("workbench/ui/api")
        for function in source.functions
        if len(_parameters(function)) > MOST_PARAMETERS
    ]
    assert many == []


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"}]


def test_the_server_imports_neither_tensorflow_nor_sklearn() -> None:
    code = "import sys, workbench.server, workbench.services; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in ran.stdout.split()}
    assert "gradio" in loaded
    assert not loaded & {"tensorflow", "keras", *LAZY, "torch", "jax"}


@pytest.mark.slow
def test_charts_and_scikit_learn_share_nothing_that_two_threads_could_import_at_once() -> None:
    """Python refuses one of two threads that import modules of one cycle, and the page asks for both at once."""
    measures = "{'accuracy': 1, 'macro_f1': 1, 'per_class': []}"
    drawn = _newly_imported(
        f"from workbench.charts import *\ncomparison_bars(*[VersionMetrics('v1', {measures})] * 2)"
    )
    both = drawn & _newly_imported("import sklearn.model_selection")
    assert not {name for name in both if name.split(".")[0] not in sys.stdlib_module_names}


def _newly_imported(statements: str) -> set[str]:
    code = f"import sys, workbench.server\nthere = set(sys.modules)\n{statements}\nprint(*set(sys.modules) - there)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
